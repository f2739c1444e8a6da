//! SQL of the feed: it reads logs and reorganisations, and writes nothing.

use alloy::primitives::B256;
use sqlx::{PgConnection, Row};

use super::{
    super::log_repo::{log_columns, log_from_row},
    topics::PAID_TIME,
};
use crate::{ids::ChainId, mirror::RawLog, outbox::Place};

/// The lowest fork of the reorganisations told after `place`; `None` when there was none. A chain's rows are written one
/// after the other, so their ids are in the order of its history.
pub(super) async fn lowest_fork_after(
    conn: &mut PgConnection,
    chain_id: ChainId,
    place: Place,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar(
        "select min((payload->>'fork_block')::bigint)
           from outbox
          where topic = 'billing.chain.reverted.v1' and key = $1 and outbox_id > $2",
    )
    .bind(chain_id.to_string())
    .bind(place.id)
    .fetch_one(conn)
    .await
}

/// Canonical logs behind `after` (block and index), up to block `to`, that begin with one of `selectors`.
pub(super) async fn logs(
    conn: &mut PgConnection,
    chain_id: ChainId,
    after: (i64, i64),
    to: i64,
    selectors: &[B256],
    limit: usize,
) -> sqlx::Result<Vec<RawLog>> {
    let rows = sqlx::query(concat!(
        "select ",
        log_columns!(),
        " from chain_log
          where chain_id = $1 and (block_number, log_index) > ($2, $3) and block_number >= $2 and block_number <= $4
            and topic0 = any($5)
          order by block_number, log_index
          limit $6"
    ))
    .bind(chain_id)
    .bind(after.0)
    .bind(after.1)
    .bind(to)
    .bind(selectors.iter().map(B256::as_slice).collect::<Vec<_>>())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(conn)
    .await?;
    rows.iter().map(log_from_row).collect()
}

/// Chain and logs of a reorganisation, in chain order.
pub(super) async fn orphans(conn: &mut PgConnection, undo_id: i64) -> sqlx::Result<Vec<RawLog>> {
    let rows = sqlx::query(concat!(
        "select ",
        log_columns!(),
        " from chain_log_orphan where undo_id = $1 order by block_number, log_index"
    ))
    .bind(undo_id)
    .fetch_all(conn)
    .await?;
    rows.iter().map(log_from_row).collect()
}

/// Of each of these logs of subscriptions the place in the list, and the log before it that set the end of its paid time.
pub(super) async fn paid_time_before(
    conn: &mut PgConnection,
    chain_id: ChainId,
    charges: &[(usize, &RawLog)],
) -> sqlx::Result<Vec<(usize, RawLog)>> {
    let topic = |at: usize| charges.iter().map(|(_, log)| log.topics.get(at).map(B256::as_slice)).collect::<Vec<_>>();
    let rows = sqlx::query(
        "select charge.position, before.*
           from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[])
                as charge (position, block_number, log_index, plan, subscriber)
          cross join lateral (
                select block_number, log_index, block_time, block_hash, tx_hash, address, topic0, topic1, topic2, topic3,
                       data
                  from chain_log
                 where chain_id = $1
                   and subject = chain_subscription_subject(charge.plan, substring(charge.subscriber from 13))
                   and block_number <= charge.block_number
                   and (block_number, log_index) < (charge.block_number, charge.log_index)
                   and topic1 = charge.plan and topic2 = charge.subscriber and topic0 = any($7)
                 order by block_number desc, log_index desc
                 limit 1) as before",
    )
    .bind(chain_id)
    .bind(charges.iter().map(|(position, _)| i64::try_from(*position).unwrap_or(i64::MAX)).collect::<Vec<_>>())
    .bind(charges.iter().map(|(_, log)| log.block_number).collect::<Vec<_>>())
    .bind(charges.iter().map(|(_, log)| log.log_index).collect::<Vec<_>>())
    .bind(topic(1))
    .bind(topic(2))
    .bind(PAID_TIME.iter().map(B256::as_slice).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let before = rows.iter().map(|row| {
        let position = usize::try_from(row.try_get::<i64, _>("position")?).unwrap_or_default();
        Ok((position, log_from_row(row)?))
    });
    before.collect()
}
