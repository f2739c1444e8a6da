use std::time::Duration;

use billing_fiat::{
    CancelReason, Canceled, Capture, FiatProvider, NewPayment, Outcome, Pays, ProviderError, ReceiptStatus, Window,
};
use fiat_emulators::yookassa::{Effect, Fault, Operation, Options};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{current, is_held, no_violations, order, paid, receipt, roubles, shop, shop_with};

#[tokio::test]
async fn a_payment_is_made_paid_and_read() {
    let (emulator, yookassa) = shop().await;
    let order = order(100_000);
    let made = yookassa.create(&order).await.expect("created");
    let Outcome::RequiresAction { url } = &made.outcome else { panic!("{:?}", made.outcome) };
    assert!(url.ends_with(&format!("/pay/{}", made.external_id)), "{url}");
    assert_eq!((made.reference, made.amount, made.fee_minor), (Some(order.reference), order.amount, None));

    emulator.pay(&made.external_id).expect("waits for its payer");
    let paid = current(&yookassa, &made).await;
    assert_eq!(paid.outcome, Outcome::Succeeded);
    assert_eq!((paid.fee_minor, paid.refunded_minor, paid.test), (Some(3_500), 0, true));
    assert_eq!((paid.saved_method, paid.receipt, paid.created_at), (None, None, made.created_at));
    let asked = emulator.requests().remove(0).body.expect("a body");
    assert_eq!(asked["capture"], true);
    assert_eq!(asked["metadata"], json!({ "payment_id": order.reference }));
    no_violations(&emulator);
}

#[tokio::test]
async fn what_nobody_made_is_not_there() {
    let (emulator, yookassa) = shop().await;
    let absent = Uuid::now_v7();
    assert_eq!(yookassa.payment(&absent.to_string()).await, Ok(None));
    assert_eq!(yookassa.refund_by_id(&absent.to_string()).await, Ok(None));
    assert_eq!(yookassa.find(absent, OffsetDateTime::now_utc()).await, Ok(None));
    assert_eq!(yookassa.dispute("any").await, Ok(None));
    for crooked in ["", "..", "../me", "a/b", "a?b", "a b", "ключ", &"a".repeat(37)] {
        assert_eq!(yookassa.payment(crooked).await, Ok(None), "{crooked:?}");
    }
    no_violations(&emulator);
}

#[tokio::test]
async fn asking_again_after_a_lost_answer_gives_the_same_payment() {
    let (emulator, yookassa) = shop().await;
    let order = order(50_000);
    emulator.fault_on(Operation::CreatePayment, Fault::Cut(Effect::Done));
    let lost = yookassa.create(&order).await;
    assert!(matches!(lost, Err(ProviderError::Unknown { .. })), "{lost:?}");
    let made = yookassa.create(&order).await.expect("created");
    assert_eq!(emulator.payments().len(), 1);
    assert_eq!(emulator.payments()[0]["id"], json!(made.external_id));
    let other = yookassa.create(&NewPayment { amount: roubles(1), ..order }).await;
    assert!(matches!(other, Err(ProviderError::Refused { .. })), "{other:?}");
    no_violations(&emulator);
}

#[tokio::test]
async fn a_payment_that_is_asked_for_again_is_told_as_it_stands() {
    let (emulator, yookassa) = shop().await;
    let order = order(50_000);
    let paid = paid(&emulator, &yookassa, &order).await;
    assert_eq!(yookassa.create(&order).await, Ok(paid));
    // Nobody can read it: then as it was made.
    emulator.fault_on(Operation::GetPayment, Fault::InternalError(Effect::NotDone));
    let made = yookassa.create(&order).await.expect("created");
    assert!(matches!(made.outcome, Outcome::RequiresAction { .. }), "{made:?}");
    no_violations(&emulator);
}

#[tokio::test]
async fn a_payment_is_found_by_its_reference_among_many() {
    let (emulator, yookassa) = shop().await;
    let sent_at = OffsetDateTime::now_utc();
    let wanted = order(1_000);
    let made = yookassa.create(&wanted).await.expect("created");
    for _ in 0..120 {
        yookassa.create(&order(2_000)).await.expect("created");
    }
    let found = yookassa.find(wanted.reference, sent_at).await.expect("looked for").expect("found");
    assert_eq!(found.external_id, made.external_id);
    assert_eq!(yookassa.find(Uuid::now_v7(), sent_at).await, Ok(None));

    emulator.advance(Duration::from_secs(20 * 3600));
    let late = order(3_000);
    yookassa.create(&late).await.expect("created");
    let found = yookassa.find(late.reference, sent_at).await.expect("looked for").expect("found");
    assert_eq!(found.reference, Some(late.reference));
    no_violations(&emulator);
}

#[tokio::test]
async fn a_list_is_read_part_by_part() {
    let (emulator, yookassa) = shop().await;
    let since = OffsetDateTime::now_utc() - time::Duration::seconds(1);
    for _ in 0..230 {
        yookassa.create(&order(1_000)).await.expect("created");
    }
    let window = Window { since, until: since + time::Duration::hours(1) };
    let (mut sizes, mut cursor) = (Vec::new(), None);
    loop {
        let page = yookassa.payments(window, cursor.as_deref()).await.expect("listed");
        sizes.push(page.items.len());
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [100, 100, 30]);
    let before = Window { since: since - time::Duration::hours(1), until: since };
    assert!(yookassa.payments(before, None).await.expect("listed").items.is_empty());
    no_violations(&emulator);
}

#[tokio::test]
async fn a_held_payment_is_captured_whole_or_in_part() {
    let (emulator, yookassa) = shop().await;
    for (amount, fee) in [(100_000, 3_500), (40_000, 1_400)] {
        let held = paid(&emulator, &yookassa, &NewPayment { capture: Capture::Later, ..order(100_000) }).await;
        assert!(is_held(&held), "{held:?}");
        let captured = yookassa.capture(&held, roubles(amount)).await.expect("captured");
        assert_eq!((captured.outcome.clone(), captured.amount), (Outcome::Succeeded, roubles(amount)));
        assert_eq!(captured.fee_minor, Some(fee));
        assert_eq!(yookassa.capture(&held, roubles(amount)).await, Ok(captured));
        let more = yookassa.capture(&held, roubles(100_001)).await;
        assert!(matches!(more, Err(ProviderError::Refused { .. })), "{more:?}");
    }
    no_violations(&emulator);
}

#[tokio::test]
async fn no_more_is_captured_than_is_held() {
    let (emulator, yookassa) = shop().await;
    let held = paid(&emulator, &yookassa, &NewPayment { capture: Capture::Later, ..order(1_000) }).await;
    let refused = yookassa.capture(&held, roubles(1_001)).await;
    let Err(ProviderError::Refused { code, parameter, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!((code.as_str(), parameter.as_deref()), ("invalid_request", Some("amount")));
    assert!(is_held(&current(&yookassa, &held).await));
    no_violations(&emulator);
}

#[tokio::test]
async fn a_held_payment_is_canceled_and_one_that_waits_for_its_payer_stays() {
    let (emulator, yookassa) = shop().await;
    let waiting = yookassa.create(&NewPayment { capture: Capture::Later, ..order(1_000) }).await.expect("created");
    assert_eq!(yookassa.cancel(&waiting).await, Ok(waiting.clone()));
    // It is paid in between, and the caller does not know.
    emulator.pay(&waiting.external_id).expect("waits for its payer");
    let canceled = yookassa.cancel(&waiting).await.expect("canceled");
    let by_us = Canceled { reason: CancelReason::ByMerchant, code: "canceled_by_merchant".to_owned() };
    assert_eq!(canceled.outcome, Outcome::Canceled(by_us));
    assert_eq!(yookassa.cancel(&waiting).await, Ok(canceled.clone()));

    let settled = paid(&emulator, &yookassa, &order(1_000)).await;
    assert_eq!(yookassa.cancel(&settled).await.expect("read").outcome, Outcome::Succeeded);
    no_violations(&emulator);
}

#[tokio::test]
async fn each_reason_of_the_vendor_s_has_one_of_ours() {
    let (emulator, yookassa) = shop().await;
    let reasons = [
        ("3d_secure_failed", CancelReason::AuthenticationRequired),
        ("call_issuer", CancelReason::Declined),
        ("card_expired", CancelReason::MethodInvalid),
        ("payment_method_limit_exceeded", CancelReason::InsufficientFunds),
        ("payment_method_restricted", CancelReason::Declined),
        ("country_forbidden", CancelReason::Declined),
        ("general_decline", CancelReason::Declined),
        ("fraud_suspected", CancelReason::FraudSuspected),
        ("identification_required", CancelReason::AuthenticationRequired),
        ("insufficient_funds", CancelReason::InsufficientFunds),
        ("invalid_card_number", CancelReason::MethodInvalid),
        ("invalid_csc", CancelReason::MethodInvalid),
        ("issuer_unavailable", CancelReason::Unavailable),
        ("canceled_by_merchant", CancelReason::ByMerchant),
        ("permission_revoked", CancelReason::MethodRevoked),
        ("internal_timeout", CancelReason::Unavailable),
        ("expired_on_confirmation", CancelReason::Expired),
        ("expired_on_capture", CancelReason::Expired),
        ("unsupported_mobile_operator", CancelReason::Other),
        ("deal_expired", CancelReason::Expired),
    ];
    for (code, reason) in reasons {
        let made = yookassa.create(&order(1_000)).await.expect("created");
        emulator.decline(&made.external_id, code).expect("waits for its payer");
        let outcome = current(&yookassa, &made).await.outcome;
        assert_eq!(outcome, Outcome::Canceled(Canceled { reason, code: code.to_owned() }));
    }
    no_violations(&emulator);
}

#[tokio::test]
async fn what_nobody_pays_or_captures_in_time_is_canceled() {
    let (emulator, yookassa) = shop().await;
    let waiting = yookassa.create(&order(1_000)).await.expect("created");
    let held = paid(&emulator, &yookassa, &NewPayment { capture: Capture::Later, ..order(1_000) }).await;
    emulator.advance(Duration::from_secs(2 * 3600));
    let outcome = current(&yookassa, &waiting).await.outcome;
    assert!(matches!(outcome, Outcome::Canceled(Canceled { reason: CancelReason::Expired, .. })), "{outcome:?}");
    assert!(is_held(&current(&yookassa, &held).await));
    emulator.advance(Duration::from_secs(7 * 24 * 3600));
    let Outcome::Canceled(canceled) = current(&yookassa, &held).await.outcome else { panic!("still held") };
    assert_eq!(canceled.code, "expired_on_capture");
    no_violations(&emulator);
}

#[tokio::test]
async fn a_receipt_is_sent_with_a_payment_and_followed() {
    let options = Options { receipt_delay: Duration::from_secs(60), ..Options::default() };
    let (emulator, yookassa) = shop_with(options).await;
    let order = NewPayment { receipt: Some(receipt(10_000)), ..order(10_000) };
    let made = yookassa.create(&order).await.expect("created");
    assert_eq!(made.receipt, Some(ReceiptStatus::Pending));
    emulator.pay(&made.external_id).expect("waits for its payer");
    assert_eq!(current(&yookassa, &made).await.receipt, Some(ReceiptStatus::Pending));
    emulator.advance(Duration::from_secs(60));
    assert_eq!(current(&yookassa, &made).await.receipt, Some(ReceiptStatus::Succeeded));
    let printed = emulator.receipts().remove(0);
    assert_eq!(printed["items"][0]["amount"]["value"], "50.00");
    emulator.fail_receipt(printed["id"].as_str().expect("an id")).expect("there is one");
    assert_eq!(current(&yookassa, &made).await.receipt, Some(ReceiptStatus::Canceled));

    let crooked = NewPayment { receipt: Some(receipt(9_998)), ..self::order(10_000) };
    let refused = yookassa.create(&crooked).await;
    assert!(matches!(refused, Err(ProviderError::Refused { .. })), "{refused:?}");
    no_violations(&emulator);
}

#[tokio::test]
async fn a_long_description_is_cut_between_characters() {
    let (emulator, yookassa) = shop().await;
    let long = NewPayment { description: "ы".repeat(200), ..order(1_000) };
    yookassa.create(&long).await.expect("created");
    assert_eq!(emulator.payments()[0]["description"], "ы".repeat(128));
    let nowhere = Pays::OnPage { return_url: String::new(), save_method: false };
    let refused = yookassa.create(&NewPayment { pays: nowhere, ..order(1_000) }).await;
    let Err(ProviderError::Refused { parameter, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(parameter.as_deref(), Some("confirmation.return_url"));
    no_violations(&emulator);
}
