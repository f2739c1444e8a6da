//! `billing-worker` as its operator sees it.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use test_support::{Child, signal};

use super::{Till, external, top_up};
use crate::watch::{get, until};

#[tokio::test(flavor = "multi_thread")]
async fn with_no_api_at_all_the_worker_books_what_was_paid_and_says_so() -> Result<()> {
    let till = Till::open().await?;
    let (mut api, client) = till.stack.start_api().await?;
    till.stock(&client).await?;
    let asked = client.post_as("order-1", "/v1/billing/topups", &top_up("stripe")).await?;
    api.kill();

    let listen = format!("127.0.0.1:{}", std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port());
    let mut command = till.stack.command("billing-worker", "worker")?;
    command.env("BILLING_WORKER_LISTEN", &listen).stdout(Stdio::null());
    let mut worker = Child::spawn(command)?;
    let url = |path: &str| format!("http://{listen}/{path}");
    let shows = async |series: &str| -> Result<bool> { Ok(get(&url("metrics")).await?.contains(series)) };
    until("it is ready", || async { Ok(get(&url("ready")).await.is_ok_and(|said| said == "ready\n")) })
        .await
        .with_context(|| till.stack.log("worker"))?;
    until("it shows what is open", || async {
        shows(r#"billing_payments_open{provider="stripe",status="pending"} 1"#).await
    })
    .await?;
    ensure!(shows(r#"billing_payments_waiting{provider="yookassa",what="troubles"} 0"#).await?);
    until("both are compared", || async {
        let sql = "select count(distinct provider) from reconciliation";
        Ok(sqlx::query_scalar::<_, i64>(sql).fetch_one(till.stack.database.pool()).await? == 2)
    })
    .await?;

    till.stripe.pay(external(&asked)?)?;
    till.until_status("succeeded").await.with_context(|| till.stack.log("worker"))?;
    till.booked_once().await?;
    ensure!(!shows(r#"billing_worker_attended_total{provider="stripe",what="payment"} 0"#).await?);
    ensure!(shows(r#"billing_worker_job_errors_total{job="poll stripe"} 0"#).await?, "{}", till.stack.log("worker"));
    worker.signal(signal::TERM)?;
    ensure!(worker.wait(Duration::from_secs(10)).await?.success(), "{}", till.stack.log("worker"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_workers_one_compares_and_none_does_so_twice_in_a_day() -> Result<()> {
    let till = Till::open().await?;
    for _ in 0..2 {
        let mut workers = Vec::new();
        for _ in 0..3 {
            let mut command = till.stack.command("billing-worker", "worker")?;
            command.arg("--once").stdout(Stdio::null());
            workers.push(Child::spawn(command)?);
        }
        for mut worker in workers {
            let status = worker.wait(Duration::from_secs(30)).await?;
            ensure!(status.success(), "{status}\n{}", till.stack.log("worker"));
        }
    }
    let compared: Vec<(String, i64)> =
        sqlx::query_as("select provider, count(*) from reconciliation group by provider order by provider")
            .fetch_all(till.stack.database.pool())
            .await?;
    assert_eq!(compared, [("stripe".to_owned(), 1), ("yookassa".to_owned(), 1)]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_configuration_and_none_are_refused_with_what_is_missing() -> Result<()> {
    let till = Till::open().await?;
    for (program, without, missing) in [
        ("billing-worker", &["BILLING_YOOKASSA_SECRET_KEY"][..], "BILLING_YOOKASSA_SECRET_KEY"),
        ("billing-api", &["BILLING_STRIPE_WEBHOOK_SECRETS"], "BILLING_STRIPE_WEBHOOK_SECRETS"),
    ] {
        let mut command = till.stack.command(program, "half")?;
        for name in without {
            command.env_remove(name);
        }
        let status = Child::spawn(command)?.wait(Duration::from_secs(10)).await?;
        ensure!(!status.success() && till.stack.log("half").contains(missing), "{}", till.stack.log("half"));
    }
    Ok(())
}
