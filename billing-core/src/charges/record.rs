//! What a receipt says about each charge it carried, and what follows.

use alloy::{
    primitives::{Address, B256},
    rpc::types::{Log, TransactionReceipt},
    sol_types::SolEvent,
};
use billing_bindings::SubscriptionManager::{
    ChargeSkipped, SubscriptionCharged, SubscriptionFailedFinal, SubscriptionRetryScheduled,
};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{
    ChargeError, Reason,
    due::{Claimed, Due},
    dunning::{self, Step},
    repo,
    report::{Outcome, Row},
};
use crate::{
    chain::{ChainTx, Rpc},
    ids::ChainId,
    money::TokenAmount,
    outbox,
};

/// A charge that a receipt says was paid.
#[derive(Clone, Debug)]
pub(super) struct Charged {
    pub(super) fee: TokenAmount,
    pub(super) period_start: OffsetDateTime,
    pub(super) period_end: OffsetDateTime,
    pub(super) tx_hash: B256,
    pub(super) block_number: i64,
    pub(super) gas: u64,
}

/// What the logs say of one member.
enum Said {
    Charged { fee: TokenAmount, start: OffsetDateTime, end: OffsetDateTime },
    Refused(Reason),
}

/// Records a refusal that a simulation foresaw or a receipt told, by chain time `now`; gives the outcome to report.
///
/// # Errors
/// The database's.
pub(super) async fn refuse(
    conn: &mut PgConnection,
    chain_id: ChainId,
    claimed: &Claimed,
    reason: Reason,
    now: OffsetDateTime,
) -> sqlx::Result<Outcome> {
    let attempt = claimed.due.attempts + 1;
    let (status, retry_at, counts) = match dunning::next_step(attempt, reason, now) {
        Step::RetryAt(at) => ("pending", Some(at), true),
        Step::LookAgainAt(at) => ("pending", Some(at), false),
        Step::GiveUp => ("failed", None, true),
        Step::Cancel => ("canceled", None, false),
    };
    repo::refuse(conn, claimed.id, status, Some(reason), retry_at, counts).await?;
    if status == "failed" {
        let message = serde_json::json!({
            "chain_id": chain_id, "plan_hash": claimed.due.plan_hash, "subscriber": claimed.due.subscriber,
            "amount": repo::amount(conn, claimed.id).await?, "token": claimed.due.token, "reason": reason,
            "attempts": attempt,
        });
        outbox::push(conn, "billing.charge.failed.v1", &claimed.due.subscriber.to_string(), &message).await?;
    }
    Ok(outcome_of(attempt, reason, now))
}

/// How a refusal is reported; the same rule for a dry run.
pub(super) fn outcome_of(attempt: u32, reason: Reason, now: OffsetDateTime) -> Outcome {
    match dunning::next_step(attempt, reason, now) {
        Step::GiveUp => Outcome::Failed,
        Step::RetryAt(_) | Step::LookAgainAt(_) | Step::Cancel => Outcome::Skipped,
    }
}

/// Records every charge that a mined transaction carried; recorded before or by another process, it changes nothing.
///
/// # Errors
/// The database's; logs of another version of the contract.
pub(super) async fn receipt(
    pool: &PgPool,
    rpc: &Rpc,
    tx: &ChainTx,
    receipt: &TransactionReceipt,
    now: OffsetDateTime,
) -> Result<Vec<Row>, ChargeError> {
    let carried = repo::carried(pool, tx.root()).await?;
    let mut rows = Vec::with_capacity(carried.len());
    let mut db_tx = pool.begin().await?;
    for (position, claimed) in carried.iter().enumerate() {
        let said = said(rpc, receipt.logs(), claimed.due.plan_hash, claimed.due.subscriber)?;
        let gas = share(receipt.gas_used, carried.len(), position);
        let mut row = row(rpc, &claimed.due, Outcome::Charged);
        row.tx_hash = Some(tx.hash);
        row.gas = Some(gas);
        match said {
            Some(Said::Charged { fee, start, end }) => {
                let block_number = receipt.block_number.unwrap_or_default().cast_signed();
                let (period_start, period_end, tx_hash) = (start, end, tx.hash);
                let charged = Charged { fee, period_start, period_end, tx_hash, block_number, gas };
                repo::settle(&mut db_tx, claimed.id, &charged).await?;
            }
            Some(Said::Refused(reason)) => {
                row.outcome = refuse(&mut db_tx, rpc.network.chain_id, claimed, reason, now).await?;
                row.reason = Some(reason);
            }
            None => {
                // The transaction reverted as a whole: nothing happened, and nobody is to blame yet.
                repo::refuse(&mut db_tx, claimed.id, "pending", None, None, false).await?;
                row.outcome = Outcome::Pending;
            }
        }
        rows.push(row);
    }
    db_tx.commit().await?;
    Ok(rows)
}

/// Puts charges of a transaction that never happened back to due.
///
/// # Errors
/// The database's.
pub(super) async fn dropped(pool: &PgPool, tx: &ChainTx) -> sqlx::Result<()> {
    let mut db_tx = pool.begin().await?;
    for claimed in repo::carried(&mut *db_tx, tx.root()).await? {
        repo::refuse(&mut db_tx, claimed.id, "pending", None, None, false).await?;
    }
    db_tx.commit().await
}

/// A report's row.
pub(super) fn row(rpc: &Rpc, due: &Due, outcome: Outcome) -> Row {
    Row {
        network: rpc.network.name.clone(),
        chain_id: rpc.network.chain_id,
        plan_hash: due.plan_hash,
        subscriber: due.subscriber,
        amount: due.amount,
        token: due.token,
        due_at: due.due_at,
        outcome,
        reason: None,
        tx_hash: None,
        gas: None,
    }
}

/// Equal parts whose sum is the whole; the first members carry the remainder.
fn share(gas: u64, members: usize, position: usize) -> u64 {
    let members = members.max(1) as u64;
    gas / members + u64::from((position as u64) < gas % members)
}

/// The last word of the logs about one member.
fn said(rpc: &Rpc, logs: &[Log], plan_hash: B256, subscriber: Address) -> Result<Option<Said>, ChargeError> {
    let of_member = logs.iter().rev().filter(|log| {
        let topics = log.topics();
        log.address() == rpc.network.subscription_manager
            && topics.len() == 3
            && topics[1] == plan_hash
            && topics[2] == subscriber.into_word()
    });
    for log in of_member {
        let Some(said) = read(log).map_err(|what| ChargeError::Contract { network: rpc.network.name.clone(), what })?
        else {
            continue;
        };
        return Ok(Some(said));
    }
    Ok(None)
}

fn read(log: &Log) -> Result<Option<Said>, String> {
    let wrong = |error: alloy::sol_types::Error| error.to_string();
    let reason = |number: u8| Reason::from_number(number).map(Said::Refused).ok_or(format!("reason {number}"));
    let topic = log.topics().first().copied().unwrap_or_default();
    if topic == SubscriptionCharged::SIGNATURE_HASH {
        let event = SubscriptionCharged::decode_log(&log.inner).map_err(wrong)?;
        let charge = billing_bindings::ChargeReceipt::unpack(event.receipt, event.settlement);
        let time = |secs: u64| {
            OffsetDateTime::from_unix_timestamp(secs.cast_signed()).map_err(|_| format!("period of {secs}"))
        };
        let (start, end) = (time(charge.period_start)?, time(charge.period_end)?);
        return Ok(Some(Said::Charged { fee: TokenAmount(charge.fee), start, end }));
    }
    if topic == ChargeSkipped::SIGNATURE_HASH {
        return reason(ChargeSkipped::decode_log(&log.inner).map_err(wrong)?.reason).map(Some);
    }
    if topic == SubscriptionRetryScheduled::SIGNATURE_HASH {
        return reason(SubscriptionRetryScheduled::decode_log(&log.inner).map_err(wrong)?.reason).map(Some);
    }
    if topic == SubscriptionFailedFinal::SIGNATURE_HASH {
        return reason(SubscriptionFailedFinal::decode_log(&log.inner).map_err(wrong)?.reason).map(Some);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn gas_parts_sum_to_the_whole() {
        for (gas, members) in [(0, 1), (100, 3), (2_000_001, 100), (7, 10)] {
            assert_eq!((0..members).map(|position| share(gas, members, position)).sum::<u64>(), gas);
        }
    }
}
