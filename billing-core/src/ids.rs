//! Identifiers. Ours are UUIDv7, so that they sort by the time they were made; the chain's are its own hashes.

use alloy::primitives::{Address, B256};
use uuid::Uuid;

/// An EIP-155 chain id. Ids past 2^63 - 1 are refused where networks are read, so that it fits a `BIGINT`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, sqlx::Type,
)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct ChainId(pub i64);

impl ChainId {
    /// The id as the chain writes it.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.0.unsigned_abs()
    }
}

impl TryFrom<u64> for ChainId {
    type Error = std::num::TryFromIntError;

    fn try_from(id: u64) -> Result<Self, Self::Error> {
        i64::try_from(id).map(Self)
    }
}

impl std::fmt::Display for ChainId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, later than those made before it.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "every call makes another id")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// One charge of one subscription.
    ChargeAttemptId
);
uuid_id!(
    /// One signed outgoing transaction.
    ChainTxId
);
uuid_id!(
    /// One transaction that we sent for a subscriber who signed.
    RelayId
);

uuid_id!(
    /// What was given to somebody to spend; its account's id, and that of the transfer that gave it.
    GrantId
);
uuid_id!(
    /// One account of the ledger.
    AccountId
);
uuid_id!(
    /// One transfer of the ledger; its caller makes it, and stores it before the first try.
    TransferId
);

uuid_id!(
    /// One payment of fiat money; the provider has it as our reference.
    PaymentId
);
uuid_id!(
    /// A method of payment that can be charged without the payer.
    PaymentMethodId
);
uuid_id!(
    /// Money of a payment that goes back; its caller makes the id.
    RefundId
);
uuid_id!(
    /// One subscription that is paid in fiat money.
    FiatSubscriptionId
);

/// A subscription: a plan on a chain and who subscribed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionKey {
    /// Chain of the subscription.
    pub chain_id: ChainId,
    /// EIP-712 digest of the plan's terms.
    pub plan_hash: B256,
    /// Who pays.
    pub subscriber: Address,
}
