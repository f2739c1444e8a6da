//! Projections from stored logs, without a node: to make them anew, or to see whether they are what the logs say.
//!
//! Some entities at a time, each batch under the cursor's lock and so at one block; between two batches the mirror goes on.

mod fold_repo;
mod sales;

use std::collections::BTreeSet;

use sqlx::{PgConnection, PgPool};

use super::{
    MirrorError, RawLog, event::Event, log_row::leading_bytes, projections::Projections, read::read_stored, repo,
};
use crate::{ids::ChainId, plans, subscriptions};

/// Raised whenever the folds change what they make of the same logs; the indexer then makes all projections anew.
pub const FOLD_VERSION: i32 = 1;

/// Keys of one batch.
const BATCH: i64 = 500;
/// Missing event numbers of a contract that are named.
const MISSING_TOLD: i64 = 10;

/// What a pass over all projections of a chain found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refolded {
    /// Plans, subscriptions, deposits, sales and revocations folded.
    pub entities: usize,
    /// Those whose row was not what their logs say, by name.
    pub wrong: Vec<String>,
}

/// What is done with a fold that differs from its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Compare,
    Replace,
}

/// Makes all projections of a chain anew from its logs, while the mirror is live. `told` is given the number of entities
/// so far.
///
/// # Errors
/// `NotStarted`; `Undecodable` for a stored log of another version; the database's.
pub async fn reindex(pool: &PgPool, chain_id: ChainId, told: impl FnMut(usize)) -> Result<Refolded, MirrorError> {
    let refolded = pass(pool, chain_id, Pass::Replace, told).await?;
    repo::set_fold_version(&mut *pool.acquire().await?, chain_id, FOLD_VERSION).await?;
    Ok(refolded)
}

/// Compares all projections of a chain with its logs.
///
/// # Errors
/// As [`reindex`].
pub async fn compare_folds(pool: &PgPool, chain_id: ChainId) -> Result<Refolded, MirrorError> {
    pass(pool, chain_id, Pass::Compare, |_| {}).await
}

/// Whether the projections of a chain were made by other folds than this program's.
///
/// # Errors
/// The database's.
pub async fn is_outdated(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<bool> {
    Ok(repo::fold_version(conn, chain_id).await?.is_some_and(|version| version != FOLD_VERSION))
}

async fn pass(
    pool: &PgPool,
    chain_id: ChainId,
    pass: Pass,
    mut told: impl FnMut(usize),
) -> Result<Refolded, MirrorError> {
    let mut found = Refolded::default();
    for keys in [Keys::Subjects, Keys::Accounts] {
        let mut from = Some(i64::MIN);
        while let Some(begin) = from {
            let mut tx = pool.begin().await?;
            require_cursor(&mut tx, chain_id).await?;
            let batch = fold_repo::keys(&mut tx, chain_id, keys, begin, BATCH).await?;
            if !batch.is_empty() {
                refold(&mut tx, chain_id, keys, &batch, pass, &mut found).await?;
            }
            tx.commit().await?;
            told(found.entities);
            from = batch.last().and_then(|last| last.checked_add(1)).filter(|_| !batch.is_empty());
        }
    }
    without_logs(pool, chain_id, pass, &mut found).await?;
    sales::pass(pool, chain_id, pass, &mut found).await?;
    told(found.entities);
    // A plan is folded beside its subscriptions too.
    found.wrong.sort_unstable();
    found.wrong.dedup();
    Ok(found)
}

/// By what the logs of entities are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    /// Plans and subscriptions.
    Subjects,
    /// Deposits.
    Accounts,
}

async fn refold(
    conn: &mut PgConnection,
    chain_id: ChainId,
    keys: Keys,
    batch: &[i64],
    pass: Pass,
    found: &mut Refolded,
) -> Result<(), MirrorError> {
    let mut logs = fold_repo::logs(conn, chain_id, keys, batch).await?;
    if keys == Keys::Subjects {
        logs.extend(logs_of_their_plans(conn, chain_id, &logs, batch).await?);
    }
    let reads = read_stored(chain_id, &logs)?;
    let mut folded = Projections::touched(chain_id, &reads);
    // A native charge is found by its subscription too, but its deposit's other logs are not.
    folded.keep(keys == Keys::Subjects);
    let mut rows = folded.untouched();
    rows.load(conn, chain_id).await?;
    for read in &reads {
        folded.fold(read);
    }
    found.entities += batch.len();
    let wrong = folded.differences(&rows);
    if pass == Pass::Replace && !wrong.is_empty() {
        folded.store(conn, chain_id).await?;
    }
    found.wrong.extend(wrong);
    Ok(())
}

/// A subscription's row needs its plan's, which may be of a later batch.
async fn logs_of_their_plans(
    conn: &mut PgConnection,
    chain_id: ChainId,
    logs: &[RawLog],
    batch: &[i64],
) -> Result<Vec<RawLog>, MirrorError> {
    let reads = read_stored(chain_id, logs)?;
    let plans = reads.iter().filter_map(|read| match &read.event {
        Event::Subscription(event) => Some(leading_bytes(event.plan_hash.as_slice())),
        _ => None,
    });
    let plans: BTreeSet<i64> = plans.filter(|plan| batch.binary_search(plan).is_err()).collect();
    let plans: Vec<i64> = plans.into_iter().collect();
    Ok(fold_repo::logs(conn, chain_id, Keys::Subjects, &plans).await?)
}

/// Rows of which no log tells.
async fn without_logs(pool: &PgPool, chain_id: ChainId, pass: Pass, found: &mut Refolded) -> Result<(), MirrorError> {
    let mut tx = pool.begin().await?;
    require_cursor(&mut tx, chain_id).await?;
    let plans = fold_repo::plans_without_logs(&mut tx, chain_id).await?;
    let keys = fold_repo::subscriptions_without_logs(&mut tx, chain_id).await?;
    let accounts = fold_repo::deposits_without_logs(&mut tx, chain_id).await?;
    if pass == Pass::Replace {
        subscriptions::state_repo::delete(&mut tx, chain_id, &keys).await?;
        plans::state_repo::delete(&mut tx, chain_id, &plans).await?;
        subscriptions::deposit_repo::delete(&mut tx, chain_id, &accounts).await?;
    }
    tx.commit().await?;
    let plans = plans.iter().map(|hash| format!("plan {hash}"));
    let keys = keys.iter().map(|key| format!("subscription {} of {}", key.plan_hash, key.subscriber));
    let accounts = accounts.iter().map(|account| format!("deposit of {account}"));
    found.wrong.extend(plans.chain(keys).chain(accounts).map(|row| format!("{row}: there is no log of it")));
    Ok(())
}

/// Event numbers that no stored log has; contract by contract, the first few.
///
/// # Errors
/// The database's.
pub async fn missing_events(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<String>> {
    let last_numbers = repo::sequences(conn, chain_id).await?;
    let stored = fold_repo::numbers(conn, chain_id).await?;
    let mut missing = Vec::new();
    for (contract, last) in last_numbers {
        let (logs, highest) = stored.iter().find(|row| row.0 == contract).map_or((0, 0), |row| (row.1, row.2));
        if (logs, highest) == (last, last) {
            continue;
        }
        let numbers = fold_repo::missing_numbers(conn, chain_id, contract, last.max(highest), MISSING_TOLD).await?;
        let told: Vec<String> = numbers.iter().map(i64::to_string).collect();
        missing.push(format!(
            "contract {contract}: {logs} logs up to number {highest}, its last event is {last}; missing: {}",
            if told.is_empty() { "none".to_owned() } else { told.join(", ") }
        ));
    }
    Ok(missing)
}

async fn require_cursor(conn: &mut PgConnection, chain_id: ChainId) -> Result<(), MirrorError> {
    repo::lock_cursor(conn, chain_id).await?.map(drop).ok_or(MirrorError::NotStarted(chain_id))
}

impl Projections {
    /// Drops the deposits, or everything else.
    fn keep(&mut self, subjects: bool) {
        if subjects {
            self.deposits.clear();
        } else {
            self.plans.clear();
            self.subscriptions.clear();
        }
    }

    /// The same entities, as if nothing had happened to them.
    fn untouched(&self) -> Self {
        Self {
            plans: self.plans.keys().map(|key| (*key, None)).collect(),
            subscriptions: self.subscriptions.keys().map(|key| (*key, subscriptions::state::Slot::default())).collect(),
            deposits: self.deposits.keys().map(|key| (*key, None)).collect(),
        }
    }

    /// Entities of which `rows` says something else, by name.
    fn differences(&self, rows: &Self) -> Vec<String> {
        let mut wrong = BTreeSet::new();
        let mut note = |name: String, same: bool, is_there: bool| {
            if !same {
                let what = if is_there { "its row is not what its logs say" } else { "its row is missing" };
                wrong.insert(format!("{name}: {what}"));
            }
        };
        for (hash, plan) in &self.plans {
            let row = rows.plans.get(hash).and_then(Option::as_ref);
            note(format!("plan {hash}"), row == plan.as_ref(), row.is_some());
        }
        for (key, slot) in &self.subscriptions {
            let row = rows.subscriptions.get(key).and_then(|row| row.state.as_ref());
            let name = format!("subscription {} of {}", key.plan_hash, key.subscriber);
            note(name, row == slot.state.as_ref(), row.is_some());
        }
        for (account, deposit) in &self.deposits {
            let row = rows.deposits.get(account).and_then(Option::as_ref);
            note(format!("deposit of {account}"), row == deposit.as_ref(), row.is_some());
        }
        wrong.into_iter().collect()
    }
}
