//! Rust types of the contracts, made from the committed ABI in `contracts/abi`.
//!
//! Invariant: no tokio, no sqlx, no network; the ABI files are the only source.

#![allow(missing_docs, clippy::too_many_arguments)]

mod receipt;
mod sale;

mod plan_manager {
    alloy::sol!(
        #[sol(rpc)]
        #[derive(Debug, PartialEq, Eq)]
        PlanManager,
        "../abi/PlanManager.json"
    );
}
mod subscription_manager {
    alloy::sol!(
        #[sol(rpc)]
        #[derive(Debug, PartialEq, Eq)]
        SubscriptionManager,
        "../abi/SubscriptionManager.json"
    );
}
mod payment_gateway {
    alloy::sol!(
        #[sol(rpc)]
        #[derive(Debug, PartialEq, Eq)]
        PaymentGateway,
        "../abi/PaymentGateway.json"
    );
}
mod marketplace {
    alloy::sol!(
        #[sol(rpc)]
        #[derive(Debug, PartialEq, Eq)]
        Marketplace,
        "../abi/Marketplace.json"
    );
}
mod core_system {
    alloy::sol!(
        #[sol(rpc)]
        #[derive(Debug, PartialEq, Eq)]
        CoreSystem,
        "../abi/CoreSystem.json"
    );
}
mod event_counts {
    alloy::sol!(
        #[derive(Debug, PartialEq, Eq)]
        EventCounts,
        "../abi/EventCounts.json"
    );
}

pub use core_system::CoreSystem;
pub use event_counts::EventCounts;
pub use marketplace::{IMarketplace, Marketplace};
pub use payment_gateway::{IPaymentGateway, PaymentGateway};
pub use plan_manager::{IPlanManager, PlanManager};
pub use receipt::ChargeReceipt;
pub use sale::SaleReceipt;
pub use subscription_manager::{IAllowanceTransfer, ISubscriptionTypes, SubscriptionManager};
