use billing_fiat::{FiatProvider, Money, NewRefund, Payment, ProviderError, RefundOutcome, Window};
use fiat_emulators::yookassa::{Effect, Fault, Operation};
use uuid::Uuid;

use super::{current, no_violations, order, paid, receipt, roubles, shop};

fn back(payment: &Payment, amount: Money) -> NewRefund {
    NewRefund {
        reference: Uuid::now_v7(),
        payment: payment.external_id.clone(),
        charge: None,
        amount,
        description: "не подошло".to_owned(),
        receipt: None,
    }
}

#[tokio::test]
async fn a_payment_is_refunded_in_parts_up_to_what_was_paid() {
    let (emulator, yookassa) = shop().await;
    let payment = paid(&emulator, &yookassa, &order(10_000)).await;
    let first = back(&payment, roubles(3_000));
    let refund =
        yookassa.refund(&NewRefund { receipt: Some(receipt(3_000)), ..first.clone() }).await.expect("refunded");
    assert_eq!((refund.outcome.clone(), refund.amount), (RefundOutcome::Succeeded, roubles(3_000)));
    assert_eq!((refund.reference, &refund.payment), (Some(first.reference), &payment.external_id));
    assert_eq!(yookassa.refund_by_id(&refund.external_id).await, Ok(Some(refund.clone())));

    let refused = yookassa.refund(&back(&payment, roubles(7_001))).await;
    let Err(ProviderError::Refused { parameter, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(parameter.as_deref(), Some("amount"));
    yookassa.refund(&back(&payment, roubles(7_000))).await.expect("refunded");
    assert_eq!(current(&yookassa, &payment).await.refunded_minor, 10_000);

    let window = Window { since: refund.created_at, until: refund.created_at + time::Duration::minutes(1) };
    let listed = yookassa.refunds(window, None).await.expect("listed");
    assert_eq!((listed.items.len(), listed.next), (2, None));
    no_violations(&emulator);
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_made_once() {
    let (emulator, yookassa) = shop().await;
    let payment = paid(&emulator, &yookassa, &order(10_000)).await;
    let wanted = back(&payment, roubles(4_000));
    emulator.fault_on(Operation::CreateRefund, Fault::InternalError(Effect::Done));
    let lost = yookassa.refund(&wanted).await;
    assert!(matches!(lost, Err(ProviderError::Unknown { .. })), "{lost:?}");
    yookassa.refund(&wanted).await.expect("refunded");
    assert_eq!(current(&yookassa, &payment).await.refunded_minor, 4_000);
    no_violations(&emulator);
}

#[tokio::test]
async fn a_refund_that_is_canceled_frees_its_amount() {
    let (emulator, yookassa) = shop().await;
    let payment = paid(&emulator, &yookassa, &order(10_000)).await;
    emulator.hold_refunds(true);
    let wanted = back(&payment, roubles(10_000));
    let open = yookassa.refund(&wanted).await.expect("asked for");
    assert_eq!(open.outcome, RefundOutcome::Pending);
    assert!(yookassa.refund(&back(&payment, roubles(1))).await.is_err());
    emulator.decide_refund(&open.external_id, Some("insufficient_funds")).expect("it is open");
    let canceled = yookassa.refund_by_id(&open.external_id).await.expect("read").expect("there is one");
    assert_eq!(canceled.outcome, RefundOutcome::Canceled { code: "insufficient_funds".to_owned() });
    assert_eq!(yookassa.refund(&wanted).await, Ok(canceled));
    emulator.hold_refunds(false);
    yookassa.refund(&back(&payment, roubles(10_000))).await.expect("refunded");
    no_violations(&emulator);
}

#[tokio::test]
async fn what_was_not_paid_is_not_refunded() {
    let (emulator, yookassa) = shop().await;
    let waiting = yookassa.create(&order(10_000)).await.expect("created");
    let refused = yookassa.refund(&back(&waiting, roubles(1))).await;
    assert!(matches!(refused, Err(ProviderError::Refused { .. })), "{refused:?}");
    assert!(emulator.refunds().is_empty());
    no_violations(&emulator);
}
