//! Roubles and dollars beside the chains: credits bought through two providers, and saved methods that pay where wallets cannot.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use billing_core::ledger;
use e2e::{Client, Stack};
use fiat_emulators::{
    stripe::{self, StripeEmulator},
    yookassa::{self, YooKassaEmulator},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    cast::{Fate, Member, PlanName},
    offer::{self, Offer},
};

/// One period of the basic plan by card, in kopecks.
const MONTH: i64 = 99_000;
/// A pack: 1,000 credits for 500 roubles or 5 dollars.
const PACK: &str = "credits-1000";
const CREDITS: i64 = 1_000;
const ROUBLES: i64 = 50_000;
const DOLLARS: i64 = 500;

/// Two providers of this machine: they speak the real ones' protocols, and no money moves.
pub struct Providers {
    yookassa: YooKassaEmulator,
    stripe: StripeEmulator,
}

/// What came in by card.
#[derive(Debug, Default)]
pub struct Taken {
    /// Credits that were bought.
    pub credits: i64,
    /// Periods that a saved method paid.
    pub periods: usize,
    /// By currency, in its smallest unit: what the providers have for us, less what they keep.
    pub money: Vec<(&'static str, i64)>,
}

impl Providers {
    /// Starts them.
    pub async fn start() -> Result<Self> {
        let yookassa = YooKassaEmulator::start(yookassa::Options::default()).await?;
        let stripe = StripeEmulator::start(stripe::Options::default()).await?;
        Ok(Self { yookassa, stripe })
    }

    /// What the programs are told of them: another address is all that tells them from the real ones.
    pub fn env(&self) -> Vec<(String, String)> {
        let env = [
            ("BILLING_YOOKASSA_SHOP_ID", self.yookassa.shop_id()),
            ("BILLING_YOOKASSA_SECRET_KEY", self.yookassa.secret_key()),
            ("BILLING_YOOKASSA_URL", self.yookassa.base_url()),
            ("BILLING_YOOKASSA_NETWORKS", "127.0.0.0/8".to_owned()),
            ("BILLING_STRIPE_SECRET_KEY", self.stripe.secret_key().to_owned()),
            ("BILLING_STRIPE_WEBHOOK_SECRETS", self.stripe.webhook_secret().to_owned()),
            ("BILLING_STRIPE_URL", self.stripe.base_url().to_owned()),
        ];
        env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Tells them where their notifications go.
    pub fn notify(&self, api: &Client) {
        self.yookassa.set_webhook(Some(format!("{}/webhooks/yookassa", api.base())));
        self.stripe.set_webhook(Some(format!("{}/webhooks/stripe", api.base())));
    }

    fn pay(&self, payment: &Value) -> Result<()> {
        let page = payment["confirmation_url"].as_str().with_context(|| format!("no page to pay on: {payment}"))?;
        let id = page.rsplit('/').next().unwrap_or_default();
        if payment["provider"] == "yookassa" { self.yookassa.pay(id) } else { self.stripe.pay(id) }
    }
}

/// Sells a pack to a customer of each provider, and to each member whose wallet will be empty, who also agrees to a fallback.
pub async fn sell(stack: &Stack, api: &Client, providers: &Providers, cast: &[Member], offers: &[Offer]) -> Result<()> {
    providers.notify(api);
    let pack = json!({
        "title": "1,000 credits",
        "credits": CREDITS.to_string(),
        "prices": [{ "currency": "RUB", "amount_minor": ROUBLES }, { "currency": "USD", "amount_minor": DOLLARS }],
        "receipt": { "vat_code": 1, "payment_subject": "service", "payment_mode": "full_prepayment" },
    });
    api.call(Method::PUT, &format!("/v1/billing/admin/packs/{PACK}"), Some(&pack)).await?;
    buy(api, providers, "stripe", "USD", "telegram:1001").await?;
    let basic = &offer::find(offers, PlanName::Basic)?.hash;
    let price = json!({ "currency": "RUB", "amount_minor": MONTH });
    api.call(Method::PUT, &format!("/v1/billing/admin/plans/{basic}/fiat-price"), Some(&price)).await?;
    for member in cast.iter().filter(|member| member.fate == Fate::FallsBack) {
        let owner = format!("wallet:{}", member.role.address());
        buy(api, providers, "yookassa", "RUB", &owner).await?;
        let methods = api.get(&format!("/v1/billing/payment-methods?owner={owner}")).await?;
        let agreed = json!({
            "chain_id": stack.chains[member.chain].chain_id(),
            "plan_hash": basic,
            "subscriber": member.role.address(),
            "owner": owner,
            "payment_method_id": methods["payment_methods"][0]["payment_method_id"],
            "currency": "RUB",
            "email": "subscriber@example.com",
        });
        api.call(Method::PUT, "/v1/billing/fallbacks", Some(&agreed)).await?;
    }
    Ok(())
}

/// Asks for a top-up, pays on the provider's page, and waits until it is booked.
async fn buy(api: &Client, providers: &Providers, provider: &str, currency: &str, owner: &str) -> Result<()> {
    let wish = json!({
        "pack_id": PACK, "provider": provider, "currency": currency, "owner": owner,
        "return_url": "https://shop.example/thanks", "email": "subscriber@example.com", "save_method": true,
    });
    let asked = api.post_as(&format!("demo-{owner}"), "/v1/billing/topups", &wish).await?;
    providers.pay(&asked)?;
    let path = format!("/v1/billing/payments/{}", asked["payment_id"].as_str().context("payment_id")?);
    let mut payment = Value::Null;
    for _ in 0..200 {
        payment = api.get(&path).await?;
        if payment["status"] == "succeeded" {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("not paid after 20 s: {payment}")
}

/// Waits until every fallback has paid, and compares the ledger with what the providers have.
pub async fn settle(
    stack: &Stack,
    api: &Client,
    providers: &Providers,
    cast: &[Member],
    offers: &[Offer],
) -> Result<Taken> {
    let mut taken = Taken::default();
    for member in cast.iter().filter(|member| member.fate == Fate::FallsBack) {
        wait_until_paid(stack, api, member, &offer::find(offers, member.plan)?.hash).await?;
        taken.periods += 1;
    }
    stack.run_ok("billing", &["ledger", "verify"]).await?;
    let lines = ledger::trial_balance(&mut *stack.database.pool().acquire().await?).await?;
    let of = |asset: &str, kind: &str| -> i128 {
        let lines = lines.iter().filter(|line| line.asset == asset && (kind.is_empty() || line.kind == kind));
        lines.map(|line| line.credits_posted.units() - line.debits_posted.units()).sum()
    };
    for asset in ["credits", "RUB", "USD"] {
        ensure!(of(asset, "") == 0, "{asset} does not sum up to zero: {lines:#?}");
    }
    let periods = i64::try_from(taken.periods)?;
    taken.credits = (periods + 1) * CREDITS;
    ensure!(of("credits", "grant") == i128::from(taken.credits), "{lines:#?}");
    ensure!(of("RUB", "revenue") == i128::from(periods * MONTH), "{lines:#?}");
    let there: i64 = providers.yookassa.payments().iter().filter_map(income).sum();
    let (rub, usd) = (-of("RUB", "rail:yookassa"), -of("USD", "rail:stripe"));
    ensure!(rub == i128::from(there), "{rub} by the ledger, YooKassa has {there}");
    taken.money = vec![("RUB", i64::try_from(rub)?), ("USD", i64::try_from(usd)?)];
    let faults = providers.yookassa.violations();
    ensure!(faults.is_empty(), "against YooKassa's document: {faults:#?}");
    Ok(taken)
}

/// What the shop gets of a payment, in kopecks.
fn income(payment: &Value) -> Option<i64> {
    let (roubles, kopecks) = payment["income_amount"]["value"].as_str()?.split_once('.')?;
    Some(roubles.parse::<i64>().ok()? * 100 + kopecks.parse::<i64>().ok()?)
}

async fn wait_until_paid(stack: &Stack, api: &Client, member: &Member, plan: &str) -> Result<()> {
    let (wallet, chain_id) = (member.role.address(), stack.chains[member.chain].chain_id());
    let path = format!("/v1/billing/subscriptions?subscriber={wallet}&chain_id={chain_id}&plan_hash={plan}");
    let mut page = Value::Null;
    for _ in 0..300 {
        page = api.get(&path).await?;
        let subscription = &page["subscriptions"][0];
        if subscription["last_charge"]["status"] == "paid_by_fiat" && subscription["status"] == "active" {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("no saved method paid after 30 s: {page}\n{}", stack.log("billing-api"))
}
