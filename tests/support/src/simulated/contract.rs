//! Where the contracts stand.

use alloy::primitives::{Address, B256};

/// A contract that numbers its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contract {
    PlanManager,
    SubscriptionManager,
    PaymentGateway,
    Marketplace,
}

impl Contract {
    pub(super) const ALL: [Self; 4] =
        [Self::PlanManager, Self::SubscriptionManager, Self::PaymentGateway, Self::Marketplace];

    pub(super) const fn address(self) -> Address {
        match self {
            Self::PlanManager => Address::repeat_byte(0xa1),
            Self::SubscriptionManager => Address::repeat_byte(0xa2),
            Self::PaymentGateway => Address::repeat_byte(0xa3),
            Self::Marketplace => Address::repeat_byte(0xa4),
        }
    }

    /// What `CoreSystem` registers it as.
    pub(super) fn service(self) -> B256 {
        B256::right_padding_from(match self {
            Self::PlanManager => b"PlanManager".as_slice(),
            Self::SubscriptionManager => b"SubscriptionManager",
            Self::PaymentGateway => b"PaymentGateway",
            Self::Marketplace => b"Marketplace",
        })
    }

    pub(super) fn at(address: Address) -> Option<Self> {
        Self::ALL.into_iter().find(|contract| contract.address() == address)
    }
}

/// The register.
pub(super) const CORE_SYSTEM: Address = Address::repeat_byte(0xa0);
/// A contract that is none of ours, and logs too.
pub(super) const STRANGER: Address = Address::repeat_byte(0xee);
/// What is charged where it is not the native coin.
pub(super) const TOKEN: Address = Address::repeat_byte(0x70);
