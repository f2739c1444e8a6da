//! `billing-api` killed between a provider's success and our write: the payment is found and booked with nobody acting.

use std::time::Duration;

use anyhow::Result;
use fiat_emulators::{
    stripe,
    yookassa::{Fault, Operation},
};

use super::{Till, external, top_up};
use crate::watch::until;

/// Longer than the test: the answer never comes.
const NEVER: Duration = Duration::from_secs(600);

fn late() -> Fault {
    Fault::Delay { before: Duration::ZERO, after: NEVER }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_answer_of_yookassa_was_stored_it_finds_the_payment_by_its_reference() -> Result<()> {
    let till = Till::open().await?;
    let (mut api, client) = till.stack.start_api().await?;
    till.stock(&client).await?;
    till.yookassa.fault_on(Operation::CreatePayment, late());
    let asked = tokio::spawn(async move { client.post_as("order-1", "/v1/billing/topups", &top_up("yookassa")).await });
    until("the provider has made it", || async { Ok(till.yookassa.payments().len() == 1) }).await?;
    api.kill();
    assert!(asked.await?.is_err(), "nobody was answered");
    assert_eq!(till.payment().await?.external_id, None);

    let id = till.yookassa.payments()[0]["id"].as_str().unwrap_or_default().to_owned();
    till.yookassa.pay(&id)?;
    till.minute_passes().await?;
    let (_api, _) = till.stack.start_api().await?;
    let payment = till.until_status("succeeded").await?;
    assert_eq!((payment.external_id, till.yookassa.payments().len()), (Some(id), 1));
    till.booked_once().await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_answer_of_stripe_was_stored_it_finds_the_payment_by_its_reference() -> Result<()> {
    let till = Till::open().await?;
    let (mut api, client) = till.stack.start_api().await?;
    till.stock(&client).await?;
    till.stripe.fault(stripe::Fault::DelayAfter(NEVER));
    let asked = tokio::spawn(async move { client.post_as("order-1", "/v1/billing/topups", &top_up("stripe")).await });
    until("the provider is asked", || async { Ok(!till.stripe.requests().is_empty()) }).await?;
    // It is made at once, and told late.
    tokio::time::sleep(Duration::from_millis(200)).await;
    api.kill();
    assert!(asked.await?.is_err(), "nobody was answered");
    assert_eq!(till.payment().await?.external_id, None);

    till.minute_passes().await?;
    let (_api, _) = till.stack.start_api().await?;
    let found = till.until_status("pending").await?;
    till.stripe.pay(found.external_id.as_deref().unwrap_or_default())?;
    till.until_status("succeeded").await?;
    till.booked_once().await
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_while_the_api_was_dead_and_every_notification_was_lost_it_is_asked_for_and_booked() -> Result<()> {
    for provider in ["yookassa", "stripe"] {
        let till = Till::open().await?;
        let (mut api, client) = till.stack.start_api().await?;
        till.stock(&client).await?;
        let asked = client.post_as("order-1", "/v1/billing/topups", &top_up(provider)).await?;
        api.kill();
        match provider {
            "yookassa" => till.yookassa.pay(external(&asked)?)?,
            _ => till.stripe.pay(external(&asked)?)?,
        }
        let (_api, _) = till.stack.start_api().await?;
        till.until_status("succeeded").await?;
        till.booked_once().await?;
    }
    Ok(())
}

/// The notification was kept and answered; what it led to was under way.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_looks_into_a_notification_it_looks_again() -> Result<()> {
    let till = Till::open().await?;
    let (mut api, client) = till.stack.start_api().await?;
    till.stock(&client).await?;
    till.yookassa.set_webhook(Some(format!("{}/webhooks/yookassa", client.base())));
    let asked = client.post_as("order-1", "/v1/billing/topups", &top_up("yookassa")).await?;
    till.yookassa.faults_by(|operation| (operation == Operation::GetPayment).then(late));
    till.yookassa.pay(external(&asked)?)?;
    let attended = "select exists (select from webhook_inbox where lease_until is not null)";
    until("the notification is looked into", || async {
        Ok(sqlx::query_scalar(attended).fetch_one(till.stack.database.pool()).await?)
    })
    .await?;
    api.kill();
    assert_eq!(till.credits().await?, (0, 0));

    till.yookassa.heal();
    till.minute_passes().await?;
    let (_api, _) = till.stack.start_api().await?;
    till.until_status("succeeded").await?;
    until("the notification is done", || async {
        let open = "select not exists (select from webhook_inbox where status = 'received')";
        Ok(sqlx::query_scalar(open).fetch_one(till.stack.database.pool()).await?)
    })
    .await?;
    till.booked_once().await
}
