//! What a batch writes, and what must be so for it to be written: the arguments of `ledger_write`.

use std::collections::BTreeMap;

use sqlx::{
    Postgres, Type,
    postgres::{PgHasArrayType, PgTypeInfo},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Amount, Ended, Net,
    fold::{Book, Hold},
    row::{Kind, Row},
};
use crate::ids::{AccountId, TransferId};

/// All of it, in the order of its transfers.
#[derive(Debug)]
pub(super) struct Written<'a> {
    pub(super) rows: Vec<NewRow<'a>>,
    pub(super) accounts: BTreeMap<AccountId, Change>,
    pub(super) holds: BTreeMap<TransferId, HoldChange>,
    /// The database's, since the accounts were locked; `None`: nobody locked them.
    pub(super) clock: Option<OffsetDateTime>,
}

/// A row of `ledger_transfer` that is not there yet.
#[derive(Clone, Copy, Debug, sqlx::Encode)]
pub(super) struct NewRow<'a> {
    pub(super) id: Uuid,
    pub(super) debit: Uuid,
    pub(super) credit: Uuid,
    pub(super) amount: Amount,
    pub(super) kind: i16,
    pub(super) hold: Option<Uuid>,
    pub(super) reverses: Option<Uuid>,
    pub(super) timeout_secs: Option<i32>,
    pub(super) partly: bool,
    pub(super) code: &'a str,
    pub(super) reference: Option<&'a str>,
    /// `None`: now.
    pub(super) event_at: Option<OffsetDateTime>,
}

/// What becomes of an account's totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) debits_pending: Net,
    pub(super) debits_posted: Net,
    pub(super) credits_pending: Net,
    pub(super) credits_posted: Net,
    /// How much must be left before all of it where the debits are limited; no less than the totals take.
    debit_room: Net,
    /// The same where the credits are.
    credit_room: Net,
}

impl Change {
    /// Of debits pending and posted, and of credits.
    #[cfg(test)]
    pub(super) const fn totals(&self) -> [Net; 4] {
        [self.debits_pending, self.debits_posted, self.credits_pending, self.credits_posted]
    }

    /// What the debits leave, where they are limited.
    fn debits_left(&self) -> Net {
        self.credits_posted - self.debits_posted - self.debits_pending
    }

    /// What the credits leave, where they are limited.
    fn credits_left(&self) -> Net {
        self.debits_posted - self.credits_posted - self.credits_pending
    }

    /// Something is taken or held, for which there must be room in its turn.
    pub(super) fn debit(&mut self, amount: Amount, kind: Kind) {
        let asked = Net::from(amount);
        self.debit_room = self.debit_room.max(asked - self.debits_left());
        let total = if kind == Kind::Pending { &mut self.debits_pending } else { &mut self.debits_posted };
        *total = *total + asked;
    }

    /// Something is put or awaited, for which there must be room in its turn.
    pub(super) fn credit(&mut self, amount: Amount, kind: Kind) {
        let asked = Net::from(amount);
        self.credit_room = self.credit_room.max(asked - self.credits_left());
        let total = if kind == Kind::Pending { &mut self.credits_pending } else { &mut self.credits_posted };
        *total = *total + asked;
    }

    /// Of what is held `gone` is no longer, of which `taken` is taken.
    pub(super) fn end_debit(&mut self, gone: Amount, taken: Amount) {
        self.debits_pending = self.debits_pending - gone.into();
        self.debits_posted = self.debits_posted + taken.into();
    }

    /// The same of what is awaited.
    pub(super) fn end_credit(&mut self, gone: Amount, taken: Amount) {
        self.credits_pending = self.credits_pending - gone.into();
        self.credits_posted = self.credits_posted + taken.into();
    }
}

/// What becomes of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HoldChange {
    /// What must be left of it before.
    pub(super) before: Amount,
    pub(super) remaining: Amount,
    pub(super) ended: Option<Ended>,
}

impl HoldChange {
    pub(super) const fn of(hold: &Hold) -> Self {
        Self { before: hold.at_first, remaining: hold.remaining, ended: hold.ended }
    }
}

/// What was made of accounts that are locked: there is room.
impl<'a> From<&'a Book> for Written<'a> {
    fn from(book: &'a Book) -> Self {
        let touched = book.written.iter().flat_map(|row| [row.debit, row.credit]);
        let account = |id: AccountId| {
            let (now, locked) = (&book.accounts[&id].totals, &book.accounts[&id].locked);
            let change = Change {
                debits_pending: Net::from(now.debits_pending) - locked.debits_pending.into(),
                debits_posted: Net::from(now.debits_posted) - locked.debits_posted.into(),
                credits_pending: Net::from(now.credits_pending) - locked.credits_pending.into(),
                credits_posted: Net::from(now.credits_posted) - locked.credits_posted.into(),
                ..Change::default()
            };
            (id, change)
        };
        let ended = book.written.iter().filter_map(|row| row.hold);
        Self {
            rows: book.written.iter().map(Row::as_new).collect(),
            accounts: touched.map(account).collect(),
            holds: ended.map(|id| (id, HoldChange::of(&book.holds[&id]))).collect(),
            clock: Some(book.now),
        }
    }
}

/// [`Change`] with its account, as the database reads it.
#[derive(Clone, Copy, Debug, sqlx::Encode)]
pub(super) struct AccountChange {
    account: Uuid,
    debits_pending: Net,
    debits_posted: Net,
    credits_pending: Net,
    credits_posted: Net,
    /// `None`: the totals after it say so, by the accounts' own constraint.
    debit_room: Option<Net>,
    credit_room: Option<Net>,
}

#[cfg(test)]
impl AccountChange {
    /// What debits and credits must leave before.
    pub(super) const fn rooms(&self) -> (Option<Net>, Option<Net>) {
        (self.debit_room, self.credit_room)
    }
}

impl From<(&AccountId, &Change)> for AccountChange {
    fn from((account, change): (&AccountId, &Change)) -> Self {
        Self {
            account: account.0,
            debits_pending: change.debits_pending,
            debits_posted: change.debits_posted,
            credits_pending: change.credits_pending,
            credits_posted: change.credits_posted,
            debit_room: (change.debit_room > -change.debits_left()).then_some(change.debit_room),
            credit_room: (change.credit_room > -change.credits_left()).then_some(change.credit_room),
        }
    }
}

/// [`HoldChange`] with its hold, as the database reads it.
#[derive(Clone, Copy, Debug, sqlx::Encode)]
pub(super) struct EndedHold {
    hold: Uuid,
    before: Amount,
    remaining: Amount,
    ended: Option<&'static str>,
}

impl From<(&TransferId, &HoldChange)> for EndedHold {
    fn from((hold, change): (&TransferId, &HoldChange)) -> Self {
        let HoldChange { before, remaining, ended } = *change;
        Self { hold: hold.0, before, remaining, ended: ended.map(Ended::as_str) }
    }
}

/// The composite types of the database that they are.
macro_rules! composites {
    ($($written:ty: $name:literal;)*) => { $(
        impl Type<Postgres> for $written {
            fn type_info() -> PgTypeInfo {
                PgTypeInfo::with_name($name)
            }
        }

        impl PgHasArrayType for $written {
            fn array_type_info() -> PgTypeInfo {
                PgTypeInfo::array_of($name)
            }
        }
    )* };
}

composites! {
    NewRow<'_>: "ledger_new_transfer";
    AccountChange: "ledger_account_change";
    EndedHold: "ledger_hold_change";
}
