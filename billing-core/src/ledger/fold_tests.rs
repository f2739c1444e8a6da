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
    row::Kind,
};
use crate::ids::{AccountId, TransferId};

fn book() -> Book {
    let accounts = (0..ACCOUNTS).map(|number| {
        let own =
            Account { asset: asset(number).to_owned(), limited: limited(number), totals: Totals::default(), latest: 0 };
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
}
