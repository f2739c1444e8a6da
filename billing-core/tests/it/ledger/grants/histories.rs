//! Histories of grants in PostgreSQL beside the model.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use billing_core::ledger::Refusal;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use sqlx::PgPool;
use test_support::Database;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    Amount, TransferId, Verb, asked, balance, begin, given,
    model::{Model, OWNERS, Step, steps},
    spent,
};
use crate::mirror::on_runtime;

#[test]
fn balances_at_any_instant_are_the_models_and_never_change_afterwards() -> Result<()> {
    on_runtime(async {
        let database = Database::new().await;
        let mut runner = TestRunner::deterministic();
        for _ in 0..super::super::world::histories(40) {
            let history = steps().new_tree(&mut runner).expect("a history").current();
            holds_at_every_step(database.pool(), &history).await.with_context(|| format!("{history:#?}"))?;
        }
        Ok(())
    })
}

/// Instants of the model, in the database's time: the model's present begins when the test does.
struct Clock {
    start: OffsetDateTime,
    now: i64,
}

impl Clock {
    fn at(&self, hour: i64) -> OffsetDateTime {
        self.start + Duration::hours(hour - self.now)
    }

    /// After all that happened in that hour.
    fn after(&self, hour: i64) -> OffsetDateTime {
        self.at(hour) + Duration::minutes(30)
    }
}

async fn holds_at_every_step(pool: &PgPool, steps: &[Step]) -> Result<()> {
    begin(pool).await?;
    let mut clock = Clock { start: OffsetDateTime::now_utc().replace_nanosecond(0)?, now: 0 };
    let (mut model, mut known, mut past) = (Model::default(), BTreeMap::new(), BTreeMap::new());
    for step in steps {
        for owner in 0..OWNERS {
            past.insert((owner, model.now), model.balance(owner, model.now));
        }
        let Some((id, verb)) = verb(step, &model, &clock) else {
            model.step(step);
            pass(pool, model.now - clock.now).await?;
            clock.now = model.now;
            continue;
        };
        let answer = asked(pool, &verb).await?;
        if known.contains_key(&id) {
            let same = answer.as_ref().is_ok_and(|answer| answer.existed && Some(&answer.amount) == known.get(&id));
            ensure!(same || matches!(answer, Err(Refusal::Differs { .. })), "{answer:?}");
            continue;
        }
        ensure!(answer.is_ok() == model.step(step), "{step:?} is answered {answer:?}");
        if let Ok(first) = answer {
            known.insert(id, first.amount);
            let again = asked(pool, &verb).await?;
            ensure!(
                again.as_ref().is_ok_and(|again| again.existed && again.amount == first.amount),
                "asked for again, {step:?} is answered {again:?}"
            );
        }
        for owner in 0..OWNERS {
            for hour in [0, 1, 2, 5, 30].map(|more| model.now + more) {
                let there = balance(pool, &owner.to_string(), clock.after(hour)).await?;
                ensure!(
                    there == i64::try_from(model.balance(owner, hour))?,
                    "{owner} has {there} at {hour} after {step:?}"
                );
            }
        }
        what_will_expire_is_what_is_left(pool).await?;
    }
    for ((owner, hour), told) in past.into_iter().filter(|((_, hour), _)| *hour < model.now) {
        let now = balance(pool, &owner.to_string(), clock.after(hour)).await?;
        ensure!(now == i64::try_from(told)?, "{owner} had {told} at {hour}, and now it is said to have been {now}");
    }
    Ok(())
}

/// What is booked ahead on a grant's account of expiry is what the grant has posted.
async fn what_will_expire_is_what_is_left(pool: &PgPool) -> Result<()> {
    let wrong: i64 = sqlx::query_scalar(
        "select count(*) from ledger_grant as g
           join ledger_account as own on own.account_id = g.grant_id
           join ledger_account as expiry on expiry.account_id = g.expiry_account
          where own.credits_posted - own.debits_posted <> expiry.debits_posted - expiry.credits_posted",
    )
    .fetch_one(pool)
    .await?;
    ensure!(wrong == 0, "{wrong} grants have other than what will expire of them");
    Ok(())
}

/// Moves everything into the past.
async fn pass(pool: &PgPool, hours: i64) -> Result<()> {
    let ago = format!("interval '{hours} hours'");
    let statement = format!(
        "set session_replication_role = replica;
         update ledger_hold set expires_at = expires_at - {ago};
         update ledger_grant set effective_at = effective_at - {ago}, expires_at = expires_at - {ago};
         update ledger_transfer set event_at = event_at - {ago}, created_at = created_at - {ago};
         reset session_replication_role"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *pool.acquire().await?).await?;
    Ok(())
}

fn id_of(number: u16) -> TransferId {
    TransferId(Uuid::from_u128(u128::from(number) | 7 << 76))
}

fn amount_of(units: Option<u64>) -> Option<Amount> {
    units.map(Amount::from)
}

/// What is asked for, and by which id; `None` for time that passes.
fn verb(step: &Step, model: &Model, clock: &Clock) -> Option<(u16, Verb)> {
    Some(match *step {
        Step::Give { id, owner, amount, priority, from, lasts, product } => {
            let mut grant = given(&owner.to_string(), amount);
            let effective = from.map(|from| model.now + from);
            (grant.id.0, grant.priority) = (id_of(id).0, priority);
            grant.effective_at = effective.map(|hour| clock.at(hour));
            grant.expires_at = lasts.map(|lasts| clock.at(effective.unwrap_or(model.now) + lasts));
            grant.applies_to = product.iter().map(ToString::to_string).collect();
            (id, Verb::Give(grant))
        }
        Step::Spend { id, owner, amount, product, hold } => {
            let mut spend = spent(&owner.to_string(), amount);
            (spend.id, spend.product) = (id_of(id), product.map(|product| product.to_string()));
            let timeout = hold
                .map(|(hours, partly)| super::Timeout { secs: (hours > 0).then(|| u32::from(hours) * 3_600), partly });
            (id, timeout.map_or_else(|| Verb::Spend(spend.clone()), |timeout| Verb::Hold(spend.clone(), timeout)))
        }
        Step::Commit { id, hold, amount, keep_rest } => {
            (id, Verb::Commit { id: id_of(id), hold: id_of(hold), amount: amount_of(amount), keep_rest })
        }
        Step::Release { id, hold } => (id, Verb::Release { id: id_of(id), hold: id_of(hold) }),
        Step::Refund { id, of, amount } => {
            (id, Verb::Refund { id: id_of(id), of: id_of(of), amount: amount_of(amount) })
        }
        Step::Revoke { id, grant, amount } => {
            let grant = super::GrantId(id_of(grant).0);
            (id, Verb::Revoke { id: id_of(id), grant, amount: amount_of(amount) })
        }
        Step::Wait { .. } => return None,
    })
}
