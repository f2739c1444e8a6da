//! EIP-2612 permits: what the wallet signs, and whether it did.

use alloy::{
    primitives::{Address, B256, Signature, U256},
    sol,
    sol_types::{Eip712Domain, SolStruct},
};

use super::SubscribeError;
use crate::chain::Rpc;

sol! {
    /// EIP-20 and EIP-2612 with EIP-5267, as far as a subscription needs them.
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

/// Name and version under which the token checks permits, proven by its own separator.
pub(super) async fn domain(rpc: &Rpc, token: Address) -> Result<Eip712Domain, SubscribeError> {
    let contract = PermitToken::new(token, rpc.provider.clone());
    let Ok(separator) = contract.DOMAIN_SEPARATOR().call().await else {
        return Err(SubscribeError::TokenWithoutPermit("it has no DOMAIN_SEPARATOR"));
    };
    let (name, version) = match contract.eip712Domain().call().await {
        Ok(domain) => (domain.name, domain.version),
        Err(_) => {
            let Ok(name) = contract.name().call().await else {
                return Err(SubscribeError::TokenWithoutPermit("it has no name"));
            };
            (name, contract.version().call().await.unwrap_or_else(|_| "1".to_owned()))
        }
    };
    let chain_id = U256::from(rpc.network.chain_id.as_u64());
    let domain = Eip712Domain::new(Some(name.into()), Some(version.into()), Some(chain_id), Some(token), None);
    if domain.separator() != separator {
        return Err(SubscribeError::TokenWithoutPermit("its EIP-712 domain is none that we know"));
    }
    Ok(domain)
}

/// What the token counts for this owner's next permit.
pub(super) async fn nonce(rpc: &Rpc, token: Address, owner: Address) -> Result<U256, SubscribeError> {
    let contract = PermitToken::new(token, rpc.provider.clone());
    contract.nonces(owner).call().await.map_err(|_| SubscribeError::TokenWithoutPermit("it has no nonces"))
}

/// What `eth_signTypedData_v4` takes.
pub(super) fn typed_data(domain: &Eip712Domain, permit: &Permit) -> serde_json::Value {
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

/// The signature's parts, `v` as 27 or 28, if its owner made it.
pub(super) fn parts(
    domain: &Eip712Domain,
    permit: &Permit,
    signature: &[u8],
) -> Result<(u8, B256, B256), SubscribeError> {
    let not_theirs = || SubscribeError::PermitSigner(permit.owner);
    let signature = Signature::from_raw(signature).map_err(|_| not_theirs())?;
    let signer = signature.recover_address_from_prehash(&permit.eip712_signing_hash(domain));
    if signer.map_err(|_| not_theirs())? != permit.owner {
        return Err(not_theirs());
    }
    Ok((27 + u8::from(signature.v()), signature.r().into(), signature.s().into()))
}
