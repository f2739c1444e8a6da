//! Notifications are hints.

use anyhow::Result;
use billing_core::payments::{PaymentError, Received, Status};
use billing_fiat::WebhookError;
use fiat_emulators::FakeEvent;

use super::{Shop, shop::CREDITS};

#[tokio::test]
async fn a_notification_told_five_times_credits_once() -> Result<()> {
    let shop = Shop::open().await?;
    let payment = shop.top_up("anna", "1").await?;
    assert_eq!(payment.status, Status::Pending);
    assert!(payment.action_url.is_some());
    shop.pay(&payment)?;
    let events = shop.fake.take_notifications();

    for _ in 0..5 {
        for event in &events {
            shop.deliver(event).await?;
        }
        shop.poll().await?;
    }

    assert_eq!(shop.find(payment.id).await?.status, Status::Succeeded);
    assert_eq!(shop.credits("anna").await?, CREDITS);
    shop.assert_books().await
}

#[tokio::test]
async fn a_forged_word_with_a_true_signature_moves_nothing() -> Result<()> {
    let shop = Shop::open().await?;
    let payment = shop.top_up("anna", "1").await?;
    let external = payment.external_id.clone().expect("sent");
    let body = format!(r#"{{"id":"e-1","event":"payment.succeeded","object":"payment","object_id":"{external}"}}"#);
    let forged = FakeEvent::signed(body.into_bytes(), shop.now());

    assert_eq!(shop.deliver(&forged).await?, Received::New);
    shop.settle().await?;

    assert_eq!(shop.find(payment.id).await?.status, Status::Pending);
    assert_eq!(shop.credits("anna").await?, 0);
    Ok(())
}

#[tokio::test]
async fn an_unbelieved_notification_is_not_stored() -> Result<()> {
    let shop = Shop::open().await?;
    let forged = FakeEvent { body: b"{}".to_vec(), signature: "t=1,v1=00".to_owned() };

    let refused = shop.deliver(&forged).await.expect_err("forged");

    assert!(matches!(refused, PaymentError::Webhook(WebhookError::Signature)), "{refused:?}");
    assert_eq!(shop.count("select count(*) from webhook_inbox").await?, 0);
    Ok(())
}

#[tokio::test]
async fn one_that_came_too_early_is_attended_to_again_when_it_is_told_again() -> Result<()> {
    let shop = Shop::open().await?;
    let payment = shop.top_up("anna", "1").await?;
    let external = payment.external_id.clone().expect("sent");
    let body = format!(r#"{{"id":"e-1","event":"payment.succeeded","object":"payment","object_id":"{external}"}}"#);
    let event = FakeEvent::signed(body.into_bytes(), shop.now());
    shop.deliver(&event).await?;
    shop.poll().await?;
    shop.pay(&payment)?;

    assert_eq!(shop.deliver(&event).await?, Received::Known);
    shop.poll().await?;

    assert_eq!(shop.find(payment.id).await?.status, Status::Succeeded);
    Ok(())
}

#[tokio::test]
async fn what_is_told_of_a_payment_that_is_not_ours_is_kept_and_left() -> Result<()> {
    let shop = Shop::open().await?;
    let order = billing_fiat::NewPayment {
        reference: uuid::Uuid::now_v7(),
        amount: super::shop::rub(100),
        description: "another system's".to_owned(),
        pays: billing_fiat::Pays::OnPage { return_url: "https://a.example".to_owned(), save_method: false },
        capture: billing_fiat::Capture::AtOnce,
        buyer: billing_fiat::Buyer::default(),
        receipt: None,
    };
    let foreign = billing_fiat::FiatProvider::create(&shop.fake, &order).await?;
    shop.fake.pay(&foreign.external_id)?;
    shop.deliver_all().await?;

    shop.settle().await?;

    assert_eq!(shop.count("select count(*) from webhook_inbox where outcome = 'not ours'").await?, 1);
    assert_eq!(shop.count("select count(*) from payment").await?, 0);
    Ok(())
}
