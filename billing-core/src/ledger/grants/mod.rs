//! Grants: credits for somebody to spend, each on its own terms, and the verbs that spend them.
//!
//! Each grant is an account. It is spent by priority, expiry, id, from several at once in one linked batch. What expires is
//! booked ahead when it is given, on an account beside it, at the instant of its expiry: a use books as much back, a refund
//! books it again. So what somebody has at any instant is a sum over transfers by event time, and no job can be late.
//!
//! Lock order: grants first, by id; then accounts, by id. What is read here is locked.

mod consume;
mod give;
mod grant_repo;
mod holding;
mod part;
mod spend;
mod take_back;
mod terms;

use sqlx::PgConnection;

pub use give::{Paid, grant, top_up};
pub use holding::{Holding, holdings};
pub use spend::{Spend, Timeout, commit, hold, release, spend};
pub use take_back::{refund, revocable, revoke};
pub use terms::{Category, Cost, NewGrant};

use self::part::{Expiry, Part, part_id};
use super::{Action, Amount, Answer, LedgerError, Movement, Recorded, Refusal, Transfer, TransferId, row::Kind};

/// Parts of one verb that are read at once.
const AT_ONCE: usize = 16;

/// All parts of a verb that are written.
async fn parts_of(conn: &mut PgConnection, verb: TransferId) -> Result<Vec<Part>, LedgerError> {
    let mut parts = Vec::new();
    loop {
        let ids: Vec<_> = (parts.len()..parts.len() + AT_ONCE).map(|number| part_id(verb, number)).collect();
        let found = grant_repo::parts(conn, &ids).await?;
        let last = found.len() < AT_ONCE;
        parts.extend(found);
        if last {
            return Ok(parts);
        }
    }
}

/// What a verb has in common: what it is called by, and what it belongs to.
#[derive(Clone, Copy, Debug)]
struct Verb<'a> {
    id: TransferId,
    code: &'static str,
    reference: Option<&'a str>,
}

impl Verb<'_> {
    /// The answer to who asks again for what is written; `None`: nothing is. `amount` is what of the kinds is asked for, where that
    /// is said; `same` what else must be the same.
    fn again(
        &self,
        parts: &[Part],
        kinds: &[Kind],
        amount: Option<Amount>,
        same: &[(&'static str, bool)],
    ) -> Option<Answer> {
        let first = parts.first()?;
        let written = consume::total(parts.iter().filter(|part| kinds.contains(&part.kind)).map(|part| part.amount));
        let common = [
            ("code", first.code == self.code),
            ("reference", first.reference.as_deref() == self.reference),
            ("amount", amount.is_none_or(|amount| amount == written)),
        ];
        let differs = common.iter().chain(same).find(|(_, same)| !same);
        Some(match differs {
            Some((field, _)) => Err(Refusal::Differs { id: self.id, field }),
            None => Ok(Recorded { id: self.id, amount: written, created_at: first.created_at, existed: true }),
        })
    }

    fn part(&self, number: usize, action: Action) -> Transfer {
        self.transfer(part_id(self.id, number), action, self.code)
    }

    /// What a part changes of what is booked ahead to expire: `again` of it will, or it will not.
    fn expiry(&self, part: TransferId, expiry: Expiry, amount: Amount, again: bool) -> Transfer {
        let (debit, credit) = if again { (expiry.account, expiry.breakage) } else { (expiry.breakage, expiry.account) };
        let id = part::expiry_id_of(part);
        let transfer = self.transfer(id, Action::Post(Movement { debit, credit, amount }), "expiry");
        // What is over stays over: then it counts from now on.
        Transfer { event_at: expiry.at, ..transfer }
    }

    fn transfer(&self, id: TransferId, action: Action, code: &str) -> Transfer {
        let reference = self.reference.map(str::to_owned);
        Transfer { id, action, code: code.to_owned(), reference, event_at: None }
    }

    /// Posts a batch, of which it answers the sum of `counted`.
    async fn post(&self, conn: &mut PgConnection, batch: &[Transfer], counted: Amount) -> Result<Answer, LedgerError> {
        let answers = super::post_in_tx(conn, &[batch]).await?;
        let mut first = None;
        for answer in answers.into_iter().flatten() {
            match answer {
                Ok(recorded) => first = first.or(Some(recorded)),
                Err(Refusal::Linked) => {}
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        Ok(first.map(|first| Recorded { amount: counted, ..first }).ok_or(Refusal::Nothing))
    }
}
