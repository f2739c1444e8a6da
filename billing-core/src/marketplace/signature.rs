//! Whether a seller signed.

use alloy::primitives::{Address, Bytes};
use billing_bindings::Marketplace;

use super::{ListingError, ListingTerms, hash};
use crate::chain::{ChainError, Rpc, SignatureCheck, signature};

/// The signature as the contract takes it, if the seller signed these terms: by its key, or as a contract wallet
/// (ERC-1271, ERC-6492) on the network asked.
///
/// # Errors
/// `Signature` when it did not, `NoMarketplace`; a node's, when it is not known.
pub async fn verify(terms: &ListingTerms, signature: &[u8], rpc: &Rpc) -> Result<Bytes, ListingError> {
    let marketplace = rpc.network.marketplace().ok_or(ListingError::NoMarketplace(rpc.network.chain_id))?;
    let verifier = || verifier(rpc, marketplace);
    match signature::check(rpc, terms.seller, hash(terms, marketplace), signature, verifier).await? {
        SignatureCheck::Signed(signature) => Ok(signature),
        SignatureCheck::Refused(why) => Err(ListingError::Signature(why)),
    }
}

async fn verifier(rpc: &Rpc, marketplace: Address) -> Result<Address, ChainError> {
    let services = Marketplace::new(marketplace, &rpc.provider).services().call().await;
    Ok(services.map_err(|error| rpc.error(&error))?.verifier)
}
