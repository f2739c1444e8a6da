//! Starting a subscription.

use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{FiatSubscription, FiatSubscriptionError, NewFiatSubscription, collect, repo, tell};
use crate::{
    ids::{FiatSubscriptionId, PaymentId},
    payments::{self, Order, PaymentError, Pays, Providers, Purpose},
    plans,
};

/// What was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// The subscription.
    pub id: FiatSubscriptionId,
    /// Its first payment: where the payer has to go is that one's to say.
    pub payment: PaymentId,
}

/// Starts a subscription: writes it with its first payment, then sends that. The same key with the same request gives the same
/// subscription, whatever died in between and whatever the plan costs by now.
///
/// # Errors
/// `NoPlan`, `NoPrice`, `Differs`; the first payment's (`NoProvider`, `Incapable`); the database's.
pub async fn start(
    pool: &PgPool,
    providers: &Providers,
    new: &NewFiatSubscription,
    now: OffsetDateTime,
) -> Result<FiatSubscription, FiatSubscriptionError> {
    let mut db_tx = pool.begin().await?;
    let Started { id, payment } = start_in_tx(&mut db_tx, providers, new).await?;
    db_tx.commit().await?;
    match payments::advance(pool, providers, payment, now).await {
        Err(PaymentError::Provider(error)) => {
            tracing::warn!(payment.id = %payment, %error, "a payment is sent again later");
        }
        done => drop(done?),
    }
    repo::find(pool, id).await?.ok_or(FiatSubscriptionError::NotFound(id))
}

/// As [`start`], in the caller's transaction; who polls payments sends the first one.
///
/// # Errors
/// As [`start`]; then the caller's transaction must not be committed.
pub async fn start_in_tx(
    conn: &mut PgConnection,
    providers: &Providers,
    new: &NewFiatSubscription,
) -> Result<Started, FiatSubscriptionError> {
    let digest = digest(new);
    if let Some(known) = known(conn, new, &digest).await? {
        return Ok(known);
    }
    let plan_hash = new.plan_hash;
    let plan = plans::find(&mut *conn, plan_hash).await?.ok_or(FiatSubscriptionError::NoPlan(plan_hash))?;
    let price = plans::fiat_price(&mut *conn, plan_hash, new.currency)
        .await?
        .ok_or(FiatSubscriptionError::NoPrice { plan_hash, currency: new.currency })?;
    let id = FiatSubscriptionId::new();
    if !repo::insert(conn, id, new, &digest, price, i64::from(plan.terms.period_secs)).await? {
        // Somebody else's transaction wrote it meanwhile.
        return known(conn, new, &digest).await?.ok_or(FiatSubscriptionError::Differs);
    }
    let order = Order {
        asked: collect::asked(id, 0),
        provider: new.provider.clone(),
        owner: new.owner.clone(),
        amount: price,
        purpose: Purpose::Period,
        pays: Pays::OnPage { return_url: new.return_url.clone(), save_method: true },
        description: new.description.clone(),
        buyer: new.buyer.clone(),
        receipt: new.receipt.clone(),
    };
    let payment = payments::start_in_tx(conn, providers, &order).await?;
    repo::add_payment(conn, id, 0, payment).await?;
    let own = repo::find(&mut *conn, id).await?.ok_or(FiatSubscriptionError::NotFound(id))?;
    tell(conn, &own, "started").await?;
    Ok(Started { id, payment })
}

async fn known(
    conn: &mut PgConnection,
    new: &NewFiatSubscription,
    digest: &[u8; 32],
) -> Result<Option<Started>, FiatSubscriptionError> {
    match repo::asked(conn, &new.asked).await? {
        Some((started, same)) if same == digest => Ok(Some(started)),
        Some(_) => Err(FiatSubscriptionError::Differs),
        None => Ok(None),
    }
}

/// Of everything that is asked for, each part with its length.
fn digest(new: &NewFiatSubscription) -> [u8; 32] {
    let (plan_hash, currency) = (new.plan_hash.to_string(), new.currency.code().to_owned());
    let (buyer, receipt) = (format!("{:?}", new.buyer), format!("{:?}", new.receipt));
    let parts = [&plan_hash, &new.provider, &currency, &new.owner, &new.return_url, &new.description, &buyer, &receipt];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
