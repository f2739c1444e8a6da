//! Whether a merchant signed.

use alloy::{
    primitives::{B256, Bytes, Signature},
    providers::Provider,
    signers::{SignerSync, local::PrivateKeySigner},
    sol,
};

use super::{PlanError, PlanTerms, hash};
use crate::chain::Rpc;

sol! {
    /// EIP-1271.
    #[sol(rpc)]
    contract ContractWallet {
        function isValidSignature(bytes32 hash, bytes memory signature) external view returns (bytes4 magic);
    }
}

/// What a contract wallet answers for a good signature (EIP-1271).
const MAGIC: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

/// Signs terms with a local key.
///
/// # Errors
/// `Signature` when the key does not sign.
pub fn sign(
    terms: &PlanTerms,
    plan_manager: alloy::primitives::Address,
    signer: &PrivateKeySigner,
) -> Result<Bytes, PlanError> {
    let signature = signer.sign_hash_sync(&hash(terms, plan_manager));
    Ok(signature.map_err(|error| PlanError::Signature(error.to_string()))?.as_bytes().into())
}

/// Whether the merchant signed these terms: by its key, or as a contract wallet (ERC-1271) on the network asked.
///
/// # Errors
/// `Signature` when it did not; a node's.
pub async fn verify(terms: &PlanTerms, signature: &[u8], rpc: &Rpc) -> Result<(), PlanError> {
    let digest = hash(terms, rpc.network.plan_manager);
    if recovers_to_merchant(terms, digest, signature) {
        return Ok(());
    }
    let code = rpc.provider.get_code_at(terms.merchant).await.map_err(|e| rpc.error(&e))?;
    if code.is_empty() {
        return Err(PlanError::Signature(format!("is not {}'s over plan {digest}", terms.merchant)));
    }
    let wallet = ContractWallet::new(terms.merchant, rpc.provider.clone());
    match wallet.isValidSignature(digest, signature.to_vec().into()).call().await {
        Ok(magic) if magic.0 == MAGIC => Ok(()),
        Ok(_) => Err(PlanError::Signature(format!("the contract wallet {} refuses it", terms.merchant))),
        Err(error) => Err(PlanError::Signature(format!("the contract wallet: {}", rpc.error(&error)))),
    }
}

fn recovers_to_merchant(terms: &PlanTerms, digest: B256, signature: &[u8]) -> bool {
    let Ok(signature) = Signature::from_raw(signature) else { return false };
    signature.recover_address_from_prehash(&digest).is_ok_and(|signer| signer == terms.merchant)
}
