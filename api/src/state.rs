//! What every request works with, checked before the first one is taken.

use std::sync::Arc;

use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use billing_core::{
    chain::{ChainError, Rpc, SignerSource},
    ids::ChainId,
    mandates,
    payments::Providers,
};
use billing_process::Readiness;
use futures::future::try_join_all;
use secrecy::ExposeSecret;
use sqlx::PgPool;
use tokio::sync::watch;

use crate::{auth::ServiceTokens, cache::PlanCache, config::Config, feed::FeedSignal, limits::RateLimits, metrics};

/// Shared by all requests.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The database.
    pub pool: PgPool,
    /// One connection per network, in the order of the networks file.
    pub chains: Arc<[Rpc]>,
    /// Sends `createPlan` and freezes.
    pub operator: Option<Arc<PrivateKeySigner>>,
    /// Sends what subscribers signed.
    pub relayer: Option<Arc<PrivateKeySigner>>,
    /// What that may cost, where the networks file does not say.
    pub relay_limits: mandates::Limits,
    /// Sends charges.
    pub automation: Option<Arc<PrivateKeySigner>>,
    /// Who may call.
    pub tokens: Arc<ServiceTokens>,
    /// How often.
    pub limits: RateLimits,
    /// Proxies of ours in front.
    pub proxies: usize,
    /// Plans by hash.
    pub plans: PlanCache,
    /// Tells streams that the feed has more.
    pub feed: Arc<FeedSignal>,
    /// Who takes fiat money.
    pub providers: Providers,
    /// Wakes who attends to payments.
    pub payments_due: watch::Sender<()>,
    /// `/ready`.
    pub readiness: Readiness,
}

impl AppState {
    /// Opens and checks everything that the configuration names, all networks at once.
    ///
    /// # Errors
    /// The first thing that is wrong, and what to do about it; never a secret.
    pub async fn connect(config: &Config) -> anyhow::Result<Self> {
        let operator = config.operator_key.clone().map(SignerSource::PrivateKey);
        let operator = open(operator).context("BILLING_OPERATOR_KEY")?;
        let relayer = config.relayer_key.clone().map(SignerSource::PrivateKey);
        let relayer = open(relayer).context("BILLING_RELAYER_KEY")?.or_else(|| operator.clone());
        let automation = open(config.key.source()?).context("BILLING_AUTOMATION_KEY")?;
        let tokens: ServiceTokens = config
            .service_tokens
            .expose_secret()
            .parse()
            .map_err(anyhow::Error::msg)
            .context("BILLING_SERVICE_TOKENS")?;
        let networks = config.networks.read()?;
        let providers = config.fiat.providers()?;
        providers.names().into_iter().for_each(metrics::announce_webhooks);
        let plans = PlanCache::open(config.redis_url.as_ref())?;
        let (pool, chains) = tokio::try_join!(billing_process::connect(&config.database), async {
            Ok(try_join_all(networks.iter().map(Rpc::connect)).await?)
        })?;
        let limits = RateLimits::new(config.token_limit(), config.client_limit());
        let readiness = Readiness::new(pool.clone());
        Ok(Self {
            pool,
            chains: chains.into(),
            operator,
            relayer,
            relay_limits: config.relay_limits(),
            automation,
            tokens: Arc::new(tokens),
            limits,
            proxies: config.proxies,
            plans,
            feed: Arc::default(),
            providers,
            payments_due: watch::Sender::new(()),
            readiness,
        })
    }

    /// What relays on a network may cost.
    #[must_use]
    pub fn relay_limits_on(&self, rpc: &Rpc) -> mandates::Limits {
        let daily_wei = rpc.network.relay_daily_wei.map_or(self.relay_limits.daily_wei, |wei| wei.0);
        mandates::Limits { daily_wei, ..self.relay_limits }
    }

    /// The connection to a chain, where it is configured.
    #[must_use]
    pub fn chain(&self, chain_id: ChainId) -> Option<&Rpc> {
        self.chains.iter().find(|rpc| rpc.network.chain_id == chain_id)
    }
}

fn open(source: Option<SignerSource>) -> Result<Option<Arc<PrivateKeySigner>>, ChainError> {
    source.map(|source| source.open().map(Arc::new)).transpose()
}
