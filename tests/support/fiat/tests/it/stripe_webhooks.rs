use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use billing_fiat::{FiatProvider, Subject, WebhookError};
use fiat_emulators::{
    contract::{Delivery, Stage},
    stripe::{Options, sign},
};
use tokio::net::TcpListener;

use crate::{
    stripe::{on_page, paid},
    stripe_stage::StripeStage,
};

fn with_header(delivery: &Delivery, header: &str) -> Delivery {
    let mut delivery = delivery.clone();
    delivery.headers.insert("stripe-signature", header.parse().expect("a header"));
    delivery
}

#[tokio::test]
async fn any_of_several_signatures_and_secrets_will_do() -> Result<()> {
    let stage = StripeStage::start().await?;
    let (now, body) = (stage.emulator.now(), br#"{"id":"evt_1","type":"ping","data":{"object":{}}}"#);
    let genuine = stage.delivered(body);
    let signature = |secret: &str| sign(secret, now, body).split_once("v1=").expect("a signature").1.to_owned();
    let (good, old) = (signature(stage.emulator.webhook_secret()), signature("whsec_of_before"));
    for header in [
        format!("t={now},v1={},v1={good}", "0".repeat(64)),
        format!("t={now},v1={old}"),
        format!("t={now},v0=abc,v1={good},v2=x"),
        format!("v1={good},t={now}"),
    ] {
        let told = stage.stripe.notification(&with_header(&genuine, &header).request())?;
        assert_eq!(told.subject, Subject::Nothing, "{header}");
    }
    for header in [
        String::new(),
        format!("t={now}"),
        format!("t={now},v0={good}"),
        format!("t={},v1={good}", now + 1),
        format!("v1={good}"),
        format!("t=,v1={good}"),
        format!("t={now},v1={}", &good[..62]),
        format!("t={now},v1={}", signature("")),
    ] {
        let told = stage.stripe.notification(&with_header(&genuine, &header).request());
        assert_eq!(told, Err(WebhookError::Signature), "{header}");
    }
    Ok(())
}

#[tokio::test]
async fn the_time_of_a_signature_is_within_five_minutes_either_way() -> Result<()> {
    let stage = StripeStage::start().await?;
    let body = br#"{"id":"evt_1","type":"ping","data":{"object":{}}}"#;
    let genuine = stage.delivered(body);
    let now = genuine.now.unix_timestamp();
    for (off, is_believed) in [(0, true), (300, true), (-300, true), (301, false), (-301, false), (3_600, false)] {
        let signed = with_header(&genuine, &sign(stage.emulator.webhook_secret(), now + off, body));
        assert_eq!(stage.stripe.notification(&signed.request()).is_ok(), is_believed, "{off}");
    }
    Ok(())
}

#[tokio::test]
async fn kinds_of_events_name_what_to_ask_about() -> Result<()> {
    let stage = StripeStage::start().await?;
    let payment = |id: &str| Subject::Payment(id.to_owned());
    for (kind, object, subject) in [
        ("checkout.session.completed", r#"{"id":"cs_1"}"#, payment("cs_1")),
        ("payment_intent.succeeded", r#"{"id":"pi_1"}"#, payment("pi_1")),
        ("charge.refunded", r#"{"id":"ch_1","payment_intent":"pi_1"}"#, payment("pi_1")),
        ("charge.refunded", r#"{"id":"ch_1","payment_intent":null}"#, Subject::Nothing),
        ("charge.refund.updated", r#"{"id":"re_1"}"#, Subject::Refund("re_1".to_owned())),
        ("refund.failed", r#"{"id":"re_1"}"#, Subject::Refund("re_1".to_owned())),
        ("charge.dispute.closed", r#"{"id":"dp_1"}"#, Subject::Dispute("dp_1".to_owned())),
        ("balance.available", r#"{"object":"balance"}"#, Subject::Nothing),
    ] {
        let body = format!(r#"{{"id":"evt_1","type":"{kind}","data":{{"object":{object}}}}}"#);
        let told = stage.stripe.notification(&stage.delivered(body.as_bytes()).request())?;
        assert_eq!((told.subject, told.event.as_str()), (subject, kind));
    }
    Ok(())
}

type Taken = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// Refuses the first delivery.
async fn take(State(taken): State<Taken>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut taken = taken.lock().expect("nobody panics");
    taken.push((headers, body));
    if taken.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

#[tokio::test]
async fn what_was_not_taken_is_delivered_again() -> Result<()> {
    let retries = vec![Duration::from_millis(20); 3];
    let stage = StripeStage::with(Options { retries, ..Options::default() }).await?;
    let taken = Taken::default();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    stage.emulator.set_webhook(Some(format!("http://{}/hook", listener.local_addr()?)));
    let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&taken));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    paid(&stage, &on_page()).await?;
    let ids = || -> Result<Vec<String>> {
        let taken = taken.lock().expect("nobody panics").clone();
        let told = taken.into_iter().map(|(headers, body)| {
            let delivery = Delivery { body: body.to_vec(), headers, ..stage.delivered(b"") };
            Ok(stage.stripe.notification(&delivery.request())?.event_id)
        });
        told.collect()
    };
    // Three events, and one of them twice.
    for _ in 0..100 {
        if ids()?.len() >= 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.abort();
    let mut ids = ids()?;
    let first = ids.first().context("something came")?.clone();
    ensure!(ids.iter().filter(|id| **id == first).count() == 2, "{ids:?}");
    ids.sort();
    ids.dedup();
    ensure!(ids.len() == 3, "{ids:?}");
    Ok(())
}
