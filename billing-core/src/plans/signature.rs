//! Whether a merchant signed.

use alloy::{
    primitives::{Address, Bytes},
    signers::{SignerSync, local::PrivateKeySigner},
};

use billing_bindings::PlanManager;

use super::{PlanError, PlanTerms, hash};
use crate::chain::{Rpc, SignatureCheck, signature};

/// Signs terms with a local key.
///
/// # Errors
/// `Signature` when the key does not sign.
pub fn sign(terms: &PlanTerms, plan_manager: Address, signer: &PrivateKeySigner) -> Result<Bytes, PlanError> {
    let signature = signer.sign_hash_sync(&hash(terms, plan_manager));
    Ok(signature.map_err(|error| PlanError::Signature(error.to_string()))?.as_bytes().into())
}

/// The signature as the contract takes it, if the merchant signed these terms: by its key, or as a contract wallet
/// (ERC-1271, ERC-6492) on the network asked.
///
/// # Errors
/// `Signature` when it did not; a node's, when that is not known.
pub async fn verify(terms: &PlanTerms, signature: &[u8], rpc: &Rpc) -> Result<Bytes, PlanError> {
    let digest = hash(terms, rpc.network.plan_manager);
    let manager = PlanManager::new(rpc.network.plan_manager, &rpc.provider);
    let verifier = || async { manager.VERIFIER().call().await.map_err(|error| rpc.error(&error)) };
    match signature::check(rpc, terms.merchant, digest, signature, verifier).await? {
        SignatureCheck::Signed(signature) => Ok(signature),
        SignatureCheck::Refused(why) => Err(PlanError::Signature(why)),
    }
}
