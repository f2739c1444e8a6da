//! SQL of `billing_subscription_state`, for the mirror.

use alloy::primitives::{Address, B256};
use sqlx::{
    PgConnection, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use super::{
    state::{SubscriptionState, SubscriptionStatus},
    terms::{OwnTerms, Rail},
};
use crate::{
    ids::{ChainId, SubscriptionKey},
    money::TokenAmount,
};

/// Those of the subscriptions that are known; all keys are of `chain_id`.
pub(crate) async fn load(
    conn: &mut PgConnection,
    chain_id: ChainId,
    keys: &[SubscriptionKey],
) -> sqlx::Result<Vec<SubscriptionState>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (plans, subscribers) = columns(keys);
    let rows = sqlx::query(
        "select state.chain_id, state.plan_hash, state.subscriber, state.status, state.started_at, state.next_charge_at,
                state.retry_at, state.ends_at, state.last_charged_at, state.canceled_at, state.charge_count,
                state.retries, state.last_reason, state.paused_at, state.rail, state.payment_token, state.max_amount,
                state.charge_limit, state.updated_block, state.updated_at
           from unnest($2::bytea[], $3::bytea[]) as wanted (plan_hash, subscriber)
           join billing_subscription_state as state
             on state.chain_id = $1 and state.plan_hash = wanted.plan_hash and state.subscriber = wanted.subscriber",
    )
    .bind(chain_id)
    .bind(plans)
    .bind(subscribers)
    .fetch_all(conn)
    .await?;
    rows.iter().map(from_row).collect()
}

/// All subscriptions of the chain, by plan and subscriber.
pub(crate) async fn all(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<SubscriptionState>> {
    let rows = sqlx::query(
        "select chain_id, plan_hash, subscriber, status, started_at, next_charge_at, retry_at, ends_at, last_charged_at,
                canceled_at, charge_count, retries, last_reason, paused_at, rail, payment_token, max_amount, charge_limit,
                updated_block, updated_at
           from billing_subscription_state
          where chain_id = $1
          order by plan_hash, subscriber",
    )
    .bind(chain_id)
    .fetch_all(conn)
    .await?;
    rows.iter().map(from_row).collect()
}

/// Rows of `$1` to `$20`, as [`bound`] binds them.
macro_rules! rows {
    () => {
        "unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::timestamptz[], $6::timestamptz[],
                $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::integer[],
                $12::smallint[], $13::smallint[], $14::bigint[], $15::timestamptz[], $16::timestamptz[], $17::text[],
                $18::bytea[], $19::numeric[], $20::integer[])"
    };
}

const UPDATE: &str = concat!(
    "update billing_subscription_state as state
        set status = now.status, started_at = now.started_at, next_charge_at = now.next_charge_at, retry_at = now.retry_at,
            ends_at = now.ends_at, last_charged_at = now.last_charged_at, canceled_at = now.canceled_at,
            charge_count = now.charge_count, retries = now.retries, last_reason = now.last_reason,
            updated_block = now.updated_block, updated_at = now.updated_at, paused_at = now.paused_at, rail = now.rail,
            payment_token = now.payment_token, max_amount = now.max_amount, charge_limit = now.charge_limit
       from ",
    rows!(),
    " as now (chain_id, plan_hash, subscriber, status, started_at, next_charge_at, retry_at, ends_at, last_charged_at,
              canceled_at, charge_count, retries, last_reason, updated_block, updated_at, paused_at, rail,
              payment_token, max_amount, charge_limit)
      where state.chain_id = now.chain_id and state.plan_hash = now.plan_hash and state.subscriber = now.subscriber"
);

const INSERT: &str = concat!(
    "insert into billing_subscription_state
         (chain_id, plan_hash, subscriber, status, started_at, next_charge_at, retry_at, ends_at, last_charged_at,
          canceled_at, charge_count, retries, last_reason, updated_block, updated_at, paused_at, rail,
          payment_token, max_amount, charge_limit)
     select * from ",
    rows!(),
    " on conflict (chain_id, plan_hash, subscriber) do nothing"
);

/// Writes the states. Most are there already, and an update costs a third less than an insert that finds a conflict; the
/// mirror writes a chain's states under its cursor's lock, so none comes to be between the two.
pub(crate) async fn upsert(conn: &mut PgConnection, states: &[&SubscriptionState]) -> sqlx::Result<()> {
    if states.is_empty() {
        return Ok(());
    }
    let updated = bound(UPDATE, states).execute(&mut *conn).await?.rows_affected();
    if updated < u64::try_from(states.len()).unwrap_or(u64::MAX) {
        bound(INSERT, states).execute(conn).await?;
    }
    Ok(())
}

fn bound(sql: &'static str, states: &[&SubscriptionState]) -> Query<'static, Postgres, PgArguments> {
    let owned = |bytes: &[u8]| bytes.to_vec();
    sqlx::query(sql)
        .bind(states.iter().map(|state| state.key.chain_id.0).collect::<Vec<_>>())
        .bind(states.iter().map(|state| owned(state.key.plan_hash.as_slice())).collect::<Vec<_>>())
        .bind(states.iter().map(|state| owned(state.key.subscriber.as_slice())).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.status.as_str()).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.started_at).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.next_charge_at).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.retry_at).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.ends_at).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.last_charged_at).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.canceled_at).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.charge_count).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.retries).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.last_reason).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.updated_block).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.updated_at).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.paused_at).collect::<Vec<_>>())
        .bind(states.iter().map(|state| rail(state).as_str()).collect::<Vec<_>>())
        .bind(
            states
                .iter()
                .map(|state| state.terms.as_ref().map(|terms| owned(terms.payment_token.as_slice())))
                .collect::<Vec<_>>(),
        )
        .bind(states.iter().map(|state| state.terms.map(|terms| terms.max_amount)).collect::<Vec<_>>())
        .bind(states.iter().map(|state| state.terms.and_then(|terms| terms.charge_limit)).collect::<Vec<_>>())
}

/// Forgets subscriptions whose activation was undone; all keys are of `chain_id`.
pub(crate) async fn delete(conn: &mut PgConnection, chain_id: ChainId, keys: &[SubscriptionKey]) -> sqlx::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let (plans, subscribers) = columns(keys);
    sqlx::query(
        "delete from billing_subscription_state as state
          using unnest($2::bytea[], $3::bytea[]) as gone (plan_hash, subscriber)
          where state.chain_id = $1 and state.plan_hash = gone.plan_hash and state.subscriber = gone.subscriber",
    )
    .bind(chain_id)
    .bind(plans)
    .bind(subscribers)
    .execute(conn)
    .await?;
    Ok(())
}

fn columns(keys: &[SubscriptionKey]) -> (Vec<&[u8]>, Vec<&[u8]>) {
    keys.iter().map(|key| (key.plan_hash.as_slice(), key.subscriber.as_slice())).unzip()
}

fn rail(state: &SubscriptionState) -> Rail {
    state.terms.map_or(Rail::Allowance, |terms| terms.rail)
}

fn terms_from_row(row: &PgRow) -> sqlx::Result<Option<OwnTerms>> {
    let token: Option<&[u8]> = row.try_get("payment_token")?;
    let max_amount: Option<TokenAmount> = row.try_get("max_amount")?;
    let Some((token, max_amount)) = token.zip(max_amount) else { return Ok(None) };
    let word: &str = row.try_get("rail")?;
    let rail = Rail::from_word(word).ok_or_else(|| sqlx::Error::Decode(format!("rail {word}").into()))?;
    let payment_token = Address::from_slice(token);
    Ok(Some(OwnTerms { rail, payment_token, max_amount, charge_limit: row.try_get("charge_limit")? }))
}

fn from_row(row: &PgRow) -> sqlx::Result<SubscriptionState> {
    let word: &str = row.try_get("status")?;
    let status =
        SubscriptionStatus::from_word(word).ok_or_else(|| sqlx::Error::Decode(format!("status {word}").into()))?;
    Ok(SubscriptionState {
        key: SubscriptionKey {
            chain_id: row.try_get("chain_id")?,
            plan_hash: B256::from_slice(row.try_get("plan_hash")?),
            subscriber: Address::from_slice(row.try_get("subscriber")?),
        },
        status,
        started_at: row.try_get("started_at")?,
        next_charge_at: row.try_get("next_charge_at")?,
        retry_at: row.try_get("retry_at")?,
        ends_at: row.try_get("ends_at")?,
        last_charged_at: row.try_get("last_charged_at")?,
        canceled_at: row.try_get("canceled_at")?,
        charge_count: row.try_get("charge_count")?,
        retries: row.try_get("retries")?,
        last_reason: row.try_get("last_reason")?,
        paused_at: row.try_get("paused_at")?,
        terms: terms_from_row(row)?,
        updated_block: row.try_get("updated_block")?,
        updated_at: row.try_get("updated_at")?,
    })
}
