//! A row of `ledger_transfer`, and whether it is what somebody asks for again.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Action, Amount, Movement, Recorded, Refusal, Transfer, written::NewRow};
use crate::ids::{AccountId, TransferId};

/// Code of the rows that holds end with when their time is over.
pub(super) const EXPIRED: &str = "expired";

/// What a row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Posted,
    Pending,
    PostPending,
    VoidPending,
}

impl Kind {
    /// In the order of the database's type.
    pub(super) const fn number(self) -> i16 {
        match self {
            Self::Posted => 0,
            Self::Pending => 1,
            Self::PostPending => 2,
            Self::VoidPending => 3,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Posted => "posted",
            Self::Pending => "pending",
            Self::PostPending => "post_pending",
            Self::VoidPending => "void_pending",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Posted, Self::Pending, Self::PostPending, Self::VoidPending]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: TransferId,
    pub(super) debit: AccountId,
    pub(super) credit: AccountId,
    pub(super) amount: Amount,
    pub(super) kind: Kind,
    /// The hold that it ends or takes from.
    pub(super) hold: Option<TransferId>,
    /// The row that it takes back.
    pub(super) reverses: Option<TransferId>,
    pub(super) timeout_secs: Option<u32>,
    pub(super) partly: bool,
    pub(super) code: String,
    pub(super) reference: Option<String>,
    pub(super) event_at: OffsetDateTime,
    pub(super) created_at: OffsetDateTime,
}

impl Row {
    /// As it is written.
    pub(super) fn as_new(&self) -> NewRow<'_> {
        NewRow {
            id: self.id.0,
            debit: self.debit.0,
            credit: self.credit.0,
            amount: self.amount,
            kind: self.kind.number(),
            hold: self.hold.map(|id| id.0),
            reverses: self.reverses.map(|id| id.0),
            timeout_secs: self.timeout_secs.map(|secs| i32::try_from(secs).unwrap_or(i32::MAX)),
            partly: self.partly,
            code: &self.code,
            reference: self.reference.as_deref(),
            event_at: Some(self.event_at),
        }
    }

    pub(super) const fn recorded(&self, existed: bool) -> Recorded {
        Recorded { id: self.id, amount: self.amount, created_at: self.created_at, existed }
    }

    /// The answer to who asks again for what was written.
    pub(super) fn answers(&self, asked: &Transfer) -> Result<Recorded, Refusal> {
        let event_at = asked.event_at.unwrap_or(self.created_at);
        let common = [
            ("code", self.code == asked.code),
            ("reference", self.reference == asked.reference),
            ("event_at", self.event_at == event_at),
        ];
        let own = match asked.action {
            Action::Post(movement) => {
                [self.is_movement(Kind::Posted, movement), vec![("reverses", self.reverses.is_none())]].concat()
            }
            Action::Hold { movement, timeout_secs, partly } => {
                let same = [("timeout_secs", self.timeout_secs == timeout_secs), ("partly", self.partly == partly)];
                [self.is_movement(Kind::Pending, movement), same.to_vec()].concat()
            }
            Action::Commit { hold, amount, keep_rest } => vec![
                ("kind", self.kind == Kind::PostPending),
                ("hold", self.hold == Some(hold)),
                ("amount", amount.is_none_or(|amount| amount == self.amount)),
                ("keep_rest", self.partly == keep_rest),
            ],
            Action::Release { hold } => {
                vec![("kind", self.kind == Kind::VoidPending), ("hold", self.hold == Some(hold))]
            }
            Action::Reverse { of, amount } => vec![
                ("reverses", self.reverses == Some(of)),
                ("amount", amount.is_none_or(|amount| amount == self.amount)),
            ],
        };
        match own.into_iter().chain(common).find(|(_, same)| !same) {
            Some((field, _)) => Err(Refusal::Differs { id: self.id, field }),
            None => Ok(self.recorded(true)),
        }
    }

    fn is_movement(&self, kind: Kind, movement: Movement) -> Vec<(&'static str, bool)> {
        vec![
            ("kind", self.kind == kind),
            ("debit", self.debit == movement.debit),
            ("credit", self.credit == movement.credit),
            ("amount", self.amount == movement.amount),
        ]
    }
}

/// Id of the row that ends a hold whose time is over: the same whoever writes it, and no version that anybody makes. As
/// `ledger_expiry_id` of the database.
pub(super) fn expiry_id(hold: TransferId) -> TransferId {
    let mut bytes = hold.0.into_bytes();
    bytes[6] = bytes[6] & 0x0f | 0xe0;
    TransferId(Uuid::from_bytes(bytes))
}
