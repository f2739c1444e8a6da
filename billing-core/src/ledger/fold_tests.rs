//! Random histories of all transfers beside the model.

#[path = "../../tests/it/ledger/model.rs"]
mod model;

use std::collections::HashMap;

use model::{ACCOUNTS, Model, Step, account, asset, limited, steps, transfer};
use proptest::prelude::*;
use time::{Duration, OffsetDateTime};

use super::{
    Action, Amount, Ended, Limited, Movement, Refusal, Totals, Transfer,
    fold::{Account, Book},
    plain::{ended, plainly},
    row::Kind,
    written::{AccountChange, HoldChange, Written},
};
use crate::ids::{AccountId, TransferId};

fn book() -> Book {
    let accounts = (0..ACCOUNTS).map(|number| {
        let own = Account {
            asset: asset(number).to_owned(),
            limited: limited(number),
            totals: Totals::default(),
            locked: Totals::default(),
        };
        (account(number), own)
    });
    Book {
        accounts: accounts.collect(),
        holds: HashMap::new(),
        moved: HashMap::new(),
        known: HashMap::new(),
        now: at(0),
        written: Vec::new(),
    }
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds)
}

fn totals(book: &Book) -> Vec<[u128; 4]> {
    let of = |number| {
        let Totals { debits_pending, debits_posted, credits_pending, credits_posted } =
            book.accounts[&account(number)].totals;
        [debits_pending, debits_posted, credits_pending, credits_posted].map(Amount::units)
    };
    (0..ACCOUNTS).map(of).collect()
}

/// In each asset, what is taken and held is put and awaited somewhere.
fn assert_balanced(book: &Book) {
    for asset in ["credits", "RUB"] {
        let mut sums = [0; 4];
        for account in book.accounts.values().filter(|account| account.asset == asset) {
            let totals = account.totals;
            let four = [totals.debits_pending, totals.debits_posted, totals.credits_pending, totals.credits_posted];
            sums.iter_mut().zip(four).for_each(|(sum, total)| *sum += total.units());
        }
        assert_eq!((sums[0], sums[1]), (sums[2], sums[3]), "{asset}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn after_any_history_the_totals_are_the_models(steps in steps()) {
        let (mut book, mut model) = (book(), Model::default());
        for step in &steps {
            if let Step::Wait { seconds } = step {
                model.now += i64::from(*seconds);
                book.now = at(model.now);
            }
            model.expire();
            book.expire();
            let Some(transfer) = transfer(step) else { continue };
            let before = (totals(&book), book.written.len());
            let known = book.known.get(&transfer.id).cloned();
            let answer = book.post_linked(std::slice::from_ref(&transfer)).remove(0);
            if let Some(known) = known {
                prop_assert_eq!((totals(&book), book.written.len()), before);
                let same = answer.as_ref().is_ok_and(|answer| answer.existed && answer.created_at == known.created_at);
                prop_assert!(same || matches!(answer, Err(Refusal::Differs { .. })), "{:?}", answer);
                continue;
            }
            prop_assert_eq!(answer.is_ok(), model.step(step), "{:?} is answered {:?}", step, answer);
            if answer.is_err() {
                prop_assert_eq!((totals(&book), book.written.len()), before);
            }
            prop_assert_eq!(totals(&book), (0..ACCOUNTS).map(|number| model.totals(number)).collect::<Vec<_>>());
            assert_balanced(&book);
        }
        let ends = book.written.iter().filter(|row| row.kind == Kind::VoidPending || row.kind == Kind::PostPending && !row.partly);
        let mut ended: Vec<_> = ends.map(|row| row.hold).collect();
        let count = ended.len();
        ended.sort_unstable();
        ended.dedup();
        prop_assert_eq!(ended.len(), count, "a hold ended twice");
    }

    #[test]
    fn linked_transfers_are_written_whole_or_not_at_all(first in steps(), linked in prop::collection::vec(steps(), 1..4)) {
        let mut book = book();
        for transfer in first.iter().filter_map(transfer) {
            book.post_linked(std::slice::from_ref(&transfer));
        }
        for batch in linked {
            let mut seen = std::collections::BTreeSet::new();
            let batch: Vec<Transfer> =
                batch.iter().filter_map(transfer).filter(|transfer| seen.insert(transfer.id)).take(6).collect();
            let before = (totals(&book), book.written.len(), book.known.len(), book.holds.clone());
            let answers = book.post_linked(&batch);
            prop_assert_eq!(answers.len(), batch.len());
            if answers.iter().any(Result::is_err) {
                prop_assert_eq!((totals(&book), book.written.len(), book.known.len(), book.holds.clone()), before);
                prop_assert_eq!(answers.iter().filter(|answer| !matches!(answer, Err(Refusal::Linked))).count(), 1);
            }
            assert_balanced(&book);
        }
    }

    /// What is written without a look at the accounts is what the fold makes of them, or nothing.
    #[test]
    fn a_batch_that_nothing_is_in_the_way_of_is_what_the_fold_makes_of_it(first in steps(), second in new_ones()) {
        let mut book = book();
        for transfer in first.iter().filter_map(transfer) {
            book.post_linked(std::slice::from_ref(&transfer));
        }
        // As it is read: what is there is not there for the first time.
        book.holds.values_mut().for_each(|hold| hold.at_first = hold.remaining);
        book.accounts.values_mut().for_each(|account| account.locked = account.totals);
        book.written.clear();
        let batch: Vec<Transfer> = second.iter().filter_map(transfer).collect();
        let named = ended(&[&batch]).into_iter().filter_map(|id| Some((id, *book.holds.get(&id)?))).collect();
        let Some(written) = plainly(&[&batch], named) else { return Ok(()) };
        let accepted = is_accepted(&book, &written);
        let answers = book.post_linked(&batch);
        prop_assert_eq!(accepted, answers.iter().all(Result::is_ok), "{:?} is answered {:?}", batch, answers);
        if accepted {
            let folded = Written::from(&book);
            prop_assert_eq!(written.rows.len(), batch.len());
            for (id, change) in &written.accounts {
                prop_assert_eq!(change.totals(), folded.accounts[id].totals());
            }
            prop_assert_eq!(&written.holds, &folded.holds);
        }
    }
}

/// A few with ids of their own between accounts of one asset, in sums that one may leave for the next; and ends of holds.
fn new_ones() -> impl Strategy<Value = Vec<Step>> {
    let movement = (0..6_u8, 0..6_u8, 1..30_u16, any::<bool>());
    let one = (movement, 0..120_u64, any::<bool>(), 0..4_u8).prop_map(
        |((debit, credit, amount, hold), held, partly, what)| {
            let id = 5_000;
            match what {
                0 => Step::Commit { id, hold: held, amount: partly.then_some(amount), keep_rest: hold },
                1 => Step::Release { id, hold: held },
                _ => Step::Move { id, debit, credit, amount, hold, partly, timeout: 0 },
            }
        },
    );
    prop::collection::vec(one, 1..5).prop_map(|mut few| {
        for (number, step) in (0..).zip(&mut few) {
            let (Step::Move { id, .. } | Step::Commit { id, .. } | Step::Release { id, .. }) = step else { continue };
            *id += number;
        }
        few
    })
}

/// What `ledger_write` looks at.
fn is_accepted(book: &Book, written: &Written<'_>) -> bool {
    let one_asset = written.rows.iter().all(|row| {
        let asset = |id| book.accounts.get(&AccountId(id)).map(|account| account.asset.as_str());
        asset(row.debit).is_some() && asset(row.debit) == asset(row.credit)
    });
    let has_room = written.accounts.iter().all(|(id, change)| {
        let account = &book.accounts[id];
        let [debits_pending, debits_posted, credits_pending, credits_posted] = change.totals();
        let number = |total: Amount, more: super::Net| super::Net::from(total) + more;
        let own = &account.totals;
        let (held, taken) = (number(own.debits_pending, debits_pending), number(own.debits_posted, debits_posted));
        let (awaited, put) = (number(own.credits_pending, credits_pending), number(own.credits_posted, credits_posted));
        let (debit_room, credit_room) = AccountChange::from((id, change)).rooms();
        let left = |side| super::Net::from(own.available(side));
        match account.limited {
            Some(Limited::Debits) => put >= taken + held && debit_room.is_none_or(|room| left(Limited::Debits) >= room),
            Some(Limited::Credits) => {
                taken >= put + awaited && credit_room.is_none_or(|room| left(Limited::Credits) >= room)
            }
            None => true,
        }
    });
    let as_read = |(id, change): (&TransferId, &HoldChange)| {
        book.holds.get(id).is_some_and(|hold| hold.remaining == change.before && hold.ended.is_none())
    };
    one_asset && has_room && written.holds.iter().all(as_read)
}
