//! SQL of `billing_plan_state`, for the mirror.

use alloy::primitives::{Address, B256};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::state::{PlanState, PlanStatus};
use crate::{ids::ChainId, money::TokenAmount};

/// Those of the plans that are known on the chain.
pub(crate) async fn load(conn: &mut PgConnection, chain_id: ChainId, hashes: &[B256]) -> sqlx::Result<Vec<PlanState>> {
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let hashes: Vec<&[u8]> = hashes.iter().map(B256::as_slice).collect();
    let rows = sqlx::query(
        "select chain_id, plan_hash, merchant, token, price, period_secs, trial_secs, max_fee_bps, status, frozen, uri,
                created_block, updated_block, updated_at
           from billing_plan_state
          where chain_id = $1 and plan_hash = any($2)",
    )
    .bind(chain_id)
    .bind(hashes)
    .fetch_all(conn)
    .await?;
    rows.iter().map(from_row).collect()
}

/// All plans of the chain, by hash.
pub(crate) async fn all(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<PlanState>> {
    let rows = sqlx::query(
        "select chain_id, plan_hash, merchant, token, price, period_secs, trial_secs, max_fee_bps, status, frozen, uri,
                created_block, updated_block, updated_at
           from billing_plan_state
          where chain_id = $1
          order by plan_hash",
    )
    .bind(chain_id)
    .fetch_all(conn)
    .await?;
    rows.iter().map(from_row).collect()
}

/// Writes the states as they are now.
pub(crate) async fn upsert(conn: &mut PgConnection, plans: &[&PlanState]) -> sqlx::Result<()> {
    if plans.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into billing_plan_state
             (chain_id, plan_hash, merchant, token, price, period_secs, trial_secs, max_fee_bps, status, frozen, uri,
              created_block, updated_block, updated_at)
         select * from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::numeric[], $6::bigint[],
                              $7::bigint[], $8::integer[], $9::text[], $10::boolean[], $11::text[], $12::bigint[],
                              $13::bigint[], $14::timestamptz[])
         on conflict (chain_id, plan_hash) do update
            set merchant = excluded.merchant, token = excluded.token, price = excluded.price,
                period_secs = excluded.period_secs, trial_secs = excluded.trial_secs,
                max_fee_bps = excluded.max_fee_bps, status = excluded.status, frozen = excluded.frozen,
                uri = excluded.uri, created_block = excluded.created_block, updated_block = excluded.updated_block,
                updated_at = excluded.updated_at",
    )
    .bind(plans.iter().map(|plan| plan.chain_id.0).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.plan_hash.as_slice()).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.merchant.as_slice()).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.token.as_slice()).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.price).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.period_secs).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.trial_secs).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.max_fee_bps).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.status.as_str()).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.frozen).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.uri.as_str()).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.created_block).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.updated_block).collect::<Vec<_>>())
    .bind(plans.iter().map(|plan| plan.updated_at).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets plans whose creation was undone.
pub(crate) async fn delete(conn: &mut PgConnection, chain_id: ChainId, hashes: &[B256]) -> sqlx::Result<()> {
    if hashes.is_empty() {
        return Ok(());
    }
    let hashes: Vec<&[u8]> = hashes.iter().map(B256::as_slice).collect();
    sqlx::query("delete from billing_plan_state where chain_id = $1 and plan_hash = any($2)")
        .bind(chain_id)
        .bind(hashes)
        .execute(conn)
        .await?;
    Ok(())
}

fn from_row(row: &PgRow) -> sqlx::Result<PlanState> {
    let word: &str = row.try_get("status")?;
    let status = PlanStatus::from_word(word).ok_or_else(|| sqlx::Error::Decode(format!("status {word}").into()))?;
    Ok(PlanState {
        chain_id: row.try_get("chain_id")?,
        plan_hash: B256::from_slice(row.try_get("plan_hash")?),
        merchant: Address::from_slice(row.try_get("merchant")?),
        token: Address::from_slice(row.try_get("token")?),
        price: row.try_get::<TokenAmount, _>("price")?,
        period_secs: row.try_get("period_secs")?,
        trial_secs: row.try_get("trial_secs")?,
        max_fee_bps: row.try_get("max_fee_bps")?,
        status,
        frozen: row.try_get("frozen")?,
        uri: row.try_get("uri")?,
        created_block: row.try_get("created_block")?,
        updated_block: row.try_get("updated_block")?,
        updated_at: row.try_get("updated_at")?,
    })
}
