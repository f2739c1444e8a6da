use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use billing_core::payments::Providers;
use billing_fiat::{FiatProvider, Stripe, StripeConfig, YooKassa, YooKassaConfig};
use clap::Args;
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

/// Of one exchange with a provider: two of them fit into the time for which one process has a payment to itself.
const EXCHANGE: Duration = Duration::from_secs(20);

/// Which providers of fiat money there are: each whose key is set.
#[derive(Args, Clone, Debug)]
pub struct FiatArgs {
    /// Number of the shop at YooKassa.
    #[arg(long, env = "BILLING_YOOKASSA_SHOP_ID")]
    pub yookassa_shop_id: Option<String>,
    /// Its secret key; one that begins with `test_` moves no real money.
    #[arg(long, env = "BILLING_YOOKASSA_SECRET_KEY", hide_env_values = true)]
    pub yookassa_secret_key: Option<SecretString>,
    /// Networks that YooKassa's notifications come from, separated by commas; those it publishes when absent.
    #[arg(long, env = "BILLING_YOOKASSA_NETWORKS", value_delimiter = ',')]
    pub yookassa_networks: Vec<IpNet>,
    /// YooKassa's API, its version included; the real one when absent.
    #[arg(long, env = "BILLING_YOOKASSA_URL")]
    pub yookassa_url: Option<reqwest::Url>,
    /// Secret or restricted key of the account at Stripe.
    #[arg(long, env = "BILLING_STRIPE_SECRET_KEY", hide_env_values = true)]
    pub stripe_secret_key: Option<SecretString>,
    /// Secrets that Stripe signs notifications with, separated by commas: several while one replaces another.
    #[arg(long, env = "BILLING_STRIPE_WEBHOOK_SECRETS", hide_env_values = true)]
    pub stripe_webhook_secrets: Option<SecretString>,
    /// Stripe's API; the real one when absent.
    #[arg(long, env = "BILLING_STRIPE_URL")]
    pub stripe_url: Option<reqwest::Url>,
}

impl FiatArgs {
    /// The providers that are configured; asks none of them.
    ///
    /// # Errors
    /// Half a configuration; says what is missing.
    pub fn providers(&self) -> anyhow::Result<Providers> {
        Ok(Providers::new(self.yookassa()?.into_iter().chain(self.stripe()?).collect()))
    }

    fn yookassa(&self) -> anyhow::Result<Option<Arc<dyn FiatProvider>>> {
        let (shop_id, secret_key) = match (&self.yookassa_shop_id, set(self.yookassa_secret_key.as_ref())) {
            (Some(shop_id), Some(secret_key)) if !shop_id.is_empty() => (shop_id.clone(), secret_key.clone()),
            (_, Some(_)) => bail!("YooKassa's key needs its shop: set BILLING_YOOKASSA_SHOP_ID"),
            (Some(shop_id), None) if !shop_id.is_empty() => {
                bail!("YooKassa's shop needs its key: set BILLING_YOOKASSA_SECRET_KEY")
            }
            _ if self.yookassa_url.is_some() || !self.yookassa_networks.is_empty() => {
                bail!("YooKassa is set up by half: set BILLING_YOOKASSA_SHOP_ID and BILLING_YOOKASSA_SECRET_KEY")
            }
            _ => return Ok(None),
        };
        let mut config = YooKassaConfig::new(shop_id, secret_key);
        config.timeout = EXCHANGE;
        if let Some(url) = &self.yookassa_url {
            config.base_url = url.clone();
        }
        if !self.yookassa_networks.is_empty() {
            config.networks.clone_from(&self.yookassa_networks);
        }
        Ok(Some(Arc::new(YooKassa::new(config).context("YooKassa")?)))
    }

    fn stripe(&self) -> anyhow::Result<Option<Arc<dyn FiatProvider>>> {
        let secrets = set(self.stripe_webhook_secrets.as_ref());
        let (secret_key, secrets) = match (set(self.stripe_secret_key.as_ref()), secrets) {
            (Some(secret_key), Some(secrets)) => (secret_key.clone(), secrets.expose_secret()),
            (Some(_), None) => bail!(
                "Stripe's key needs the secrets that its notifications are signed with: set BILLING_STRIPE_WEBHOOK_SECRETS"
            ),
            (None, Some(_)) => bail!("Stripe's webhook needs its key: set BILLING_STRIPE_SECRET_KEY"),
            (None, None) if self.stripe_url.is_some() => {
                bail!("Stripe is set up by half: set BILLING_STRIPE_SECRET_KEY and BILLING_STRIPE_WEBHOOK_SECRETS")
            }
            (None, None) => return Ok(None),
        };
        let secrets: Vec<_> = secrets.split(',').map(str::trim).map(SecretString::from).collect();
        if secrets.iter().any(|secret| secret.expose_secret().is_empty()) {
            bail!("BILLING_STRIPE_WEBHOOK_SECRETS has an empty entry");
        }
        let mut config = StripeConfig::new(secret_key, secrets);
        config.timeout = EXCHANGE;
        if let Some(url) = &self.stripe_url {
            url.as_str().trim_end_matches('/').clone_into(&mut config.base_url);
        }
        Ok(Some(Arc::new(Stripe::new(config).context("Stripe")?)))
    }
}

/// A variable that is there and empty is not set.
fn set(secret: Option<&SecretString>) -> Option<&SecretString> {
    secret.filter(|secret| !secret.expose_secret().is_empty())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        fiat: FiatArgs,
    }

    fn providers(arguments: &[&str]) -> Result<Vec<&'static str>, String> {
        let arguments = std::iter::once("program").chain(arguments.iter().copied());
        let parsed = Arguments::try_parse_from(arguments).map_err(|error| error.to_string())?;
        let providers = parsed.fiat.providers().map_err(|error| format!("{error:#}"))?;
        Ok(providers.iter().map(|provider| provider.name()).collect())
    }

    #[test]
    fn a_provider_is_there_when_its_keys_are() {
        let yookassa = ["--yookassa-shop-id", "1", "--yookassa-secret-key", "test_a"];
        let stripe = ["--stripe-secret-key", "sk_test_a", "--stripe-webhook-secrets", "whsec_a, whsec_b"];
        assert_eq!(providers(&[]), Ok(vec![]));
        assert_eq!(providers(&yookassa), Ok(vec!["yookassa"]));
        assert_eq!(providers(&[yookassa, stripe].concat()), Ok(vec!["yookassa", "stripe"]));
        let elsewhere = ["--yookassa-networks", "10.0.0.0/8,::1/128", "--yookassa-url", "http://127.0.0.1:1/v3"];
        assert_eq!(providers(&[&yookassa[..], &elsewhere].concat()), Ok(vec!["yookassa"]));
    }

    #[test]
    fn half_a_configuration_says_what_is_missing_and_no_secret() {
        for (arguments, missing) in [
            (&["--yookassa-shop-id", "1"][..], "BILLING_YOOKASSA_SECRET_KEY"),
            (&["--yookassa-secret-key", "test_secret"], "BILLING_YOOKASSA_SHOP_ID"),
            (&["--yookassa-networks", "10.0.0.0/8"], "BILLING_YOOKASSA_SHOP_ID"),
            (&["--yookassa-shop-id", "1", "--yookassa-secret-key", ""], "BILLING_YOOKASSA_SECRET_KEY"),
            (&["--stripe-secret-key", "sk_secret"], "BILLING_STRIPE_WEBHOOK_SECRETS"),
            (&["--stripe-webhook-secrets", "whsec_secret"], "BILLING_STRIPE_SECRET_KEY"),
            (&["--stripe-url", "http://127.0.0.1:1"], "BILLING_STRIPE_SECRET_KEY"),
            (&["--stripe-secret-key", "sk_secret", "--stripe-webhook-secrets", "whsec_secret,"], "empty entry"),
        ] {
            let refused = providers(arguments).expect_err("half a configuration");
            assert!(refused.contains(missing) && !refused.contains("secret\""), "{refused}");
            assert!(!refused.contains("_secret,") && !refused.contains("k_secret"), "{refused}");
        }
    }
}
