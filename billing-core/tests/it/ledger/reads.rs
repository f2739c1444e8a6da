//! What accounts have, beside the sums of a list.

use anyhow::{Context, Result, ensure};
use billing_core::ledger::{self, Balance, By, Net, StatementCursor};
use sqlx::PgPool;
use test_support::Database;
use time::{Duration, OffsetDateTime};

use super::{
    AccountId, Action, Amount, Movement, Transfer,
    history::{BEGIN, Change, changes, histories, open, seal_all, spread, sums, write},
    model::{ACCOUNTS, account, asset},
    world::{accounts, asked, commit, held, moved, post, release},
};

fn read(balance: &Balance) -> [i128; 3] {
    [balance.posted, balance.pending_out, balance.pending_in].map(Net::units)
}

/// Some at random, and each instant at which something happened, and the microsecond before.
fn instants(changes: &[Change]) -> Vec<OffsetDateTime> {
    let exact = changes.iter().step_by(1 + changes.len() / 6).flat_map(|change| [change.event_at, change.created_at]);
    let exact: Vec<_> = exact.collect();
    let before = exact.iter().map(|at| *at - Duration::MICROSECOND);
    let drawn = (0..9).map(|number| BEGIN + Duration::seconds(number * 7_919_317 % 700_000));
    before.chain(drawn).chain(exact.iter().copied()).collect()
}

async fn balances_are_those_of_the_list(pool: &PgPool) -> Result<()> {
    let changes = changes(pool).await?;
    let mut conn = pool.acquire().await?;
    for id in (0..ACCOUNTS).map(account) {
        let of: Vec<&Change> = changes.iter().filter(|change| change.account == id).collect();
        for by in [By::Booking, By::Event] {
            for instant in instants(&changes) {
                let balance = ledger::balance_at(&mut conn, id, instant, by).await?.context("the account")?;
                let expected = sums(of.iter().copied().filter(|change| change.at(by) <= instant));
                ensure!(read(&balance) == expected, "{id} at {instant} by {by:?}: {balance:?}, {expected:?}");
            }
        }
        let balance = ledger::balance(&mut conn, id).await?.context("the account")?;
        ensure!(read(&balance) == sums(of.iter().copied()), "{id} now: {balance:?}");
    }
    Ok(())
}

async fn statements_are_the_list_from_its_end(pool: &PgPool, lines: i64) -> Result<()> {
    let changes = changes(pool).await?;
    let mut conn = pool.acquire().await?;
    for id in (0..ACCOUNTS).map(account) {
        let mut balance = 0;
        let of = changes.iter().filter(|change| change.account == id);
        let mut expected: Vec<_> = of
            .map(|change| {
                balance += change.posted;
                (
                    change.position,
                    change.id,
                    change.other,
                    change.posted,
                    change.pending_out,
                    change.pending_in,
                    balance,
                )
            })
            .collect();
        expected.reverse();
        let (mut from, mut found) = (None::<StatementCursor>, Vec::new());
        loop {
            let page = ledger::statement(&mut conn, id, from, lines).await?.context("the account")?;
            ensure!(page.lines.len() <= usize::try_from(lines)?, "a long page");
            found.extend(page.lines.iter().map(|line| {
                let [posted, out, into, balance] =
                    [line.posted, line.pending_out, line.pending_in, line.balance].map(Net::units);
                (line.position, line.id.0, line.other, posted, out, into, balance)
            }));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        ensure!(found == expected, "{id}: {found:#?} {expected:#?}");
    }
    Ok(())
}

/// Not sealed, sealed to some place within, and to the end; what comes late after that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn balances_and_statements_are_those_of_the_list_whatever_is_sealed() -> Result<()> {
    for history in histories(5) {
        let database = Database::new().await;
        let pool = database.pool();
        open(pool).await?;
        write(pool, &history, true).await?;
        spread(pool).await?;
        balances_are_those_of_the_list(pool).await?;
        statements_are_the_list_from_its_end(pool, 4).await?;
        seal_all(pool, 50).await?;
        balances_are_those_of_the_list(pool).await?;
        statements_are_the_list_from_its_end(pool, 7).await?;
        let late = Transfer { event_at: Some(BEGIN - Duration::days(40)), ..moved(account(3), account(0), 5) };
        post(pool, &late).await??;
        balances_are_those_of_the_list(pool).await?;
        seal_all(pool, 50).await?;
        balances_are_those_of_the_list(pool).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_trial_balance_is_even_and_owners_have_what_their_accounts_have() -> Result<()> {
    for history in histories(4) {
        let database = Database::new().await;
        let mut conn = database.pool().acquire().await?;
        open(database.pool()).await?;
        write(database.pool(), &history, false).await?;
        let changes = changes(database.pool()).await?;
        for named in ["credits", "RUB"] {
            let lines = ledger::trial_balance(&mut conn).await?;
            let of = |what: fn(&ledger::TrialLine) -> Net| {
                lines.iter().filter(|line| line.asset == named).map(|line| what(line).units()).sum::<i128>()
            };
            assert_eq!(of(|line| line.debits_posted), of(|line| line.credits_posted));
            assert_eq!(of(|line| line.debits_pending), of(|line| line.credits_pending));
            let own = |number: &u8| number.is_multiple_of(2) && asset(*number) == named;
            let own: Vec<AccountId> = (0..ACCOUNTS).filter(own).map(account).collect();
            let expected = sums(changes.iter().filter(|change| own.contains(&change.account)));
            let balances = ledger::owner_balances(&mut conn, "app").await?;
            let balance = balances.iter().find(|balance| balance.asset == named).context("the owner's")?;
            let found = [balance.posted, balance.pending_out, balance.pending_in].map(Net::units);
            assert_eq!((found, balance.accounts), (expected, i64::try_from(own.len())?));
        }
        let open_holds = ledger::open_holds_of_owner(&mut conn, "app", 1_000).await?;
        let held: u128 = open_holds.iter().map(|hold| hold.remaining.units()).sum();
        let own = changes.iter().filter(|change| change.account.0.as_u128() % 2 == 0);
        assert_eq!(i128::try_from(held)?, own.map(|change| change.pending_out).sum::<i128>());
    }
    Ok(())
}

#[tokio::test]
async fn holds_are_open_until_they_end_or_their_time_is_over() -> Result<()> {
    let database = Database::new().await;
    let pool = database.pool();
    let (customers, house) = accounts(pool, 1).await?;
    let mut conn = pool.acquire().await?;
    post(pool, &moved(house, customers[0], 100)).await??;
    let (parts, given_back) = (held(customers[0], house, 30, true), held(customers[0], house, 20, false));
    let movement = Movement { debit: customers[0], credit: house, amount: Amount::from(10) };
    let short = asked(Action::Hold { movement, timeout_secs: Some(1), partly: false });
    let forever = asked(Action::Hold { movement, timeout_secs: None, partly: false });
    for transfer in [&parts, &given_back, &short, &forever, &commit(&parts, 5, true), &release(&given_back)] {
        post(pool, transfer).await??;
    }
    let ids = |holds: &[ledger::OpenHold]| holds.iter().map(|hold| hold.id).collect::<Vec<_>>();
    let open = ledger::open_holds(&mut conn, customers[0], 10).await?;
    assert_eq!(ids(&open), [short.id, parts.id, forever.id]);
    assert_eq!((open[1].remaining, open[2].expires_at), (Amount::from(25), None));
    let balance = ledger::balance(&mut conn, customers[0]).await?.context("the account")?;
    assert_eq!((balance.posted.units(), balance.available().units()), (95, 50));

    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(ids(&ledger::open_holds(&mut conn, customers[0], 10).await?), [parts.id, forever.id]);
    let balance = ledger::balance(&mut conn, customers[0]).await?.context("the account")?;
    assert_eq!(balance.available().units(), 60);
    assert_eq!(ledger::sweep(pool, 10).await?, 1);
    assert_eq!(ledger::balance(&mut conn, customers[0]).await?, Some(balance));
    seal_all(pool, 10).await?;
    assert_eq!(ledger::verify(pool, |_| {}).await?.differences, vec![]);
    assert_eq!(ledger::balance(&mut conn, AccountId::new()).await?, None);
    Ok(())
}

#[tokio::test]
async fn what_cancels_out_under_one_reference_is_explained() -> Result<()> {
    let database = Database::new().await;
    let pool = database.pool();
    let (_, house) = accounts(pool, 0).await?;
    let (_, suspense) = accounts(pool, 0).await?;
    let mut conn = pool.acquire().await?;
    let nothing = ledger::explained(&mut conn, suspense).await?.context("the account")?;
    assert_eq!((nothing.volume, nothing.share_bps, nothing.oldest_age_secs), (Net::ZERO, None, None));
    let long_ago = OffsetDateTime::now_utc() - Duration::hours(5);
    for (reference, debit, credit, amount) in [
        (Some("first"), house, suspense, 6),
        (Some("first"), suspense, house, 4),
        (Some("second"), house, suspense, 7),
        (None, house, suspense, 3),
        (None, suspense, house, 3),
        (Some("first"), suspense, house, 2),
    ] {
        let reference = reference.map(str::to_owned);
        post(pool, &Transfer { reference, event_at: Some(long_ago), ..moved(debit, credit, amount) }).await??;
        let read = ledger::explained(&mut conn, suspense).await?.context("the account")?;
        seal_all(pool, 2).await?;
        let sealed = ledger::explained(&mut conn, suspense).await?.context("the account")?;
        assert_eq!((read.volume, read.explained, read.open_net), (sealed.volume, sealed.explained, sealed.open_net));
    }
    let explained = ledger::explained(&mut conn, suspense).await?.context("the account")?;
    assert_eq!((explained.volume.units(), explained.explained.units(), explained.share_bps), (25, 12, Some(4_800)));
    assert_eq!((explained.open, explained.open_net.units()), (3, 7));
    assert!(explained.oldest_age_secs.is_some_and(|secs| (18_000..18_100).contains(&secs)), "{explained:?}");
    Ok(())
}
