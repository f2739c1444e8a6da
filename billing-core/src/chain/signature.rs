//! Whether an account signed a digest, as our contracts will see it: by its key, or as a contract (ERC-1271, ERC-6492).

use alloy::{
    primitives::{Address, B256, Bytes, Signature, b256},
    providers::Provider,
    sol,
};

use super::{ChainError, Rpc, revert};

sol! {
    /// The contract that ours ask about wallets, also those not deployed yet (ERC-6492).
    #[sol(rpc)]
    contract SignatureVerifier {
        function isValidSignature(address signer, bytes32 digest, bytes calldata signature) external returns (bool valid);
    }
}

/// What the signature of a wallet that is not deployed yet ends with (ERC-6492).
const NOT_DEPLOYED: B256 = b256!("0x6492649264926492649264926492649264926492649264926492649264926492");

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureCheck {
    /// The account signed; these bytes are the signature as the contracts take it.
    Signed(Bytes),
    /// It did not, and why that is known.
    Refused(String),
}

/// Whether `signer` signed `digest`. A key's signature comes back in the one form that the contracts take: 65 bytes, low
/// `s`, `v` 27 or 28, whatever form it came in. A wallet's comes back as it came.
///
/// `verifier` tells the contract that the module in question asks about wallets; it is called only where one may be.
///
/// # Errors
/// A node's: then it is not known whether the account signed.
pub async fn check<F>(
    rpc: &Rpc,
    signer: Address,
    digest: B256,
    signature: &[u8],
    verifier: impl FnOnce() -> F,
) -> Result<SignatureCheck, ChainError>
where
    F: Future<Output = Result<Address, ChainError>>,
{
    if let Some(signature) = by_key(signer, digest, signature) {
        return Ok(SignatureCheck::Signed(signature.as_bytes().into()));
    }
    let code = rpc.provider.get_code_at(signer).await.map_err(|e| rpc.error(&e))?;
    if code.is_empty() && !signature.ends_with(NOT_DEPLOYED.as_slice()) {
        return Ok(SignatureCheck::Refused(format!("is not {signer}'s over {digest}")));
    }
    let raw = Bytes::copy_from_slice(signature);
    let verifier = SignatureVerifier::new(verifier().await?, &rpc.provider);
    match verifier.isValidSignature(signer, digest, raw.clone()).call().await {
        Ok(true) => Ok(SignatureCheck::Signed(raw)),
        Ok(false) => {
            Ok(SignatureCheck::Refused(format!("is not {signer}'s over {digest}, neither as key nor as wallet")))
        }
        Err(error) if revert::is_contracts(&error) => {
            Ok(SignatureCheck::Refused(format!("the wallet {signer} does not accept it: {}", rpc.error(&error))))
        }
        Err(error) => Err(rpc.error(&error)),
    }
}

/// The signature with low `s` if `signer`'s key made it; 65 bytes with any parity that is in use, or 64 (EIP-2098).
pub(crate) fn by_key(signer: Address, digest: B256, signature: &[u8]) -> Option<Signature> {
    let signature = match signature.len() {
        64 => Signature::from_erc2098(signature),
        _ => Signature::from_raw(signature).ok()?,
    }
    .normalized_s();
    signature.recover_address_from_prehash(&digest).is_ok_and(|found| found == signer).then_some(signature)
}

#[cfg(test)]
mod tests {
    use alloy::{
        primitives::{U256, uint},
        signers::{SignerSync, local::PrivateKeySigner},
    };
    use proptest::prelude::*;

    use super::*;

    /// Order of secp256k1.
    const N: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn every_form_of_a_keys_signature_becomes_the_one_that_contracts_take(
            key in 1_u64..,
            digest in any::<[u8; 32]>(),
            chain_id in 0_u64..1_000_000,
        ) {
            let signer = PrivateKeySigner::from_bytes(&U256::from(key).into()).expect("a key");
            let digest = B256::from(digest);
            let good = signer.sign_hash_sync(&digest).expect("a signature");
            let form = |signature: Signature, v: u64| {
                let mut bytes = signature.as_bytes().to_vec();
                bytes[64] = u8::try_from(v).unwrap_or(27 + u8::from(signature.v()));
                bytes
            };
            let high = Signature::new(good.r(), N - good.s(), !good.v());
            let parity = |signature: Signature| u64::from(signature.v());
            for bytes in [
                form(good, 27 + parity(good)),
                form(good, parity(good)),
                form(good, 35 + chain_id * 2 + parity(good)),
                form(high, 27 + parity(high)),
                form(high, parity(high)),
                good.as_erc2098().to_vec(),
            ] {
                let found = by_key(signer.address(), digest, &bytes).map(|signature| signature.as_bytes());
                prop_assert_eq!(found, Some(good.as_bytes()));
            }
            prop_assert_eq!(by_key(Address::repeat_byte(1), digest, &good.as_bytes()), None);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..140)) {
            prop_assert_eq!(by_key(Address::repeat_byte(1), B256::repeat_byte(2), &bytes), None);
        }
    }
}
