//! What a contract of ours said when it refused.

use alloy::{contract::Error, sol_types::SolInterface};
use billing_bindings::{CoreSystem, Marketplace, PaymentGateway, PlanManager, SubscriptionManager};

/// The typed error in a revert's data as text, arguments included; `None` when it is none of our contracts'.
#[must_use]
pub fn explain(data: &[u8]) -> Option<String> {
    if let Ok(error) = SubscriptionManager::SubscriptionManagerErrors::abi_decode(data) {
        return Some(format!("{error:?}"));
    }
    if let Ok(error) = PlanManager::PlanManagerErrors::abi_decode(data) {
        return Some(format!("{error:?}"));
    }
    if let Ok(error) = PaymentGateway::PaymentGatewayErrors::abi_decode(data) {
        return Some(format!("{error:?}"));
    }
    if let Ok(error) = Marketplace::MarketplaceErrors::abi_decode(data) {
        return Some(format!("{error:?}"));
    }
    CoreSystem::CoreSystemErrors::abi_decode(data).ok().map(|error| format!("{error:?}"))
}

/// Whether an error of a read is the contract's own doing: it reverted, ran out of gas, or answered with what is not the
/// declared type. Otherwise the node failed, and nothing is known of the contract.
#[must_use]
pub fn is_contracts(error: &Error) -> bool {
    match error {
        Error::ZeroData(..) | Error::AbiError(_) => true,
        Error::TransportError(error) => error.as_error_resp().is_some_and(|answer| {
            let message = answer.message.to_lowercase();
            // 3 is "execution error" by EIP-1474's later use; nodes that do not use it say it in words.
            answer.code == 3 || ["revert", "invalid opcode", "out of gas"].iter().any(|word| message.contains(word))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolError;

    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_contracts_words() {
        let data = SubscriptionManager::InvalidBatch { length: alloy::primitives::U256::from(7) }.abi_encode();
        let text = explain(&data).expect("an error of the contract");
        assert!(text.contains("InvalidBatch") && text.contains('7'), "{text}");
        assert_eq!(explain(&[1, 2, 3, 4]), None);
        assert_eq!(explain(&[]), None);
    }
}
