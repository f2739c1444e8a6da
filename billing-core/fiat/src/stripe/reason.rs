//! Stripe's words for why a payment came to nothing.

use super::wire::Intent;
use crate::{CancelReason, Canceled};

/// Of a decline code, or of an error code where there is none.
pub(super) fn reason(code: &str) -> CancelReason {
    use CancelReason as R;
    match code {
        "insufficient_funds" | "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => R::InsufficientFunds,
        "try_again_later" | "issuer_not_available" | "processing_error" | "reenter_transaction" | "approve_with_id" => {
            R::Unavailable
        }
        // What Stripe asks not to tell the payer apart from a plain decline.
        "fraudulent" | "merchant_blacklist" | "security_violation" => R::FraudSuspected,
        "authentication_required"
        | "authentication_not_handled"
        | "offline_pin_required"
        | "online_or_offline_pin_required"
        | "payment_intent_authentication_failure" => R::AuthenticationRequired,
        "expired_card"
        | "invalid_account"
        | "invalid_number"
        | "incorrect_number"
        | "invalid_expiry_month"
        | "invalid_expiry_year"
        | "lost_card"
        | "stolen_card"
        | "pickup_card"
        | "restricted_card"
        | "new_account_information_available"
        | "card_not_supported"
        | "currency_not_supported" => R::MethodInvalid,
        "revocation_of_all_authorizations" | "revocation_of_authorization" | "stop_payment_order" => R::MethodRevoked,
        "card_declined"
        | "generic_decline"
        | "do_not_honor"
        | "do_not_try_again"
        | "call_issuer"
        | "no_action_taken"
        | "not_permitted"
        | "service_not_allowed"
        | "transaction_not_allowed"
        | "duplicate_transaction"
        | "invalid_amount"
        | "incorrect_cvc"
        | "invalid_cvc"
        | "incorrect_zip"
        | "incorrect_pin"
        | "invalid_pin"
        | "pin_try_exceeded"
        | "testmode_decline" => R::Declined,
        _ => R::Other,
    }
}

/// Why an intent that is over is over: a bank's word goes before the word with which it was canceled afterwards.
pub(super) fn canceled(intent: &Intent) -> Canceled {
    if let Some(error) = &intent.last_payment_error {
        return Canceled { reason: reason(error.code()), code: error.code().to_owned() };
    }
    let code = intent.cancellation_reason.as_deref();
    let reason = match code {
        None | Some("abandoned" | "requested_by_customer" | "duplicate") => CancelReason::ByMerchant,
        Some("automatic" | "expired") => CancelReason::Expired,
        Some("fraudulent") => CancelReason::FraudSuspected,
        Some(_) => CancelReason::Other,
    };
    Canceled { reason, code: code.unwrap_or("canceled").to_owned() }
}

/// Nobody paid in time, or the page was closed.
pub(super) fn expired() -> Canceled {
    Canceled { reason: CancelReason::Expired, code: "expired".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ends_a_method_ends_it() {
        let ends = ["expired_card", "stolen_card", "revocation_of_authorization", "stop_payment_order"];
        let keeps =
            ["insufficient_funds", "generic_decline", "try_again_later", "authentication_required", "a_new_word"];
        assert!(ends.into_iter().all(|code| reason(code).ends_method()));
        assert!(!keeps.into_iter().any(|code| reason(code).ends_method()));
    }

    #[test]
    fn a_word_that_is_not_known_is_no_guess() {
        assert_eq!(reason("a_new_word"), CancelReason::Other);
    }
}
