//! Fiat money: the real programs between a database that stays, two emulated providers, and kills.

mod crash;
mod operator;
mod worker;

use anyhow::{Context, Result, ensure};
use billing_core::{
    ids::PaymentId,
    ledger::{Amount, grants},
    payments::{self, Payment},
};
use e2e::{Client, Stack, StackOptions};
use fiat_emulators::{
    stripe::{self, StripeEmulator},
    yookassa::{self, YooKassaEmulator},
};
use reqwest::Method;
use serde_json::{Value, json};
use test_support::Chain;

use crate::watch::until;

const OWNER: &str = "telegram:42";
const CREDITS: u128 = 1_000;

/// Two providers, who tell nobody anything until they are told whom, and the programs that ask them.
struct Till {
    stack: Stack,
    yookassa: YooKassaEmulator,
    stripe: StripeEmulator,
}

impl Till {
    async fn open() -> Result<Self> {
        let yookassa = YooKassaEmulator::start(yookassa::Options::default()).await?;
        let stripe = StripeEmulator::start(stripe::Options::default()).await?;
        let env = [
            ("BILLING_YOOKASSA_SHOP_ID", yookassa.shop_id()),
            ("BILLING_YOOKASSA_SECRET_KEY", yookassa.secret_key()),
            ("BILLING_YOOKASSA_URL", yookassa.base_url()),
            ("BILLING_YOOKASSA_NETWORKS", "127.0.0.0/8".to_owned()),
            ("BILLING_STRIPE_SECRET_KEY", stripe.secret_key().to_owned()),
            ("BILLING_STRIPE_WEBHOOK_SECRETS", stripe.webhook_secret().to_owned()),
            ("BILLING_STRIPE_URL", stripe.base_url().to_owned()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).into();
        let options = StackOptions { env, ..StackOptions::default() };
        let stack = Stack::new(vec![Chain::start(31_337).await?], options).await?;
        Ok(Self { stack, yookassa, stripe })
    }

    /// Puts the pack that everybody buys.
    async fn stock(&self, api: &Client) -> Result<()> {
        let pack = json!({
            "title": "1000 credits",
            "credits": CREDITS.to_string(),
            "prices": [{ "currency": "RUB", "amount_minor": 100_000 }, { "currency": "USD", "amount_minor": 1_000 }],
            "receipt": { "vat_code": 1, "payment_subject": "service", "payment_mode": "full_prepayment" },
        });
        api.call(Method::PUT, "/v1/billing/admin/packs/small", Some(&pack)).await?;
        Ok(())
    }

    /// A minute passes: what a killed process had to itself is free. Longer than any test needs to wait for.
    async fn minute_passes(&self) -> Result<()> {
        for table in ["payment", "refund", "webhook_inbox"] {
            let sql = format!(
                "update {table} set lease_until = lease_until - interval '60 s', look_at = look_at - interval '60 s'"
            );
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(self.stack.database.pool()).await?;
        }
        Ok(())
    }

    /// The only payment.
    async fn payment(&self) -> Result<Payment> {
        let pool = self.stack.database.pool();
        let ids: Vec<PaymentId> = sqlx::query_scalar("select payment_id from payment").fetch_all(pool).await?;
        ensure!(ids.len() == 1, "{} payments", ids.len());
        payments::find(pool, ids[0]).await?.context("it was there a moment ago")
    }

    async fn until_status(&self, status: &str) -> Result<Payment> {
        until(status, || async { Ok(self.payment().await?.status.as_str() == status) })
            .await
            .with_context(|| self.stack.log("billing-api"))?;
        self.payment().await
    }

    /// What the owner was given, and how many transfers brought it.
    async fn credits(&self) -> Result<(u128, i64)> {
        let mut conn = self.stack.database.pool().acquire().await?;
        let holdings = grants::holdings(&mut conn, OWNER).await?;
        let grants: i64 = sqlx::query_scalar("select count(*) from ledger_grant").fetch_one(&mut *conn).await?;
        Ok((holdings.iter().fold(Amount::ZERO, |sum, grant| sum.saturating_add(grant.left)).units(), grants))
    }

    async fn booked_once(&self) -> Result<()> {
        let credits = self.credits().await?;
        ensure!(credits == (CREDITS, 1), "{credits:?}\n{}", self.stack.log("billing-api"));
        Ok(())
    }
}

fn top_up(provider: &str) -> Value {
    json!({
        "pack_id": "small",
        "provider": provider,
        "currency": if provider == "yookassa" { "RUB" } else { "USD" },
        "owner": OWNER,
        "return_url": "https://shop.example/thanks",
    })
}

/// The provider's id: the page where it is paid ends with it.
fn external(payment: &Value) -> Result<&str> {
    let url = payment["confirmation_url"].as_str().with_context(|| format!("no page: {payment}"))?;
    url.rsplit('/').next().context("a last part")
}
