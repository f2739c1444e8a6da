//! A stretch's row into the messages of its logs, a reorganisation's into retractions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use alloy::primitives::B256;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Page, feed_repo, position::Inside, topics};
use crate::{
    ids::{ChainId, SubscriptionKey},
    marketplace::PlacedEvent,
    mirror::{
        MirrorError, RawLog,
        event::{Event, decode_stored},
        messages::Message,
    },
    outbox::Row,
    plans::{self, PlanState},
    subscriptions::{self, SubscriptionChange},
};

/// Logs read in one question.
const LOGS: usize = 2_000;

/// The messages of a stretch's logs behind `inside`, without those of blocks that were taken back since.
pub(super) async fn stretch(
    conn: &mut PgConnection,
    page: &mut Page<'_>,
    row: &Row,
    inside: Option<Inside>,
) -> Result<(), MirrorError> {
    let (chain_id, from, to) = (chain(row)?, number(row, "from_block")?, number(row, "to_block")?);
    let fork = feed_repo::lowest_fork_after(conn, chain_id, row.place).await?;
    let to = fork.map_or(to, |fork| to.min(fork));
    let selectors = topics::selectors(page.topics);
    let mut after = match inside {
        Some(Inside::Log { block, index }) => (block, index),
        _ => (from, -1),
    };
    while !page.is_full() {
        let wanted = page.room().min(LOGS);
        let logs = feed_repo::logs(conn, chain_id, after, to, &selectors, wanted).await?;
        let told = tell(conn, chain_id, &logs).await?;
        for (log, message) in logs.iter().zip(told) {
            if let Some(message) = message {
                page.add(row, Inside::Log { block: log.block_number, index: log.log_index }, message);
            }
        }
        match logs.last() {
            Some(last) if logs.len() == wanted => after = (last.block_number, last.log_index),
            _ => break,
        }
    }
    Ok(())
}

/// What each log tells; the state of a plan is the one of now.
async fn tell(
    conn: &mut PgConnection,
    chain_id: ChainId,
    logs: &[RawLog],
) -> Result<Vec<Option<Message>>, MirrorError> {
    let events = logs.iter().map(decode_stored).collect::<Result<Vec<_>, _>>()?;
    let plans = plans_of(conn, chain_id, events.iter().map(|(_, event)| event)).await?;
    let paid_until = paid_until(conn, chain_id, logs, &events).await?;
    let told = events.into_iter().zip(logs).enumerate().map(|(position, ((sequence, event), log))| {
        let at = log.point(chain_id);
        match event {
            Event::Plan(event) => Some(plan_message(chain_id, event.plan_hash, &plans)),
            Event::Subscription(event) => Message::subscription(&event, paid_until.get(&position).copied(), at),
            Event::Marketplace(event) => Message::sale(&PlacedEvent { at, sequence, event }),
            Event::Deposit(_) | Event::Gateway(_) | Event::Other => None,
        }
    });
    Ok(told.collect())
}

/// End of the paid time before each charge, by its place in the list.
async fn paid_until(
    conn: &mut PgConnection,
    chain_id: ChainId,
    logs: &[RawLog],
    events: &[(i64, Event)],
) -> Result<HashMap<usize, OffsetDateTime>, MirrorError> {
    let is_charge = |event: &Event| matches!(event, Event::Subscription(event) if matches!(event.change, SubscriptionChange::Charged(_)));
    let charges = events.iter().zip(logs).enumerate().filter(|(_, ((_, event), _))| is_charge(event));
    let charges: Vec<_> = charges.map(|(position, (_, log))| (position, log)).collect();
    let mut paid_until = HashMap::new();
    if charges.is_empty() {
        return Ok(paid_until);
    }
    for (position, log) in feed_repo::paid_time_before(conn, chain_id, &charges).await? {
        if let (_, Event::Subscription(event)) = decode_stored(&log)?
            && let Some(until) = paid_time(&event.change)
        {
            paid_until.insert(position, until);
        }
    }
    Ok(paid_until)
}

/// As the fold of a subscription sets it.
const fn paid_time(change: &SubscriptionChange) -> Option<OffsetDateTime> {
    match change {
        SubscriptionChange::Activated { next_charge_at, .. } | SubscriptionChange::Resumed { next_charge_at } => {
            Some(*next_charge_at)
        }
        SubscriptionChange::Charged(receipt) => Some(receipt.period_end),
        SubscriptionChange::Canceled { paid_until, .. } => Some(*paid_until),
        _ => None,
    }
}

/// The retractions of a reorganisation: sales, then plans and subscriptions with their states of now.
pub(super) async fn undo(
    conn: &mut PgConnection,
    page: &mut Page<'_>,
    row: &Row,
    inside: Option<Inside>,
) -> Result<(), MirrorError> {
    let (chain_id, fork, undo_id) = (chain(row)?, number(row, "fork_block")?, number(row, "undo_id")?);
    let orphans = feed_repo::orphans(conn, undo_id).await?;
    let given = match inside {
        Some(Inside::Retraction(number)) => number,
        _ => 0,
    };
    for (number, message) in (1..).zip(retractions(conn, chain_id, fork, &orphans).await?) {
        if page.is_full() {
            break;
        }
        if number > given && page.wants(message.topic) {
            page.add(row, Inside::Retraction(number), message);
        }
    }
    Ok(())
}

async fn retractions(
    conn: &mut PgConnection,
    chain_id: ChainId,
    fork: i64,
    orphans: &[RawLog],
) -> Result<Vec<Message>, MirrorError> {
    let (mut messages, mut transactions) = (Vec::new(), BTreeMap::<SubscriptionKey, Vec<B256>>::new());
    let events = orphans.iter().map(decode_stored).collect::<Result<Vec<_>, _>>()?;
    let hashes: BTreeSet<B256> = events.iter().filter_map(|(_, event)| plan_hash(event)).collect();
    let plans = plans_of(conn, chain_id, events.iter().map(|(_, event)| event)).await?;
    for ((sequence, event), log) in events.into_iter().zip(orphans) {
        match event {
            Event::Subscription(event) => {
                let of_key = transactions.entry(event.key(chain_id)).or_default();
                if of_key.last() != Some(&log.tx_hash) {
                    of_key.push(log.tx_hash);
                }
            }
            Event::Marketplace(event) => {
                messages.extend(Message::sale_reverted(&PlacedEvent { at: log.point(chain_id), sequence, event }));
            }
            _ => {}
        }
    }
    messages.extend(hashes.into_iter().map(|hash| plan_message(chain_id, hash, &plans)));
    let keys: Vec<_> = transactions.keys().copied().collect();
    let states = subscriptions::state_repo::load(conn, chain_id, &keys).await?;
    let states: HashMap<_, _> = states.into_iter().map(|state| (state.key, state)).collect();
    messages.extend(transactions.iter().map(|(key, txs)| Message::reverted(*key, states.get(key), fork, txs)));
    Ok(messages)
}

async fn plans_of(
    conn: &mut PgConnection,
    chain_id: ChainId,
    events: impl Iterator<Item = &Event>,
) -> sqlx::Result<HashMap<B256, PlanState>> {
    let hashes: BTreeSet<B256> = events.filter_map(plan_hash).collect();
    let hashes: Vec<B256> = hashes.into_iter().collect();
    let states = plans::state_repo::load(conn, chain_id, &hashes).await?;
    Ok(states.into_iter().map(|state| (state.plan_hash, state)).collect())
}

fn plan_hash(event: &Event) -> Option<B256> {
    if let Event::Plan(event) = event { Some(event.plan_hash) } else { None }
}

fn plan_message(chain_id: ChainId, hash: B256, plans: &HashMap<B256, PlanState>) -> Message {
    plans.get(&hash).map_or_else(|| Message::plan_gone(chain_id, hash), Message::plan_changed)
}

fn chain(row: &Row) -> sqlx::Result<ChainId> {
    row.key.parse().map(ChainId).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn number(row: &Row, field: &str) -> sqlx::Result<i64> {
    let number = row.payload.get(field).and_then(Value::as_i64);
    number.ok_or_else(|| sqlx::Error::Decode(format!("{} without {field}", row.topic).into()))
}
