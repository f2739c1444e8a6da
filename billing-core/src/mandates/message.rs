//! What a subscriber signs (EIP-712), and the call that carries it.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol,
    sol_types::{Eip712Domain, SolCall, SolStruct},
};
use billing_bindings::{
    ISubscriptionTypes::{Mandate, Order},
    SubscriptionManager::{cancelBySigCall, pauseBySigCall, resumeBySigCall, subscribeBySigCall},
};
use serde_json::{Value, json};

use crate::chain::Network;

sol! {
    struct Cancel { bytes32 planHash; address subscriber; uint256 nonce; uint256 deadline; }
    struct Pause { bytes32 planHash; address subscriber; uint256 nonce; uint256 deadline; }
    struct Resume { bytes32 planHash; address subscriber; uint256 nonce; uint256 deadline; }
}

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayKind {
    /// A subscription on a mandate's terms, or a switch to it.
    Subscribe,
    /// An end.
    Cancel,
    /// A pause.
    Pause,
    /// The end of a pause.
    Resume,
}

impl RelayKind {
    /// The word in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    /// From the word; `None` for any other.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Subscribe, Self::Cancel, Self::Pause, Self::Resume].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A message for a subscriber to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Terms to subscribe on.
    Mandate(Mandate),
    /// Ends a subscription.
    Cancel(Order),
    /// Pauses one.
    Pause(Order),
    /// Ends a pause.
    Resume(Order),
}

/// The domain that subscribers sign under: of one chain, unlike that of plans.
#[must_use]
pub fn domain(network: &Network) -> Eip712Domain {
    let chain_id = U256::from(network.chain_id.as_u64());
    let (name, version) = (Some("Abono".into()), Some("1".into()));
    Eip712Domain::new(name, version, Some(chain_id), Some(network.subscription_manager), None)
}

impl Message {
    /// What it asks for.
    #[must_use]
    pub const fn kind(&self) -> RelayKind {
        match self {
            Self::Mandate(_) => RelayKind::Subscribe,
            Self::Cancel(_) => RelayKind::Cancel,
            Self::Pause(_) => RelayKind::Pause,
            Self::Resume(_) => RelayKind::Resume,
        }
    }

    /// The plan, the signer, the nonce and the last unix second of use.
    #[must_use]
    pub const fn parts(&self) -> (B256, Address, U256, U256) {
        match self {
            Self::Mandate(it) => (it.planHash, it.subscriber, it.nonce, it.deadline),
            Self::Cancel(it) | Self::Pause(it) | Self::Resume(it) => {
                (it.planHash, it.subscriber, it.nonce, it.deadline)
            }
        }
    }

    /// What the subscriber signs.
    #[must_use]
    pub fn digest(&self, network: &Network) -> B256 {
        let domain = domain(network);
        let (plan_hash, subscriber, nonce, deadline) = self.parts();
        match self {
            Self::Mandate(mandate) => mandate.eip712_signing_hash(&domain),
            Self::Cancel(_) => Cancel { planHash: plan_hash, subscriber, nonce, deadline }.eip712_signing_hash(&domain),
            Self::Pause(_) => Pause { planHash: plan_hash, subscriber, nonce, deadline }.eip712_signing_hash(&domain),
            Self::Resume(_) => Resume { planHash: plan_hash, subscriber, nonce, deadline }.eip712_signing_hash(&domain),
        }
    }

    /// What `eth_signTypedData_v4` takes. Numbers are decimal strings: wallets read JSON numbers as doubles.
    #[must_use]
    pub fn typed_data(&self, network: &Network) -> Value {
        let (name, fields, message) = match self {
            Self::Mandate(mandate) => ("Mandate", mandate_fields(), mandate_message(mandate)),
            Self::Cancel(order) => ("Cancel", order_fields(), order_message(order)),
            Self::Pause(order) => ("Pause", order_fields(), order_message(order)),
            Self::Resume(order) => ("Resume", order_fields(), order_message(order)),
        };
        let mut types = serde_json::Map::new();
        types.insert(
            "EIP712Domain".to_owned(),
            json!([
                field("name", "string"),
                field("version", "string"),
                field("chainId", "uint256"),
                field("verifyingContract", "address"),
            ]),
        );
        types.insert(name.to_owned(), fields);
        json!({
            "types": types,
            "primaryType": name,
            "domain": {
                "name": "Abono", "version": "1", "chainId": network.chain_id.to_string(),
                "verifyingContract": network.subscription_manager,
            },
            "message": message,
        })
    }

    /// The call of the manager; `permit` authorises a mandate's token, and is empty where nothing is missing.
    #[must_use]
    pub fn call_data(&self, signature: Bytes, permit: Bytes) -> Bytes {
        match self.clone() {
            Self::Mandate(mandate) => subscribeBySigCall { mandate, signature, permit }.abi_encode(),
            Self::Cancel(order) => cancelBySigCall { order, signature }.abi_encode(),
            Self::Pause(order) => pauseBySigCall { order, signature }.abi_encode(),
            Self::Resume(order) => resumeBySigCall { order, signature }.abi_encode(),
        }
        .into()
    }
}

fn field(name: &str, kind: &str) -> Value {
    json!({ "name": name, "type": kind })
}

fn mandate_fields() -> Value {
    json!([
        field("planHash", "bytes32"),
        field("replaces", "bytes32"),
        field("subscriber", "address"),
        field("paymentToken", "address"),
        field("rail", "uint8"),
        field("maxAmount", "uint96"),
        field("maxCharges", "uint24"),
        field("endsAt", "uint40"),
        field("nonce", "uint256"),
        field("deadline", "uint256"),
    ])
}

fn mandate_message(it: &Mandate) -> Value {
    json!({
        "planHash": it.planHash,
        "replaces": it.replaces,
        "subscriber": it.subscriber,
        "paymentToken": it.paymentToken,
        "rail": it.rail.to_string(),
        "maxAmount": it.maxAmount.to_string(),
        "maxCharges": it.maxCharges.to_string(),
        "endsAt": it.endsAt.to_string(),
        "nonce": it.nonce.to_string(),
        "deadline": it.deadline.to_string(),
    })
}

fn order_fields() -> Value {
    json!([
        field("planHash", "bytes32"),
        field("subscriber", "address"),
        field("nonce", "uint256"),
        field("deadline", "uint256"),
    ])
}

fn order_message(it: &Order) -> Value {
    json!({
        "planHash": it.planHash,
        "subscriber": it.subscriber,
        "nonce": it.nonce.to_string(),
        "deadline": it.deadline.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use alloy::{dyn_abi::TypedData, primitives::keccak256};
    use proptest::prelude::*;

    use super::*;
    use crate::{chain::Networks, ids::ChainId};

    fn network(chain_id: i64, manager: [u8; 20]) -> Network {
        let networks = Networks::single("http://127.0.0.1", 1, Address::repeat_byte(1)).expect("a network");
        let network = networks.iter().next().expect("one").clone();
        Network { chain_id: ChainId(chain_id), subscription_manager: Address::from(manager), ..network }
    }

    fn order(bytes: [u8; 32]) -> Order {
        let subscriber = Address::from_slice(&bytes[..20]);
        Order {
            planHash: B256::from(bytes),
            subscriber,
            nonce: U256::from_be_bytes(bytes),
            deadline: U256::from(bytes[0]),
        }
    }

    proptest! {
        #[test]
        fn a_wallet_that_signs_the_typed_data_signs_the_digest(
            chain_id in 1_i64..i64::MAX,
            manager in any::<[u8; 20]>(),
            bytes in any::<[u8; 32]>(),
            numbers in any::<(u8, u64, u16, u32)>(),
        ) {
            let network = network(chain_id, manager);
            let (rail, amount, charges, ends) = numbers;
            let mandate = Mandate {
                planHash: B256::from(bytes),
                replaces: keccak256(bytes),
                subscriber: Address::from_slice(&bytes[..20]),
                paymentToken: Address::from_slice(&bytes[12..]),
                rail: rail % 2,
                maxAmount: amount.try_into().expect("fits"),
                maxCharges: charges.try_into().expect("fits"),
                endsAt: ends.try_into().expect("fits"),
                nonce: U256::from_be_bytes(bytes),
                deadline: U256::MAX,
            };
            let order = order(bytes);
            for message in [
                Message::Mandate(mandate),
                Message::Cancel(order.clone()),
                Message::Pause(order.clone()),
                Message::Resume(order),
            ] {
                let typed: TypedData = serde_json::from_value(message.typed_data(&network)).expect("typed data");
                prop_assert_eq!(typed.eip712_signing_hash().expect("a hash"), message.digest(&network));
            }
        }
    }

    #[test]
    fn the_types_are_the_contracts() {
        let order = "(bytes32 planHash,address subscriber,uint256 nonce,uint256 deadline)";
        assert_eq!(Cancel::eip712_root_type(), format!("Cancel{order}"));
        assert_eq!(Pause::eip712_root_type(), format!("Pause{order}"));
        assert_eq!(Resume::eip712_root_type(), format!("Resume{order}"));
        let mandate = "Mandate(bytes32 planHash,bytes32 replaces,address subscriber,address paymentToken,uint8 rail,\
                       uint96 maxAmount,uint24 maxCharges,uint40 endsAt,uint256 nonce,uint256 deadline)";
        assert_eq!(Mandate::eip712_root_type(), mandate);
    }

    #[test]
    fn one_order_cannot_be_used_as_another() {
        let (network, order) = (network(1, [1; 20]), order([3; 32]));
        let digests = [Message::Cancel(order.clone()), Message::Pause(order.clone()), Message::Resume(order)]
            .map(|message| message.digest(&network));
        assert!(digests[0] != digests[1] && digests[1] != digests[2] && digests[0] != digests[2]);
    }
}
