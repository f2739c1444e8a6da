use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{Router, http::StatusCode, routing::post};
use billing_fiat::{
    Capture, FiatProvider, NewPayment, Notification, Subject, WebhookError, WebhookRequest, YooKassa, YooKassaConfig,
};
use fiat_emulators::yookassa::Options;
use proptest::prelude::*;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::mpsc;

use super::{no_violations, order, paid, shop, shop_with};

const THEIRS: &str = "185.71.76.31";
const ID: &str = "0194c8a5-0000-7000-8000-000000000000";

fn read(yookassa: &YooKassa, client: &str, body: &[u8]) -> Result<Notification, WebhookError> {
    let client: IpAddr = client.parse().expect("an address");
    let (headers, now) = (HeaderMap::new(), OffsetDateTime::UNIX_EPOCH);
    yookassa.notification(&WebhookRequest { body, headers: &headers, client, now })
}

fn offline() -> YooKassa {
    YooKassa::new(YooKassaConfig::new("1".to_owned(), "test_key".into())).expect("a client")
}

#[tokio::test]
async fn notifications_tell_what_to_ask_about() {
    let (emulator, yookassa) = shop().await;
    emulator.hold_notifications(true);
    let held = paid(&emulator, &yookassa, &NewPayment { capture: Capture::Later, ..order(1_000) }).await;
    let payment = yookassa.capture(&held, held.amount).await.expect("captured");
    let refund = billing_fiat::NewRefund {
        reference: uuid::Uuid::now_v7(),
        payment: payment.external_id.clone(),
        charge: None,
        amount: payment.amount,
        description: String::new(),
        receipt: None,
    };
    let refund = yookassa.refund(&refund).await.expect("refunded");
    let told: Vec<Notification> = emulator
        .take_notifications()
        .iter()
        .map(|body| read(&yookassa, THEIRS, body.to_string().as_bytes()).expect("believed"))
        .collect();
    let about = |event: &str, id: &str, subject: Subject| Notification {
        event_id: format!("{event}:{id}"),
        event: event.to_owned(),
        subject,
    };
    let id = &payment.external_id;
    let wanted = [
        about("payment.waiting_for_capture", id, Subject::Payment(id.clone())),
        about("payment.succeeded", id, Subject::Payment(id.clone())),
        about("refund.succeeded", &refund.external_id, Subject::Refund(refund.external_id.clone())),
    ];
    assert_eq!(told, wanted);
    assert!(emulator.take_notifications().is_empty());
    no_violations(&emulator);
}

#[test]
fn only_the_vendor_s_addresses_are_believed() {
    let yookassa = offline();
    let body = json!({ "type": "notification", "event": "payment.canceled", "object": { "id": ID } }).to_string();
    for theirs in [THEIRS, "77.75.156.11", "77.75.154.200", "2a02:5180::1", "::ffff:185.71.77.1"] {
        assert!(read(&yookassa, theirs, body.as_bytes()).is_ok(), "{theirs}");
    }
    for foreign in ["127.0.0.1", "185.71.76.32", "77.75.156.12", "2a02:5181::1", "::ffff:10.0.0.1", "::1"] {
        let refused = read(&yookassa, foreign, body.as_bytes());
        assert!(matches!(refused, Err(WebhookError::ForeignAddress(_))), "{foreign}: {refused:?}");
    }
}

#[test]
fn what_nobody_acts_upon_is_still_a_notification() {
    for event in ["payout.succeeded", "deal.closed", "payment_method.active", "invoice.paid"] {
        let body = json!({ "type": "notification", "event": event, "object": { "id": "po-1" } }).to_string();
        let read = read(&offline(), THEIRS, body.as_bytes()).expect("believed");
        assert_eq!(read.subject, Subject::Nothing, "{event}");
    }
}

#[test]
fn what_is_no_notification_is_refused() {
    let yookassa = offline();
    let bodies = [
        json!({}),
        json!([]),
        json!({ "type": "notification", "event": "payment.succeeded" }),
        json!({ "type": "payment", "event": "payment.succeeded", "object": { "id": ID } }),
        json!({ "type": "notification", "event": "", "object": { "id": ID } }),
        json!({ "type": "notification", "event": "payment.Succeeded\n", "object": { "id": ID } }),
        json!({ "type": "notification", "event": "payment.succeeded", "object": { "id": "" } }),
        json!({ "type": "notification", "event": "payment.succeeded", "object": { "id": "../me" } }),
        json!({ "type": "notification", "event": "refund.succeeded", "object": { "id": ID.replace('-', "/") } }),
        json!({ "type": "notification", "event": "deal.closed", "object": { "id": "d".repeat(65) } }),
        json!({ "type": "notification", "event": "payment.succeeded", "object": { "id": 7 } }),
    ];
    for body in bodies {
        let refused = read(&yookassa, THEIRS, body.to_string().as_bytes());
        assert!(matches!(refused, Err(WebhookError::Malformed(_))), "{body}: {refused:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&offline_once(), THEIRS, &body);
    }

    #[test]
    fn what_is_believed_can_be_asked_for(
        event in "(payment|refund|deal)?.{0,9}",
        id in "[a-f0-9-]{36}|.{0,60}",
        kind in "notification|.{0,3}",
    ) {
        let body = json!({ "type": kind, "event": event, "object": { "id": id } }).to_string();
        if let Ok(told) = read(&offline_once(), THEIRS, body.as_bytes()) {
            prop_assert_eq!(told.event_id, format!("{event}:{id}"));
            if let Subject::Payment(subject) | Subject::Refund(subject) = told.subject {
                prop_assert!(subject.len() == 36 && !subject.contains(['/', '?', '.', '%']));
            }
        }
    }
}

/// Making a client takes longer than reading a body.
fn offline_once() -> YooKassa {
    static ONCE: std::sync::LazyLock<YooKassa> = std::sync::LazyLock::new(offline);
    ONCE.clone()
}

/// Hears notifications, and answers each with the next status, the last one for ever.
async fn listener(statuses: Vec<u16>) -> (String, mpsc::UnboundedReceiver<Value>) {
    let (heard, hearing) = mpsc::unbounded_channel();
    let statuses = Arc::new(std::sync::Mutex::new(statuses));
    let hear = move |axum::Json(body): axum::Json<Value>| {
        let mut statuses = statuses.lock().expect("no panic under it");
        let status = if statuses.len() > 1 { statuses.remove(0) } else { statuses[0] };
        heard.send(body).expect("the test listens");
        async move { StatusCode::from_u16(status).expect("a status") }
    };
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/hook", socket.local_addr().expect("bound"));
    let router = Router::new().route("/hook", post(hear));
    tokio::spawn(async move { axum::serve(socket, router).await });
    (url, hearing)
}

async fn next(hearing: &mut mpsc::UnboundedReceiver<Value>) -> Value {
    tokio::time::timeout(Duration::from_secs(10), hearing.recv()).await.expect("in time").expect("the listener lives")
}

#[tokio::test]
async fn a_notification_comes_again_until_it_is_answered_with_200() {
    let (url, mut hearing) = listener(vec![500, 201, 200]).await;
    let retries = vec![Duration::from_millis(10); 5];
    let (emulator, yookassa) = shop_with(Options { retries, ..Options::default() }).await;
    emulator.set_webhook(Some(url));
    let payment = paid(&emulator, &yookassa, &order(1_000)).await;
    for _ in 0..3 {
        let body = next(&mut hearing).await;
        assert_eq!((&body["event"], &body["object"]["id"]), (&json!("payment.succeeded"), &json!(payment.external_id)));
        assert_eq!(body["object"]["status"], "succeeded");
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(hearing.try_recv().is_err());
}

#[tokio::test]
async fn a_notification_can_come_several_times() {
    let (url, mut hearing) = listener(vec![200]).await;
    let (emulator, yookassa) = shop_with(Options { webhook: Some(url), ..Options::default() }).await;
    emulator.repeat_notifications(3);
    paid(&emulator, &yookassa, &order(1_000)).await;
    let first = next(&mut hearing).await;
    assert_eq!([next(&mut hearing).await, next(&mut hearing).await], [first.clone(), first]);
}
