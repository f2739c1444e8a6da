use std::{sync::Arc, time::Duration};

use billing_core::{
    charges::fallback,
    fiat_subscriptions,
    payments::{self, Providers},
};
use billing_fiat::{FiatProvider, Window};
use futures::future::BoxFuture;
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{WorkerConfig, metrics};
use crate::jobs::{Job, Left};

/// Of each kind in one round.
const AT_ONCE: i64 = 100;
/// Between two looks whether a comparison is due, and at what metrics show.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// What a comparison looks at: what is younger than an hour may be on its way.
const SETTLED: time::Duration = time::Duration::hours(1);
/// And so long before: a comparison that failed for a whole day is made up for by the next.
const WINDOW: time::Duration = time::Duration::days(3);

/// The table of jobs.
pub(super) fn all(config: &WorkerConfig, pool: &PgPool, providers: &Providers) -> Vec<Job> {
    let poll_interval = Duration::from_secs(config.poll_interval);
    let reconcile_interval = time::Duration::hours(config.reconcile_interval.into());
    // Each for itself: one that hangs keeps no other waiting.
    let polls = providers.each().map(|provider| {
        let pool = pool.clone();
        let name = format!("poll {}", provider.names().concat());
        job(&name, poll_interval, move || poll(pool.clone(), provider.clone()))
    });
    let figures = {
        let (pool, providers) = (pool.clone(), providers.clone());
        job("figures", LOOK_EVERY, move || figures(pool.clone(), providers.clone()))
    };
    let reconciles = providers.iter().map(|provider| {
        let (pool, provider) = (pool.clone(), Arc::clone(provider));
        let name = format!("reconcile {}", provider.name());
        job(&name, LOOK_EVERY, move || reconcile(pool.clone(), Arc::clone(&provider), reconcile_interval))
    });
    polls.chain(reconciles).chain([figures]).collect()
}

fn job<F>(name: &str, interval: Duration, work: impl Fn() -> F + Send + Sync + 'static) -> Job
where
    F: Future<Output = anyhow::Result<Left>> + Send + 'static,
{
    let work = Box::new(move || -> BoxFuture<'static, _> { Box::pin(work()) });
    Job { name: name.to_owned(), interval, work }
}

async fn poll(pool: PgPool, provider: Providers) -> anyhow::Result<Left> {
    let (name, now) = (provider.names().concat(), OffsetDateTime::now_utc());
    // Periods first: what they begin is sent at once.
    let subscriptions = fiat_subscriptions::step(&pool, &provider, now, AT_ONCE).await?;
    let fallbacks = fallback::step(&pool, &provider, AT_ONCE).await?;
    metrics::periods(&name, &subscriptions, &fallbacks);
    let round = payments::poll(&pool, &provider, now, AT_ONCE).await?;
    metrics::round(&name, &round);
    let more = round.is_full(AT_ONCE) || !subscriptions.is_idle() || !fallbacks.is_idle();
    Ok(if more { Left::More } else { Left::Nothing })
}

/// A difference is no fault of this job, which would be tried again at once: it is told, and stays until somebody has looked.
async fn reconcile(pool: PgPool, provider: Arc<dyn FiatProvider>, interval: time::Duration) -> anyhow::Result<Left> {
    let now = OffsetDateTime::now_utc();
    let until = now - SETTLED;
    let window = Window { since: until - WINDOW, until };
    let enough = until - interval;
    let done = payments::reconcile_once(&pool, provider.as_ref(), window, enough, now).await?;
    if let Some(done) = done {
        let (provider, differences) = (provider.name(), done.differences.len());
        tracing::info!(provider, compared = done.compared, differences, "payments are compared");
        for found in &done.differences {
            tracing::error!(
                provider,
                kind = found.kind.as_str(),
                payment.id = found.payment.map(|id| id.to_string()),
                external_id = found.external_id,
                ours = found.ours,
                theirs = found.theirs,
                "a payment differs"
            );
        }
    }
    Ok(Left::Nothing)
}

async fn figures(pool: PgPool, providers: Providers) -> anyhow::Result<Left> {
    for provider in providers.iter() {
        metrics::figures(provider.name(), &payments::figures(&pool, provider.name()).await?);
    }
    Ok(Left::Nothing)
}
