use billing_fiat::{
    CancelReason, Capture, FiatProvider, NewPayment, Outcome, Pays, ProviderError, SavedMethod, YooKassa,
};
use fiat_emulators::yookassa::{Fault, YooKassaEmulator};

use super::{is_held, no_violations, order, paid, shop};

async fn saved(emulator: &YooKassaEmulator, yookassa: &YooKassa) -> SavedMethod {
    let pays = Pays::OnPage { return_url: "https://shop.example/thanks".to_owned(), save_method: true };
    let payment = paid(emulator, yookassa, &NewPayment { pays, ..order(100) }).await;
    payment.saved_method.expect("a saved method")
}

fn charge(method: &SavedMethod, minor: i64) -> NewPayment {
    NewPayment { pays: Pays::WithSaved(method.external_id.clone()), ..order(minor) }
}

async fn reason(yookassa: &YooKassa, charge: &NewPayment) -> CancelReason {
    match yookassa.create(charge).await.expect("answered").outcome {
        Outcome::Canceled(canceled) => canceled.reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_saved_method_is_charged_with_nobody_present() {
    let (emulator, yookassa) = shop().await;
    let method = saved(&emulator, &yookassa).await;
    assert_eq!(method.title, "Bank card *4444");
    let charged = yookassa.create(&charge(&method, 30_000)).await.expect("charged");
    assert_eq!((charged.outcome, charged.saved_method), (Outcome::Succeeded, Some(method.clone())));
    let held = yookassa.create(&NewPayment { capture: Capture::Later, ..charge(&method, 30_000) }).await;
    assert!(is_held(&held.expect("charged")));
    no_violations(&emulator);
}

#[tokio::test]
async fn a_method_that_was_not_saved_is_not_charged() {
    let (emulator, yookassa) = shop().await;
    let once = paid(&emulator, &yookassa, &order(100)).await;
    let stranger = SavedMethod { external_id: once.external_id, title: String::new() };
    let refused = yookassa.create(&charge(&stranger, 100)).await;
    assert!(matches!(refused, Err(ProviderError::Refused { .. })), "{refused:?}");
    no_violations(&emulator);
}

#[tokio::test]
async fn a_declined_charge_is_an_outcome_and_the_next_may_succeed() {
    let (emulator, yookassa) = shop().await;
    let method = saved(&emulator, &yookassa).await;
    let script = [Some("insufficient_funds".to_owned()), None, Some("issuer_unavailable".to_owned())];
    emulator.script_method(&method.external_id, script).expect("there is one");
    assert_eq!(reason(&yookassa, &charge(&method, 100)).await, CancelReason::InsufficientFunds);
    assert_eq!(yookassa.create(&charge(&method, 100)).await.expect("charged").outcome, Outcome::Succeeded);
    assert_eq!(reason(&yookassa, &charge(&method, 100)).await, CancelReason::Unavailable);
    emulator.fault(Fault::Decline("card_expired".to_owned()));
    let expired = reason(&yookassa, &charge(&method, 100)).await;
    assert!(expired.ends_method(), "{expired:?}");
    no_violations(&emulator);
}

#[tokio::test]
async fn a_revoked_permission_ends_the_method() {
    let (emulator, yookassa) = shop().await;
    let method = saved(&emulator, &yookassa).await;
    emulator.revoke_method(&method.external_id).expect("there is one");
    for _ in 0..2 {
        let charge = charge(&method, 100);
        assert_eq!(reason(&yookassa, &charge).await, CancelReason::MethodRevoked);
        assert_eq!(yookassa.create(&charge).await.expect("answered").saved_method, None);
    }
    no_violations(&emulator);
}
