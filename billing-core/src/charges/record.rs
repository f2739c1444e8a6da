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
use time::{Duration, OffsetDateTime};

use super::{
    ChargeError, Outcome, Reason, Row,
    due::{Claimed, Due},
    dunning::{self, Verdict},
    record_repo::{self, Charged},
    repo,
};
use crate::{
    chain::{ChainTx, Rpc},
    money::TokenAmount,
    outbox,
};

/// What the logs say of one member.
enum Said {
    Charged { fee: TokenAmount, start: OffsetDateTime, end: OffsetDateTime },
    Refused(Reason),
}

/// Chain time before a transaction that reverted as a whole is tried again: the simulation did not foresee it, and each
/// try costs gas.
const REVERT_WAIT: Duration = Duration::minutes(10);

/// Records a refusal that a simulation foresaw, by chain time `now`. `None` when the claim was lost meanwhile.
///
/// # Errors
/// The database's.
pub(super) async fn refuse(
    conn: &mut PgConnection,
    rpc: &Rpc,
    claimed: &Claimed,
    worker_instance: &str,
    reason: Reason,
    now: OffsetDateTime,
) -> sqlx::Result<Option<Row>> {
    let verdict = dunning::verdict(claimed.due.attempts, reason, claimed.due.rails, now);
    if !repo::refuse_claimed(conn, claimed.id, worker_instance, reason, &verdict).await? {
        return Ok(None);
    }
    tell_failure(conn, rpc, &claimed.due, reason, &verdict).await?;
    Ok(Some(refused_row(rpc, &claimed.due, reason, &verdict)))
}

/// Records every charge that a mined transaction carried. What was recorded before, by this or another process, is
/// reported again but changes nothing.
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
    let mut db_tx = pool.begin().await?;
    let carried = record_repo::lock_carried(&mut db_tx, tx.root()).await?;
    let mut rows = Vec::with_capacity(carried.len());
    for (position, member) in carried.iter().enumerate() {
        let due = &member.claimed.due;
        let gas = share(receipt.gas_used, carried.len(), position);
        let said = said(rpc, receipt.logs(), due.plan_hash, due.subscriber)?;
        let mut row = match said {
            Some(Said::Charged { fee, start, end }) => {
                let block_number = receipt.block_number.unwrap_or_default().cast_signed();
                let (period_start, period_end, tx_hash) = (start, end, tx.hash);
                let charged = Charged { fee, period_start, period_end, tx_hash, block_number, gas };
                record_repo::settle(&mut db_tx, member.claimed.id, &charged).await?;
                Row { counts: member.gas_unknown, ..row(rpc, due, Outcome::Charged) }
            }
            Some(Said::Refused(reason)) => {
                let verdict = dunning::verdict(due.attempts, reason, due.rails, now);
                if member.submitted {
                    record_repo::refuse_sent(&mut db_tx, member.claimed.id, reason, gas, &verdict).await?;
                    tell_failure(&mut db_tx, rpc, due, reason, &verdict).await?;
                }
                Row { counts: member.submitted, ..refused_row(rpc, due, reason, &verdict) }
            }
            None => Row { counts: member.submitted, ..error_row(rpc, due, "the transaction reverted") },
        };
        row.tx_hash = Some(tx.hash);
        row.gas = Some(gas);
        rows.push(row);
    }
    // Whoever the logs do not name: nothing happened to them, and nobody is to blame yet.
    record_repo::unsend(&mut *db_tx, tx.root(), Some(now + REVERT_WAIT)).await?;
    db_tx.commit().await?;
    Ok(rows)
}

/// Tells others that a charge has failed for good, or that it was refused and will be tried again.
async fn tell_failure(
    conn: &mut PgConnection,
    rpc: &Rpc,
    due: &Due,
    reason: Reason,
    verdict: &Verdict,
) -> sqlx::Result<()> {
    let topic = match verdict.outcome {
        Outcome::Failed => "billing.charge.failed.v1",
        // What is nobody's fault is nobody's news.
        Outcome::Skipped if verdict.counts => "billing.charge.refused.v1",
        _ => return Ok(()),
    };
    let message = serde_json::json!({
        "chain_id": rpc.network.chain_id, "plan_hash": due.plan_hash, "subscriber": due.subscriber,
        "due_at": due.due_at.unix_timestamp(), "amount": due.amount, "token": due.token, "reason": reason,
        "attempts": due.attempts + 1, "retry_at": verdict.retry_at.map(OffsetDateTime::unix_timestamp),
    });
    outbox::push(conn, topic, &due.subscriber.to_string(), &message).await
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
        retry_at: None,
        error: None,
        tx_hash: None,
        gas: None,
        counts: true,
    }
}

/// A report's row about a refusal.
pub(super) fn refused_row(rpc: &Rpc, due: &Due, reason: Reason, verdict: &Verdict) -> Row {
    Row { reason: Some(reason), retry_at: verdict.retry_at, ..row(rpc, due, verdict.outcome) }
}

/// A report's row about what is not known.
pub(super) fn error_row(rpc: &Rpc, due: &Due, error: &str) -> Row {
    Row { error: Some(error.to_owned()), ..row(rpc, due, Outcome::Error) }
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
