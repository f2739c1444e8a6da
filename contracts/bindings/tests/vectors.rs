//! alloy against the messages, digests and signatures of `tests/vectors/typed_data.json`, which two JavaScript wallets
//! wrote and the contracts are tested against.

#![allow(missing_docs, clippy::unwrap_used)]

use std::{fs, path::Path};

use alloy::{
    dyn_abi::TypedData,
    primitives::{Address, B256, Bytes, Signature},
    signers::{SignerSync, local::PrivateKeySigner},
    sol_types::SolStruct,
};
use billing_bindings::IPlanManager;
use serde_json::Value;

struct Vector {
    name: String,
    typed_data: TypedData,
    key: B256,
    signer: Address,
    digest: B256,
    signature: Bytes,
}

fn vectors() -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/typed_data.json");
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let text = |vector: &Value, field: &str| vector[field].as_str().unwrap().to_owned();
    let vectors: Vec<_> = file["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vector| Vector {
            name: text(vector, "name"),
            typed_data: serde_json::from_value(vector["typedData"].clone()).unwrap(),
            key: text(vector, "privateKey").parse().unwrap(),
            signer: text(vector, "signer").parse().unwrap(),
            digest: text(vector, "digest").parse().unwrap(),
            signature: text(vector, "signature").parse().unwrap(),
        })
        .collect();
    assert_eq!(file["count"].as_u64().unwrap(), u64::try_from(vectors.len()).unwrap());
    vectors
}

#[test]
fn typed_data_gives_the_digests_and_signatures() {
    for vector in vectors() {
        let name = &vector.name;
        assert_eq!(vector.typed_data.eip712_signing_hash().unwrap(), vector.digest, "{name}: digest");

        let signer = PrivateKeySigner::from_bytes(&vector.key).unwrap();
        assert_eq!(signer.address(), vector.signer, "{name}: signer");
        let signature = signer.sign_hash_sync(&vector.digest).unwrap();
        assert_eq!(Bytes::from(signature.as_bytes()), vector.signature, "{name}: signature");

        let given = Signature::try_from(vector.signature.as_ref()).unwrap();
        assert_eq!(given.recover_address_from_prehash(&vector.digest).unwrap(), vector.signer, "{name}: recovered");
    }
}

#[test]
fn plans_of_the_contracts_abi_give_the_digests() {
    let plans: Vec<_> = vectors().into_iter().filter(|vector| vector.typed_data.primary_type == "Plan").collect();
    assert!(plans.len() >= 4);
    for vector in plans {
        let message = &vector.typed_data.message;
        let text = |field: &str| message[field].as_str().unwrap();
        let plan = IPlanManager::Plan {
            chainIds: message["chainIds"]
                .as_array()
                .unwrap()
                .iter()
                .map(|id| id.as_str().unwrap().parse().unwrap())
                .collect(),
            merchant: text("merchant").parse().unwrap(),
            token: text("token").parse().unwrap(),
            price: text("price").parse().unwrap(),
            period: text("period").parse().unwrap(),
            trial: text("trial").parse().unwrap(),
            maxFeeBps: text("maxFeeBps").parse().unwrap(),
            salt: text("salt").parse().unwrap(),
            expiry: text("expiry").parse().unwrap(),
        };
        assert_eq!(plan.eip712_signing_hash(&vector.typed_data.domain), vector.digest, "{}", vector.name);
    }
}
