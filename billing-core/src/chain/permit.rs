//! EIP-2612 permits: what the wallet signs, and whether it did.

use alloy::{
    primitives::{Address, B256, U256},
    sol,
    sol_types::{Eip712Domain, SolStruct},
};

use super::{ChainError, Rpc, revert, signature};

sol! {
    /// EIP-20 and EIP-2612 with EIP-5267, as far as payments need them.
    #[sol(rpc)]
    contract PermitToken {
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 amount) external returns (bool);
        function name() external view returns (string memory);
        function version() external view returns (string memory);
        function nonces(address owner) external view returns (uint256);
        function DOMAIN_SEPARATOR() external view returns (bytes32);
        function eip712Domain() external view returns (bytes1 fields, string memory name, string memory version,
            uint256 chainId, address verifyingContract, bytes32 salt, uint256[] memory extensions);
    }

    /// EIP-2612.
    #[derive(Debug)]
    struct Permit {
        address owner;
        address spender;
        uint256 value;
        uint256 nonce;
        uint256 deadline;
    }
}

/// A wallet's permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermitSignature {
    /// Amount signed, smallest unit.
    pub value: U256,
    /// Unix second after which the token refuses it.
    pub deadline: u64,
    /// 65 bytes.
    pub signature: alloy::primitives::Bytes,
}

/// Why there is no permit.
#[derive(Debug, thiserror::Error)]
pub enum PermitError {
    /// The token has no EIP-2612 permit that we could prepare.
    #[error("the token takes no permit ({0}); use approval")]
    Unsupported(&'static str),
    /// It was signed by somebody else, or over something else.
    #[error("the permit is not signed by {0} over this value, deadline and nonce")]
    Signer(Address),
    /// A node's.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Name and version under which the token checks permits, proven by its own separator.
///
/// # Errors
/// `Unsupported`; a node's.
pub async fn domain(rpc: &Rpc, token: Address) -> Result<Eip712Domain, PermitError> {
    let contract = PermitToken::new(token, rpc.provider.clone());
    let separator =
        contract.DOMAIN_SEPARATOR().call().await.map_err(|e| lacks(rpc, &e, "it has no DOMAIN_SEPARATOR"))?;
    let (name, version) = match contract.eip712Domain().call().await {
        Ok(domain) => (domain.name, domain.version),
        Err(error) if !revert::is_contracts(&error) => return Err(rpc.error(&error).into()),
        Err(_) => {
            let name = contract.name().call().await.map_err(|e| lacks(rpc, &e, "it has no name"))?;
            let version = match contract.version().call().await {
                Ok(version) => version,
                Err(error) if revert::is_contracts(&error) => "1".to_owned(),
                Err(error) => return Err(rpc.error(&error).into()),
            };
            (name, version)
        }
    };
    let chain_id = U256::from(rpc.network.chain_id.as_u64());
    let domain = Eip712Domain::new(Some(name.into()), Some(version.into()), Some(chain_id), Some(token), None);
    if domain.separator() != separator {
        return Err(PermitError::Unsupported("its EIP-712 domain is none that we know"));
    }
    Ok(domain)
}

/// What the token counts for this owner's next permit.
///
/// # Errors
/// `Unsupported`; a node's.
pub async fn nonce(rpc: &Rpc, token: Address, owner: Address) -> Result<U256, PermitError> {
    let contract = PermitToken::new(token, rpc.provider.clone());
    contract.nonces(owner).call().await.map_err(|error| lacks(rpc, &error, "it has no nonces"))
}

fn lacks(rpc: &Rpc, error: &alloy::contract::Error, what: &'static str) -> PermitError {
    if revert::is_contracts(error) { PermitError::Unsupported(what) } else { rpc.error(error).into() }
}

/// What `eth_signTypedData_v4` takes.
#[must_use]
pub fn typed_data(domain: &Eip712Domain, permit: &Permit) -> serde_json::Value {
    let field = |name: &str, kind: &str| serde_json::json!({ "name": name, "type": kind });
    serde_json::json!({
        "types": {
            "EIP712Domain": [
                field("name", "string"), field("version", "string"), field("chainId", "uint256"),
                field("verifyingContract", "address"),
            ],
            "Permit": [
                field("owner", "address"), field("spender", "address"), field("value", "uint256"),
                field("nonce", "uint256"), field("deadline", "uint256"),
            ],
        },
        "primaryType": "Permit",
        "domain": {
            "name": domain.name, "version": domain.version,
            "chainId": domain.chain_id.map(|id| id.to_string()), "verifyingContract": domain.verifying_contract,
        },
        "message": {
            "owner": permit.owner, "spender": permit.spender, "value": permit.value.to_string(),
            "nonce": permit.nonce.to_string(), "deadline": permit.deadline.to_string(),
        },
    })
}

/// The signature's parts as tokens take them, if its owner made it.
///
/// # Errors
/// `Signer`.
pub fn parts(domain: &Eip712Domain, permit: &Permit, signature: &[u8]) -> Result<(u8, B256, B256), PermitError> {
    let signature = signature::by_key(permit.owner, permit.eip712_signing_hash(domain), signature)
        .ok_or(PermitError::Signer(permit.owner))?;
    Ok((27 + u8::from(signature.v()), signature.r().into(), signature.s().into()))
}
