//! SQL of a pass over all projections.

use alloy::primitives::{Address, B256};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::Keys;
use crate::{
    ids::{ChainId, SubscriptionKey},
    mirror::{
        RawLog,
        log_repo::{log_columns, log_from_row},
    },
};

/// Keys from `begin` on, ascending.
pub(super) async fn keys(
    conn: &mut PgConnection,
    chain_id: ChainId,
    keys: Keys,
    begin: i64,
    limit: i64,
) -> sqlx::Result<Vec<i64>> {
    let sql = match keys {
        Keys::Subjects => {
            "select distinct subject from chain_log where chain_id = $1 and subject >= $2 order by subject limit $3"
        }
        Keys::Accounts => {
            "select distinct account from chain_log where chain_id = $1 and account >= $2 order by account limit $3"
        }
    };
    sqlx::query_scalar(sql).bind(chain_id).bind(begin).bind(limit).fetch_all(conn).await
}

/// All logs of these keys, in chain order.
pub(super) async fn logs(
    conn: &mut PgConnection,
    chain_id: ChainId,
    keys: Keys,
    batch: &[i64],
) -> sqlx::Result<Vec<RawLog>> {
    let sql = match keys {
        Keys::Subjects => concat!(
            "select ",
            log_columns!(),
            " from chain_log where chain_id = $1 and subject = any($2) order by block_number, log_index"
        ),
        Keys::Accounts => concat!(
            "select ",
            log_columns!(),
            " from chain_log where chain_id = $1 and account = any($2) order by block_number, log_index"
        ),
    };
    let rows = sqlx::query(sql).bind(chain_id).bind(batch).fetch_all(conn).await?;
    rows.iter().map(log_from_row).collect()
}

/// Logs of these kinds from a block on, in chain order; with the last one all of its block.
pub(super) async fn of_kinds(
    conn: &mut PgConnection,
    chain_id: ChainId,
    from: i64,
    selectors: &[[u8; 32]],
    at_least: usize,
) -> sqlx::Result<Vec<RawLog>> {
    let rows = sqlx::query(concat!(
        "select ",
        log_columns!(),
        " from chain_log
          where chain_id = $1 and block_number >= $2 and topic0 = any($3)
          order by block_number
          fetch first $4 rows with ties"
    ))
    .bind(chain_id)
    .bind(from)
    .bind(selectors.iter().map(<[u8; 32]>::as_slice).collect::<Vec<_>>())
    .bind(i64::try_from(at_least).unwrap_or(i64::MAX))
    .fetch_all(conn)
    .await?;
    let mut logs = rows.iter().map(log_from_row).collect::<sqlx::Result<Vec<_>>>()?;
    logs.sort_unstable_by_key(|log| (log.block_number, log.log_index));
    Ok(logs)
}

/// Plans of which no log tells.
pub(super) async fn plans_without_logs(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<B256>> {
    let rows = sqlx::query(
        "select plan_hash from billing_plan_state as plan
          where chain_id = $1 and not exists (
                select from chain_log as log where log.chain_id = $1 and log.subject = chain_leading_bytes(plan.plan_hash))",
    )
    .bind(chain_id)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok(B256::from_slice(row.try_get("plan_hash")?))).collect()
}

/// Subscriptions of which no log tells.
pub(super) async fn subscriptions_without_logs(
    conn: &mut PgConnection,
    chain_id: ChainId,
) -> sqlx::Result<Vec<SubscriptionKey>> {
    let rows = sqlx::query(
        "select plan_hash, subscriber from billing_subscription_state as state
          where chain_id = $1 and not exists (
                select from chain_log as log
                 where log.chain_id = $1 and log.subject = chain_subscription_subject(state.plan_hash, state.subscriber))",
    )
    .bind(chain_id)
    .fetch_all(conn)
    .await?;
    let key = |row: &PgRow| {
        let plan_hash = B256::from_slice(row.try_get("plan_hash")?);
        Ok(SubscriptionKey { plan_hash, chain_id, subscriber: Address::from_slice(row.try_get("subscriber")?) })
    };
    rows.iter().map(key).collect()
}

/// Accounts with a deposit of which no log tells.
pub(super) async fn deposits_without_logs(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<Address>> {
    let rows = sqlx::query(
        "select account from billing_native_deposit as deposit
          where chain_id = $1 and not exists (
                select from chain_log as log where log.chain_id = $1 and log.account = chain_leading_bytes(deposit.account))",
    )
    .bind(chain_id)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok(Address::from_slice(row.try_get("account")?))).collect()
}

/// Per contract: how many logs are stored, and the highest number among them.
pub(super) async fn numbers(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<(Address, i64, i64)>> {
    let rows = sqlx::query(
        "select address, count(*) as logs, max(sequence) as highest
           from chain_log where chain_id = $1 group by address order by address",
    )
    .bind(chain_id)
    .fetch_all(conn)
    .await?;
    let numbers = |row: &PgRow| {
        let address = Address::from_slice(row.try_get("address")?);
        Ok((address, row.try_get("logs")?, row.try_get("highest")?))
    };
    rows.iter().map(numbers).collect()
}

/// Event numbers of a contract that no stored log has, below its last, at most `limit`.
pub(super) async fn missing_numbers(
    conn: &mut PgConnection,
    chain_id: ChainId,
    contract: Address,
    last: i64,
    limit: i64,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar(
        "select number from generate_series(1, $3::bigint) as number
          where not exists (select from (select sequence from chain_log where chain_id = $1 and address = $2) as log
                             where log.sequence = number)
          order by number limit $4",
    )
    .bind(chain_id)
    .bind(contract.as_slice())
    .bind(last)
    .bind(limit)
    .fetch_all(conn)
    .await
}
