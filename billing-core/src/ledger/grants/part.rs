//! A verb over several grants is several transfers, its parts: their ids follow from the verb's.

use time::OffsetDateTime;

use super::super::{AccountId, Amount, Ended, TransferId, chart::named, row::Kind};
use crate::ids::GrantId;

/// A transfer of a verb, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) id: TransferId,
    pub(super) debit: AccountId,
    pub(super) credit: AccountId,
    pub(super) amount: Amount,
    pub(super) kind: Kind,
    pub(super) code: String,
    pub(super) reference: Option<String>,
    pub(super) created_at: OffsetDateTime,
    pub(super) timeout_secs: Option<u32>,
    pub(super) partly: bool,
    /// The hold that it ends, or takes from.
    pub(super) ends: Option<TransferId>,
    pub(super) reverses: Option<TransferId>,
    /// Of one that is taken from a grant: whose that is.
    pub(super) owner: Option<String>,
    /// Not taken back yet.
    pub(super) left: Amount,
    /// Of a hold: what is still held, and how it ended.
    pub(super) held: Option<(Amount, Option<Ended>)>,
    /// Of one that is taken from a grant: where and when that expires.
    pub(super) expiry: Option<Expiry>,
}

/// Where a grant's expiry is booked ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expiry {
    pub(super) account: AccountId,
    /// Where what expires goes.
    pub(super) breakage: AccountId,
    /// `None`: it is over.
    pub(super) at: Option<OffsetDateTime>,
}

/// Id of the `number`th part; the first one's is the verb's own.
pub(super) fn part_id(verb: TransferId, number: usize) -> TransferId {
    if number == 0 { verb } else { TransferId(named(&["part", &verb.0.to_string(), &number.to_string()])) }
}

impl GrantId {
    /// The transfer that brought the money for it, of one that was bought.
    #[must_use]
    pub fn paid_transfer(self) -> TransferId {
        part_id(self.transfer(), 1)
    }
}

/// Id of the transfer that books, for a part, what will expire no more, or what will expire again.
pub(super) fn expiry_id_of(part: TransferId) -> TransferId {
    TransferId(named(&["expiry", &part.0.to_string()]))
}
