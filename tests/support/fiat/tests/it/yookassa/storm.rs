//! Anything may go wrong at any time; asking again until it is known is enough.

use std::{collections::BTreeMap, time::Duration};

use billing_fiat::{Capture, FiatProvider, NewPayment, NewRefund, Outcome, ProviderError};
use fiat_emulators::yookassa::{Effect, Fault, Operation};
use rand::{Rng, SeedableRng, rngs::StdRng};
use uuid::Uuid;

use super::{current, no_violations, order, roubles, shop};

fn any_fault(rng: &mut StdRng) -> Option<Fault> {
    let effect = if rng.random() { Effect::Done } else { Effect::NotDone };
    let retry_after = Duration::from_millis(rng.random_range(0..5));
    match rng.random_range(0..10) {
        0 => Some(Fault::InternalError(effect)),
        1 => Some(Fault::Cut(effect)),
        2 => Some(Fault::Garbage(effect)),
        3 => Some(Fault::TooManyRequests { retry_after: Some(retry_after) }),
        4 => Some(Fault::Processing { effect, retry_after }),
        _ => None,
    }
}

/// Asks until it is known.
async fn known<T>(mut ask: impl AsyncFnMut() -> Result<T, ProviderError>) -> Result<T, ProviderError> {
    for _ in 0..100 {
        match ask().await {
            Err(ProviderError::Unknown { .. }) => {}
            known => return known,
        }
    }
    panic!("nothing is known after a hundred questions");
}

async fn weathered(seed: u64) {
    let (emulator, yookassa) = shop().await;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut weather = StdRng::seed_from_u64(!seed);
    emulator.faults_by(move |_: Operation| any_fault(&mut weather));
    let mut refunded = BTreeMap::new();
    for _ in 0..20 {
        let capture = if rng.random() { Capture::AtOnce } else { Capture::Later };
        let order = NewPayment { capture, ..order(rng.random_range(2..1_000_000)) };
        let made = known(async || yookassa.create(&order).await).await.expect("created");
        emulator.pay(&made.external_id).expect("waits for its payer");
        let mut payment = known(async || Ok(yookassa.payment(&made.external_id).await?.expect("there is one"))).await;
        if capture == Capture::Later {
            let held = payment.expect("read");
            let part = roubles(rng.random_range(2..=held.amount.minor()));
            payment = known(async || yookassa.capture(&held, part).await).await;
        }
        let payment = payment.expect("taken");
        assert_eq!((&payment.outcome, payment.reference), (&Outcome::Succeeded, Some(order.reference)));
        let refund = NewRefund {
            reference: Uuid::now_v7(),
            payment: payment.external_id.clone(),
            charge: None,
            amount: roubles(rng.random_range(1..=payment.amount.minor())),
            description: "seed".to_owned(),
            receipt: None,
        };
        known(async || yookassa.refund(&refund).await).await.expect("refunded");
        refunded.insert(payment.external_id.clone(), (payment, refund.amount.minor()));
    }
    emulator.heal();
    assert_eq!((emulator.payments().len(), emulator.refunds().len()), (20, 20));
    for (payment, minor) in refunded.values() {
        assert_eq!(current(&yookassa, payment).await.refunded_minor, *minor);
    }
    no_violations(&emulator);
}

#[tokio::test]
async fn whatever_goes_wrong_what_is_asked_for_is_done_once() {
    for seed in 0..10 {
        weathered(seed).await;
    }
}
