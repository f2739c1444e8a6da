use std::time::{Duration, Instant};

use billing_fiat::{FiatProvider, ProviderError, YooKassa, YooKassaConfig};
use fiat_emulators::yookassa::{Effect, Fault, Options, YooKassaEmulator};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{config, no_violations, order, shop};

/// How long it is asked to wait.
async fn unknown(emulator: &YooKassaEmulator, yookassa: &YooKassa, fault: Fault) -> Option<Duration> {
    emulator.fault(fault.clone());
    match yookassa.create(&order(1_000)).await {
        Err(ProviderError::Unknown { retry_after, .. }) => retry_after,
        other => panic!("{fault:?}: {other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_answer_leaves_it_unknown() {
    let (emulator, yookassa) = shop().await;
    let wait = Duration::from_millis(1_800);
    for effect in [Effect::Done, Effect::NotDone] {
        let before = emulator.payments().len();
        for fault in [Fault::InternalError(effect), Fault::Cut(effect), Fault::Garbage(effect)] {
            assert_eq!(unknown(&emulator, &yookassa, fault).await, None);
        }
        let processing = Fault::Processing { effect, retry_after: wait };
        assert_eq!(unknown(&emulator, &yookassa, processing).await, Some(wait));
        let made = emulator.payments().len() - before;
        assert_eq!(made, if effect == Effect::Done { 4 } else { 0 });
    }
    let busy = Fault::TooManyRequests { retry_after: Some(wait) };
    assert_eq!(unknown(&emulator, &yookassa, busy).await, Some(wait));
    no_violations(&emulator);
}

#[tokio::test]
async fn a_question_that_fails_is_not_answered_with_none() {
    let (emulator, yookassa) = shop().await;
    for fault in [Fault::InternalError(Effect::NotDone), Fault::Cut(Effect::Done), Fault::Garbage(Effect::Done)] {
        emulator.fault(fault.clone());
        let read = yookassa.payment(&Uuid::now_v7().to_string()).await;
        assert!(matches!(read, Err(ProviderError::Unknown { .. })), "{fault:?}: {read:?}");
        emulator.fault(fault.clone());
        let found = yookassa.find(Uuid::now_v7(), OffsetDateTime::now_utc()).await;
        assert!(matches!(found, Err(ProviderError::Unknown { .. })), "{fault:?}: {found:?}");
    }
    no_violations(&emulator);
}

#[tokio::test]
async fn nobody_waits_longer_than_the_timeout() {
    let emulator = YooKassaEmulator::start(Options::default()).await.expect("a free port");
    let timeout = Duration::from_secs(1);
    let yookassa = YooKassa::new(YooKassaConfig { timeout, ..config(&emulator) }).expect("a client");
    let started = Instant::now();
    let slow = Fault::Delay { before: Duration::ZERO, after: Duration::from_secs(20) };
    assert_eq!(unknown(&emulator, &yookassa, slow).await, None);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(emulator.payments().len(), 1);
}

#[tokio::test]
async fn what_is_done_late_is_the_same_payment() {
    let emulator = YooKassaEmulator::start(Options::default()).await.expect("a free port");
    let timeout = Duration::from_secs(1);
    let hasty = YooKassa::new(YooKassaConfig { timeout, ..config(&emulator) }).expect("a client");
    let patient = YooKassa::new(config(&emulator)).expect("a client");
    let order = order(1_000);
    emulator.fault(Fault::Delay { before: Duration::from_secs(2), after: Duration::ZERO });
    let lost = hasty.create(&order).await;
    assert!(matches!(lost, Err(ProviderError::Unknown { .. })), "{lost:?}");
    assert!(emulator.payments().is_empty());
    let made = patient.create(&order).await.expect("created");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(emulator.requests().len(), 3);
    assert_eq!(emulator.payments().len(), 1);
    assert_eq!(emulator.payments()[0]["id"], made.external_id.as_str());
}

#[tokio::test]
async fn nobody_listening_is_unknown_too() {
    let (emulator, _) = shop().await;
    let config = config(&emulator);
    drop(emulator);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let answer = YooKassa::new(config).expect("a client").create(&order(1_000)).await;
    assert!(matches!(answer, Err(ProviderError::Unknown { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_wrong_key_is_said_and_never_shown() {
    let (emulator, _) = shop().await;
    let secret = "live_neverToBeSeen";
    let config = YooKassaConfig { secret_key: secret.into(), ..config(&emulator) };
    let mut shown = format!("{config:?}");
    let yookassa = YooKassa::new(config).expect("a client");
    let refused = yookassa.create(&order(1_000)).await.expect_err("the key is wrong");
    let wanted = ProviderError::Credentials { provider: "yookassa", code: "invalid_credentials".to_owned() };
    assert_eq!(refused, wanted);
    emulator.fault(Fault::Cut(Effect::Done));
    drop(emulator);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let lost = yookassa.create(&order(1_000)).await.expect_err("nobody listens");
    shown += &format!("{yookassa:?} {refused:?} {refused} {lost:?} {lost}");
    assert!(!shown.contains(secret), "{shown}");
    assert!(!shown.contains("127.0.0.1/v3"), "{shown}");
}
