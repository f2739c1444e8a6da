//! `billing payments` as its operator sees it.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{Till, external, top_up};

/// Somebody pays by a link that the shop's owner made by hand.
async fn foreign_payment(till: &Till) -> Result<String> {
    let body = json!({
        "amount": { "value": "77.00", "currency": "RUB" },
        "capture": true,
        "confirmation": { "type": "redirect", "return_url": "https://shop.example/" },
    });
    let request = reqwest::Client::new().post(format!("{}/payments", till.yookassa.base_url()));
    let request = request.basic_auth(till.yookassa.shop_id(), Some(till.yookassa.secret_key()));
    let made: Value =
        serde_json::from_str(&request.header("idempotence-key", "by-hand").json(&body).send().await?.text().await?)?;
    let id = made["id"].as_str().with_context(|| made.to_string())?;
    till.yookassa.pay(id)?;
    Ok(id.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_are_listed_shown_and_compared_and_a_difference_is_exit_code_2() -> Result<()> {
    let till = Till::open().await?;
    let (api, client) = till.stack.start_api().await?;
    till.stock(&client).await?;
    let asked = client.post_as("order-1", "/v1/billing/topups", &top_up("yookassa")).await?;
    till.yookassa.pay(external(&asked)?)?;
    till.until_status("succeeded").await?;
    drop(api);
    let id = asked["payment_id"].as_str().context("an id")?;

    let list =
        till.stack.run_ok("billing", &["payments", "list", "--owner", super::OWNER, "--status", "succeeded"]).await?;
    ensure!(list.contains(id) && list.contains("1000.00 RUB"), "{list}");
    let show = till.stack.run_ok("billing", &["payments", "show", id]).await?;
    ensure!(show.contains("1000 credits") && show.contains("35.00 RUB") && show.contains("No refunds."), "{show}");
    let shown: Value = serde_json::from_str(&till.stack.run_ok("billing", &["payments", "show", id, "--json"]).await?)?;
    ensure!(shown["status"] == "succeeded" && shown["refunds"] == json!([]), "{shown}");
    ensure!(till.stack.run_ok("billing", &["payments", "troubles"]).await?.contains("No troubles."));

    let reconcile = ["payments", "reconcile", "--provider", "yookassa", "--since", "2020-01-01T00:00:00Z"];
    let (code, text) = till.stack.run("billing", &reconcile).await?;
    ensure!(code == 0 && text.contains("1 payments compared, 0 differences"), "{code} {text}");
    let foreign = foreign_payment(&till).await?;
    let (code, text) = till.stack.run("billing", &reconcile).await?;
    ensure!(
        code == 2 && text.contains("missing_here") && text.contains(&foreign) && text.contains("77.00 RUB"),
        "{text}"
    );

    sqlx::query("update payment set trouble = '1000.00 RUB was asked for, 10.00 RUB is succeeded'")
        .execute(till.stack.database.pool())
        .await?;
    let troubles = till.stack.run_ok("billing", &["payments", "troubles"]).await?;
    ensure!(troubles.contains(id) && troubles.contains("was asked for"), "{troubles}");
    for table in [list, show, troubles] {
        ensure!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
    }
    Ok(())
}
