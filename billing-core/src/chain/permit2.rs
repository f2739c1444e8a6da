//! Permit2's `AllowanceTransfer`: what a wallet signs for a spender, and what it allows already.

use alloy::{
    primitives::{Address, B256, Bytes, U256, address},
    sol,
    sol_types::{Eip712Domain, SolStruct},
};
use billing_bindings::{
    IAllowanceTransfer::{PermitDetails, PermitSingle},
    SubscriptionManager,
};

use super::{PermitError, Rpc, SignatureCheck, revert, signature};
use crate::ids::ChainId;

/// Permit2, at one address on every chain.
pub const PERMIT2: Address = address!("000000000022D473030F116dDEE9F6B43aC78BA3");

sol! {
    #[sol(rpc)]
    contract Permit2 {
        function allowance(address owner, address token, address spender)
            external view returns (uint160 amount, uint48 expiration, uint48 nonce);
    }
}

/// What an owner lets a spender take of a token through Permit2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Left to take, smallest unit.
    pub amount: U256,
    /// Last unix second at which it may be taken.
    pub expiration: u64,
    /// Number that the next permit must have.
    pub nonce: u64,
}

/// A wallet's signed `PermitSingle`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit2Signature {
    /// Amount signed, smallest unit; below 2^160.
    pub amount: U256,
    /// Last unix second of the allowance; below 2^48.
    pub expiration: u64,
    /// Number of the permit; below 2^48.
    pub nonce: u64,
    /// Last unix second at which Permit2 takes the signature.
    pub sig_deadline: u64,
    /// The wallet's, 65 bytes, or what a contract wallet takes.
    pub signature: Bytes,
}

/// What Permit2 says of the owner, the token and the spender.
///
/// # Errors
/// `Unsupported` where no Permit2 stands; a node's.
pub async fn allowance(rpc: &Rpc, owner: Address, token: Address, spender: Address) -> Result<Allowance, PermitError> {
    let found = Permit2::new(PERMIT2, &rpc.provider).allowance(owner, token, spender).call().await;
    match found {
        Ok(found) => {
            Ok(Allowance { amount: found.amount.to(), expiration: found.expiration.to(), nonce: found.nonce.to() })
        }
        Err(error) if revert::is_contracts(&error) => {
            Err(PermitError::Unsupported("there is no Permit2 on this chain"))
        }
        Err(error) => Err(rpc.error(&error).into()),
    }
}

/// The message for Permit2, as the contracts take it. `None` for numbers that its fields cannot hold.
#[must_use]
pub fn single(
    token: Address,
    spender: Address,
    amount: U256,
    expiration: u64,
    nonce: u64,
    sig_deadline: u64,
) -> Option<PermitSingle> {
    Some(PermitSingle {
        details: PermitDetails {
            token,
            amount: (amount.bit_len() <= 160).then(|| amount.to())?,
            expiration: expiration.try_into().ok()?,
            nonce: nonce.try_into().ok()?,
        },
        spender,
        sigDeadline: U256::from(sig_deadline),
    })
}

/// What the owner signs.
#[must_use]
pub fn digest(chain_id: ChainId, single: &PermitSingle) -> B256 {
    single.eip712_signing_hash(&domain(chain_id))
}

fn domain(chain_id: ChainId) -> Eip712Domain {
    Eip712Domain::new(Some("Permit2".into()), None, Some(U256::from(chain_id.as_u64())), Some(PERMIT2), None)
}

/// What `eth_signTypedData_v4` takes.
#[must_use]
pub fn typed_data(chain_id: ChainId, single: &PermitSingle) -> serde_json::Value {
    let field = |name: &str, kind: &str| serde_json::json!({ "name": name, "type": kind });
    serde_json::json!({
        "types": {
            "EIP712Domain": [
                field("name", "string"), field("chainId", "uint256"), field("verifyingContract", "address"),
            ],
            "PermitSingle": [
                field("details", "PermitDetails"), field("spender", "address"), field("sigDeadline", "uint256"),
            ],
            "PermitDetails": [
                field("token", "address"), field("amount", "uint160"), field("expiration", "uint48"),
                field("nonce", "uint48"),
            ],
        },
        "primaryType": "PermitSingle",
        "domain": { "name": "Permit2", "chainId": chain_id.to_string(), "verifyingContract": PERMIT2 },
        "message": {
            "details": {
                "token": single.details.token, "amount": single.details.amount.to_string(),
                "expiration": single.details.expiration.to_string(), "nonce": single.details.nonce.to_string(),
            },
            "spender": single.spender,
            "sigDeadline": single.sigDeadline.to_string(),
        },
    })
}

/// The signature as Permit2 takes it, if `owner` made it: by key, or as a contract wallet.
///
/// # Errors
/// `Signer`; a node's.
pub async fn verified(
    rpc: &Rpc,
    owner: Address,
    single: &PermitSingle,
    signature: &[u8],
) -> Result<Bytes, PermitError> {
    let digest = digest(rpc.network.chain_id, single);
    let manager = SubscriptionManager::new(rpc.network.subscription_manager, &rpc.provider);
    // Asks deployed wallets as Permit2 does.
    let verifier = || async { Ok(manager.services().call().await.map_err(|e| rpc.error(&e))?.verifier) };
    match signature::check(rpc, owner, digest, signature, verifier).await? {
        SignatureCheck::Signed(signature) => Ok(signature),
        SignatureCheck::Refused(_) => Err(PermitError::Signer(owner)),
    }
}

#[cfg(test)]
mod tests {
    use alloy::dyn_abi::TypedData;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wallet_that_signs_the_typed_data_signs_what_permit2_checks(
            chain_id in 1_i64..i64::MAX,
            token in any::<[u8; 20]>(),
            amount in any::<u128>(),
            expiration in 0_u64..(1 << 48),
            nonce in 0_u64..(1 << 48),
            deadline in any::<u64>(),
        ) {
            let chain_id = ChainId(chain_id);
            let spender = Address::repeat_byte(7);
            let single = single(Address::from(token), spender, U256::from(amount), expiration, nonce, deadline)
                .expect("fits");
            let typed: TypedData = serde_json::from_value(typed_data(chain_id, &single)).expect("typed data");
            prop_assert_eq!(typed.eip712_signing_hash().expect("a hash"), digest(chain_id, &single));
        }
    }

    #[test]
    fn its_type_is_permit2s() {
        let single = single(PERMIT2, PERMIT2, U256::ZERO, 0, 0, 0).expect("fits");
        let expected = "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)\
                        PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)";
        assert_eq!(single.eip712_type_hash(), alloy::primitives::keccak256(expected));
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert!(single(PERMIT2, PERMIT2, U256::ONE << 160, 0, 0, 0).is_none());
        assert!(single(PERMIT2, PERMIT2, U256::ZERO, 1 << 48, 0, 0).is_none());
        assert!(single(PERMIT2, PERMIT2, U256::ZERO, 0, 1 << 48, 0).is_none());
    }
}
