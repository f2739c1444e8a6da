//! Reads across rooms, for the API and for people. Nothing here writes.

use std::collections::{BTreeMap, btree_map::Entry};

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use sqlx::{PgExecutor, Row, postgres::PgRow};
use time::OffsetDateTime;

use crate::{charges::Reason, ids::ChainId, money::TokenAmount};

/// A plan and where it stands on each chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// The same on every chain.
    pub plan_hash: B256,
    /// Who is paid.
    pub merchant: Address,
    /// Zero for the native coin.
    pub token: Address,
    /// One charge, smallest unit.
    pub price: TokenAmount,
    /// Seconds of a period.
    pub period_secs: i64,
    /// Seconds before the first charge.
    pub trial_secs: i64,
    /// Highest fee the merchant accepts.
    pub max_fee_bps: i32,
    /// Where it is described.
    pub uri: String,
    /// Chains on which it was created; empty when it is signed only.
    pub chains: Vec<PlanChainView>,
}

/// A plan on one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanChainView {
    /// The chain.
    pub chain_id: ChainId,
    /// `active`, `closed` or `inactive`, as the merchant set it.
    pub status: String,
    /// Stopped by the operator.
    pub frozen: bool,
}

/// Which plans to list.
#[derive(Clone, Debug, Default)]
pub struct PlanFilter {
    /// Created on this chain.
    pub chain_id: Option<ChainId>,
    /// Of this merchant.
    pub merchant: Option<Address>,
    /// With this status on some chain (on `chain_id`, where given).
    pub status: Option<String>,
}

/// Signed or mirrored plans, one row per plan and chain.
macro_rules! select_plans {
    ($wanted:literal) => {
        concat!(
            "with known as (
                 select plan_hash, merchant, token, price, period_secs, trial_secs, max_fee_bps, uri, 1 as rank
                 from billing_plan_signatures
                 union all
                 select plan_hash, merchant, token, price, period_secs, trial_secs, max_fee_bps, uri, 0
                 from billing_plan_state
             ), plan as (
                 select distinct on (plan_hash) plan_hash, merchant, token, price, period_secs, trial_secs, max_fee_bps, uri
                 from known ",
            $wanted,
            ")
             select p.plan_hash, p.merchant, p.token, p.price, p.period_secs, p.trial_secs, p.max_fee_bps, p.uri,
                    s.chain_id, s.status, s.frozen
             from plan p left join billing_plan_state s on s.plan_hash = p.plan_hash
             order by p.plan_hash, s.chain_id"
        )
    };
}

/// One plan.
///
/// # Errors
/// The database's.
pub async fn plan(conn: impl PgExecutor<'_>, plan_hash: B256) -> sqlx::Result<Option<PlanView>> {
    let query = sqlx::query(select_plans!("where plan_hash = $1 order by plan_hash, rank limit 1"));
    let rows = query.bind(plan_hash.as_slice()).fetch_all(conn).await?;
    Ok(group(&rows)?.into_iter().next())
}

/// Plans by hash, from after `after` on.
///
/// # Errors
/// The database's.
pub async fn plans_page(
    conn: impl PgExecutor<'_>,
    filter: &PlanFilter,
    after: Option<B256>,
    limit: i64,
) -> sqlx::Result<Vec<PlanView>> {
    let rows = sqlx::query(select_plans!(
        "where ($1::bytea is null or merchant = $1) and ($2::bytea is null or plan_hash > $2)
           and (($3::bigint is null and $4::text is null)
                or exists (select from billing_plan_state f
                           where f.plan_hash = known.plan_hash and ($3 is null or f.chain_id = $3)
                             and ($4 is null or f.status = $4)))
         order by plan_hash, rank
         limit $5"
    ))
    .bind(filter.merchant.as_ref().map(|merchant| merchant.as_slice()))
    .bind(after.as_ref().map(|hash| hash.as_slice()))
    .bind(filter.chain_id)
    .bind(&filter.status)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    group(&rows)
}

fn group(rows: &[PgRow]) -> sqlx::Result<Vec<PlanView>> {
    let mut plans: BTreeMap<B256, PlanView> = BTreeMap::new();
    for row in rows {
        let hash = B256::from_slice(row.try_get("plan_hash")?);
        let plan = match plans.entry(hash) {
            Entry::Occupied(plan) => plan.into_mut(),
            Entry::Vacant(place) => place.insert(plan_from_row(row, hash)?),
        };
        if let Some(chain_id) = row.try_get("chain_id")? {
            let (status, frozen) = (row.try_get("status")?, row.try_get("frozen")?);
            plan.chains.push(PlanChainView { chain_id, status, frozen });
        }
    }
    Ok(plans.into_values().collect())
}

fn plan_from_row(row: &PgRow, plan_hash: B256) -> sqlx::Result<PlanView> {
    Ok(PlanView {
        plan_hash,
        merchant: Address::from_slice(row.try_get("merchant")?),
        token: Address::from_slice(row.try_get("token")?),
        price: row.try_get("price")?,
        period_secs: row.try_get("period_secs")?,
        trial_secs: row.try_get("trial_secs")?,
        max_fee_bps: row.try_get("max_fee_bps")?,
        uri: row.try_get("uri")?,
        chains: Vec::new(),
    })
}

/// A subscription with its latest charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubscriptionView {
    /// Its chain.
    pub chain_id: ChainId,
    /// The plan.
    pub plan_hash: B256,
    /// Who pays.
    pub subscriber: Address,
    /// `trialing`, `active`, `past_due`, `paused`, `ended`, `canceled` or `failed`.
    pub status: String,
    /// The plan's on this chain: `active`, `closed` (to new subscribers) or `inactive`.
    pub plan_status: String,
    /// Stopped by the operator.
    pub plan_frozen: bool,
    /// How it is paid: `allowance`, `permit2` or, from a deposit, `native`.
    pub rail: String,
    /// What it is paid in, the plan's or the subscriber's own; zero for the native coin.
    pub payment_token: Address,
    /// Most that one charge may take of `payment_token`, by the subscriber's signature; `None` for the plan's price.
    pub max_amount: Option<TokenAmount>,
    /// `charge_count` at which it has ended; `None` for no limit.
    pub charge_limit: Option<i32>,
    /// Nothing is charged from then on; `None` for no limit.
    #[serde(with = "time::serde::rfc3339::option")]
    pub ends_at: Option<OffsetDateTime>,
    /// Since when it is paused.
    #[serde(with = "time::serde::rfc3339::option")]
    pub paused_at: Option<OffsetDateTime>,
    /// First subscribed, or subscribed again.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// End of the paid time, on whichever rail.
    #[serde(with = "time::serde::rfc3339")]
    pub next_charge_at: OffsetDateTime,
    /// Periods paid.
    pub charge_count: i32,
    /// The latest charge, if there was one.
    pub last_charge: Option<ChargeView>,
}

/// One charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChargeView {
    /// `pending`, `submitted`, `settled`, `fiat` (being taken from a saved method), `paid_by_fiat`, `failed` or `canceled`.
    pub status: String,
    /// Why it is not settled.
    pub reason: Option<Reason>,
    /// What it takes, smallest unit.
    pub amount: TokenAmount,
    /// Zero for the native coin.
    pub token: Address,
    /// End of the paid time before it.
    #[serde(with = "time::serde::rfc3339")]
    pub due_at: OffsetDateTime,
    /// No attempt before it (chain time).
    #[serde(with = "time::serde::rfc3339::option")]
    pub retry_at: Option<OffsetDateTime>,
    /// The transaction.
    pub tx_hash: Option<B256>,
}

/// Which subscriptions to list.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionFilter {
    /// Of this wallet.
    pub subscriber: Option<Address>,
    /// On this chain.
    pub chain_id: Option<ChainId>,
    /// To this plan.
    pub plan_hash: Option<B256>,
    /// With this status, as shown.
    pub status: Option<String>,
}

/// Subscriptions by chain, plan and subscriber, from after `after` on. Past due is what is active with a charge that was
/// refused; ended is what reached the subscriber's own limit, by the time of the last mirrored block, as no event tells it.
///
/// # Errors
/// The database's.
pub async fn subscriptions_page(
    conn: impl PgExecutor<'_>,
    filter: &SubscriptionFilter,
    after: Option<(ChainId, B256, Address)>,
    limit: i64,
) -> sqlx::Result<Vec<SubscriptionView>> {
    let rows = sqlx::query(
        "with shown as (
             select s.chain_id, s.plan_hash, s.subscriber, s.started_at,
                    greatest(s.next_charge_at, cover.covered_until) as next_charge_at, s.charge_count,
                    s.charge_limit, s.ends_at, s.paused_at, s.max_amount, p.status as plan_status, p.frozen as plan_frozen,
                    coalesce(s.payment_token, p.token) as pays_in,
                    case when coalesce(s.payment_token, p.token) = decode(repeat('00', 20), 'hex') then 'native'
                         else s.rail end as rail,
                    case when s.status in ('active', 'paused')
                              and (s.ends_at <= head.block_time or s.charge_count >= s.charge_limit) then 'ended'
                         when s.status = 'active' and c.reason is not null
                              and c.due_at = greatest(s.next_charge_at, cover.covered_until) then 'past_due'
                         when s.status = 'active' and s.charge_count = 0 then 'trialing'
                         else s.status end as status,
                    c.status as charge_status, c.reason, c.amount, c.payment_token, c.due_at, c.retry_at, c.tx_hash
             from billing_subscription_state s
             join billing_plan_state p on p.chain_id = s.chain_id and p.plan_hash = s.plan_hash
             left join chain_cursor head on head.chain_id = s.chain_id
             left join billing_period_cover cover on cover.chain_id = s.chain_id and cover.plan_hash = s.plan_hash
                  and cover.subscriber = s.subscriber
             left join lateral (
                 with attempt as (
                     select status, reason, amount, payment_token, due_at, retry_at, tx_hash, confirmed_block as block,
                            confirmed_log_index as log_index
                     from billing_charge_attempt a
                     where a.chain_id = s.chain_id and a.plan_hash = s.plan_hash and a.subscriber = s.subscriber
                     order by a.due_at desc limit 1
                 ), log as (
                     select l.gross, l.token, l.period_start, l.tx_hash, l.block_number, l.log_index
                     from billing_charge l
                     where l.chain_id = s.chain_id and l.plan_hash = s.plan_hash and l.subscriber = s.subscriber
                       and l.subject = chain_subscription_subject(s.plan_hash, s.subscriber)
                     order by l.block_number desc, l.log_index desc limit 1
                 )
                 select * from attempt
                 union all
                 select 'settled', null, gross, token, period_start, null, tx_hash, block_number, log_index from log
                 where not exists (select from attempt a where (a.block, a.log_index) = (log.block_number, log.log_index))
                 order by due_at desc limit 1
             ) c on true
             where ($1::bytea is null or s.subscriber = $1) and ($2::bigint is null or s.chain_id = $2)
               and ($3::bytea is null or s.plan_hash = $3)
               and ($5::bigint is null or (s.chain_id, s.plan_hash, s.subscriber) > ($5, $6, $7))
         )
         select * from shown where ($4::text is null or status = $4)
         order by chain_id, plan_hash, subscriber limit $8",
    )
    .bind(filter.subscriber.as_ref().map(|subscriber| subscriber.as_slice()))
    .bind(filter.chain_id)
    .bind(filter.plan_hash.as_ref().map(|hash| hash.as_slice()))
    .bind(&filter.status)
    .bind(after.map(|after| after.0))
    .bind(after.as_ref().map(|after| after.1.as_slice()))
    .bind(after.as_ref().map(|after| after.2.as_slice()))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(subscription_from_row).collect()
}

fn subscription_from_row(row: &PgRow) -> sqlx::Result<SubscriptionView> {
    Ok(SubscriptionView {
        chain_id: row.try_get("chain_id")?,
        plan_hash: B256::from_slice(row.try_get("plan_hash")?),
        subscriber: Address::from_slice(row.try_get("subscriber")?),
        status: row.try_get("status")?,
        plan_status: row.try_get("plan_status")?,
        plan_frozen: row.try_get("plan_frozen")?,
        rail: row.try_get("rail")?,
        payment_token: Address::from_slice(row.try_get("pays_in")?),
        max_amount: row.try_get("max_amount")?,
        charge_limit: row.try_get("charge_limit")?,
        ends_at: row.try_get("ends_at")?,
        paused_at: row.try_get("paused_at")?,
        started_at: row.try_get("started_at")?,
        next_charge_at: row.try_get("next_charge_at")?,
        charge_count: row.try_get("charge_count")?,
        last_charge: charge_from_row(row)?,
    })
}

fn charge_from_row(row: &PgRow) -> sqlx::Result<Option<ChargeView>> {
    let Some(status) = row.try_get("charge_status")? else { return Ok(None) };
    let reason: Option<i16> = row.try_get("reason")?;
    let tx_hash: Option<&[u8]> = row.try_get("tx_hash")?;
    Ok(Some(ChargeView {
        status,
        reason: reason.and_then(|number| Reason::from_number(u8::try_from(number).ok()?)),
        amount: row.try_get("amount")?,
        token: Address::from_slice(row.try_get("payment_token")?),
        due_at: row.try_get("due_at")?,
        retry_at: row.try_get("retry_at")?,
        tx_hash: tx_hash.map(B256::from_slice),
    }))
}
