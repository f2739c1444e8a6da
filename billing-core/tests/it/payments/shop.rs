//! A database, a provider, and what somebody sells.

use std::{
    future::{Future, poll_fn},
    net::Ipv4Addr,
    pin::pin,
    sync::Arc,
    task::Poll,
};

use anyhow::{Context, Result};
use billing_core::{
    ids::{PaymentId, PaymentMethodId},
    ledger::{self, Amount},
    payments::{self, Asked, Bought, Order, Payment, PaymentError, Pays, Providers, Purpose, Received},
};
use billing_fiat::{Buyer, Currency, Money, WebhookRequest};
use fiat_emulators::{FakeEvent, FakeProvider};
use reqwest::header::{HeaderMap, HeaderValue};
use sqlx::{PgPool, postgres::PgPoolOptions};
use test_support::Database;
use time::OffsetDateTime;

/// Credits of the pack that is sold, and its price in kopecks.
pub const CREDITS: u64 = 1_000;
pub const PRICE: i64 = 50_000;

pub struct Shop {
    /// Its own; `None` when it is a part of another test's.
    _database: Option<Database>,
    pool: PgPool,
    pub fake: FakeProvider,
    pub providers: Providers,
}

impl Shop {
    pub async fn open() -> Result<Self> {
        let database = Database::new().await;
        let shop = Self::over(database.pool().clone()).await?;
        Ok(Self { _database: Some(database), ..shop })
    }

    pub async fn over(pool: PgPool) -> Result<Self> {
        ledger::name_asset(&mut *pool.acquire().await?, "credits", 0).await?;
        let fake = FakeProvider::default();
        let providers = Providers::new(vec![Arc::new(fake.clone())]);
        Ok(Self { _database: None, pool, fake, providers })
    }

    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub fn now(&self) -> OffsetDateTime {
        self.fake.now()
    }

    pub async fn top_up(&self, owner: &str, key: &str) -> Result<Payment, PaymentError> {
        payments::start(self.pool(), &self.providers, &top_up(owner, key), self.now()).await
    }

    /// One that is paid and booked.
    pub async fn paid(&self, owner: &str) -> Result<Payment> {
        let payment = self.top_up(owner, owner).await?;
        self.pay(&payment)?;
        self.settle().await?;
        self.find(payment.id).await
    }

    /// A method that can be charged without its owner.
    pub async fn saved_method(&self, owner: &str) -> Result<PaymentMethodId> {
        self.paid(owner).await?;
        let methods = payments::methods(self.pool(), owner).await?;
        Ok(methods.first().context("no method was kept")?.id)
    }

    pub fn pay(&self, payment: &Payment) -> Result<()> {
        self.fake.pay(payment.external_id.as_deref().context("not sent")?)
    }

    pub async fn find(&self, id: PaymentId) -> Result<Payment> {
        payments::find(self.pool(), id).await?.context("the payment is gone")
    }

    /// Delivers a notification as the provider's own.
    pub async fn deliver(&self, event: &FakeEvent) -> Result<Received, PaymentError> {
        let mut headers = HeaderMap::new();
        headers.insert("fake-signature", HeaderValue::from_str(&event.signature).expect("a header"));
        let request = WebhookRequest {
            body: &event.body,
            headers: &headers,
            client: Ipv4Addr::LOCALHOST.into(),
            now: self.now(),
        };
        payments::receive(self.pool(), &self.fake, &request).await
    }

    pub async fn deliver_all(&self) -> Result<()> {
        for event in self.fake.take_notifications() {
            self.deliver(&event).await?;
        }
        Ok(())
    }

    /// So much time passes that whatever waits is looked at, and dead workers' leases are over.
    pub async fn time_passes(&self) -> Result<()> {
        for sql in [
            "update payment set look_at = now(), lease_until = null where look_at is not null",
            "update refund set look_at = now(), lease_until = null where look_at is not null",
            "update webhook_inbox set look_at = now(), lease_until = null where status = 'received'",
        ] {
            sqlx::query(sql).execute(self.pool()).await?;
        }
        Ok(())
    }

    pub async fn poll(&self) -> Result<payments::Round> {
        Ok(payments::poll(self.pool(), &self.providers, self.now(), 1_000).await?)
    }

    /// Looks at everything that waits, some times over.
    pub async fn settle(&self) -> Result<()> {
        for _ in 0..4 {
            self.time_passes().await?;
            self.poll().await?;
        }
        Ok(())
    }

    /// Does what a process does that is killed the `steps`-th time that it waits for anything, its connections with it; with `None`
    /// it lives. `None` when it was killed.
    pub async fn killed_at<T>(&self, steps: Option<u32>, work: impl AsyncFnOnce(&Self) -> T) -> Result<Option<T>> {
        let Some(steps) = steps else { return Ok(Some(work(self).await)) };
        let doomed = (*self.pool.connect_options()).clone().application_name("doomed");
        let pool = PgPoolOptions::new().max_connections(2).connect_with(doomed).await?;
        let process = Self { _database: None, pool, fake: self.fake.clone(), providers: self.providers.clone() };
        let done = left_at(steps, work(&process)).await;
        let alive = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                      where datname = current_database() and application_name = 'doomed'";
        while self.count(alive).await? > 0 {}
        Ok(done)
    }

    pub async fn count(&self, sql: &'static str) -> Result<i64> {
        Ok(sqlx::query_scalar(sql).fetch_one(self.pool()).await?)
    }

    /// Credits of an owner that are neither spent nor held.
    pub async fn credits(&self, owner: &str) -> Result<u64> {
        let held = ledger::grants::holdings(&mut *self.pool().acquire().await?, owner).await?;
        Ok(held.iter().map(|holding| u64::try_from(holding.left.units()).unwrap_or(u64::MAX)).sum())
    }

    /// What is put into the house's accounts of a kind less what is taken, in an asset's smallest unit.
    pub async fn balance(&self, asset: &str, kind: &str) -> Result<i128> {
        let lines = ledger::trial_balance(&mut *self.pool().acquire().await?).await?;
        let of = |line: &ledger::TrialLine| line.credits_posted.units() - line.debits_posted.units();
        Ok(lines.iter().filter(|line| line.asset == asset && line.kind == kind).map(of).sum())
    }

    /// In every asset all that was taken was put somewhere, and the books are as they were written.
    pub async fn assert_books(&self) -> Result<()> {
        let lines = ledger::trial_balance(&mut *self.pool().acquire().await?).await?;
        for asset in ["credits", "RUB"] {
            let of = |line: &ledger::TrialLine| line.credits_posted.units() - line.debits_posted.units();
            let sum: i128 = lines.iter().filter(|line| line.asset == asset).map(of).sum();
            assert_eq!(sum, 0, "{asset}: {lines:#?}");
        }
        let verified = ledger::verify(self.pool(), |_| {}).await?;
        assert!(verified.differences.is_empty(), "{:#?}", verified.differences);
        Ok(())
    }
}

pub fn rub(minor: i64) -> Money {
    Money::new(minor, Currency::Rub).expect("an amount")
}

pub fn top_up(owner: &str, key: &str) -> Order {
    Order {
        asked: Asked { by: "shop".to_owned(), key: key.to_owned() },
        provider: "fake".to_owned(),
        owner: owner.to_owned(),
        amount: rub(PRICE),
        purpose: Purpose::TopUp(Bought {
            pack: "pack-1000".to_owned(),
            asset: "credits".to_owned(),
            credits: Amount::from(CREDITS),
            expires_days: None,
        }),
        pays: Pays::OnPage { return_url: "https://shop.example/done".to_owned(), save_method: true },
        description: "1,000 credits".to_owned(),
        buyer: Buyer { email: Some("payer@example.com".to_owned()), phone: None },
        receipt: None,
    }
}

/// Polls up to so many times that it waits for anything. `None` when it was left there.
async fn left_at<T>(steps: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = steps;
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}
