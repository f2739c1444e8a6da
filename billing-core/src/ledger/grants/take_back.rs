//! Taking back: what was spent, for the customer; what was given, for the house.

use sqlx::PgConnection;

use super::{
    super::{Action, Amount, Answer, LedgerError, Refusal, Transfer, TransferId, row::Kind},
    Part, Verb,
    consume::{take, total},
    grant_repo,
    part::part_id,
    parts_of,
};
use crate::ids::GrantId;

/// Gives back what a spend or a commit took, in the caller's transaction: `amount` of it, or all that was not given back yet. It goes
/// to the grants that it was taken from, the last one first, and can be spent again as long as they can; what a grant gets
/// after its expiry expires at once.
///
/// # Errors
/// The database's; then the caller's transaction is lost.
pub async fn refund(
    conn: &mut PgConnection,
    id: TransferId,
    of: TransferId,
    amount: Option<Amount>,
    reference: Option<&str>,
) -> Result<Answer, LedgerError> {
    let verb = Verb { id, code: "refund", reference };
    let spent = parts_of(conn, of).await?;
    let grants: Vec<_> = spent.iter().map(|part| part.debit).collect();
    grant_repo::lock(conn, &grants).await?;
    let known = parts_of(conn, id).await?;
    let is_of = known.iter().all(|part| spent.iter().any(|spent| part.reverses == Some(spent.id)));
    if let Some(answer) = verb.again(&known, &[Kind::Posted], amount, &[("of", is_of)]) {
        return Ok(answer);
    }
    let mut open = parts_of(conn, of).await?;
    // What was not taken from a grant is none of this: a grant is taken back by revoking it.
    open.retain(|part| part.owner.is_some() && matches!(part.kind, Kind::Posted | Kind::PostPending));
    open.reverse();
    let left = total(open.iter().map(|part| part.left));
    let asked = amount.unwrap_or(left);
    if open.is_empty() {
        return Ok(Err(Refusal::NoTransfer(of)));
    }
    let taken = take(open.iter().map(|part| part.left), asked).filter(|taken| !taken.is_empty());
    let Some(taken) = taken else { return Ok(Err(Refusal::ExceedsTransfer { of, left, asked })) };
    let mut batch = Vec::new();
    for (number, (place, amount)) in taken.iter().enumerate() {
        let Part { id: part, expiry, .. } = &open[*place];
        batch.push(verb.part(number, Action::Reverse { of: *part, amount: Some(*amount) }));
        batch.extend(expiry.map(|expiry| verb.expiry(part_id(id, number), expiry, *amount, true)));
    }
    let answer = verb.post(conn, &batch, asked).await?;
    grant_repo::note_spent(conn, &grants).await?;
    Ok(answer)
}

/// Takes a grant back, in the caller's transaction: `amount` of it, or all that is neither spent nor held. What is spent stays
/// spent.
///
/// # Errors
/// As [`refund`].
pub async fn revoke(
    conn: &mut PgConnection,
    id: TransferId,
    grant: GrantId,
    amount: Option<Amount>,
    reference: Option<&str>,
) -> Result<Answer, LedgerError> {
    let verb = Verb { id, code: "revoke", reference };
    grant_repo::lock(conn, &[grant.account()]).await?;
    let known = parts_of(conn, id).await?;
    let is_of = known.first().is_some_and(|part| part.reverses == Some(grant.transfer()));
    if let Some(answer) = verb.again(&known, &[Kind::Posted], amount, &[("grant", is_of)]) {
        return Ok(answer);
    }
    let Some(there) = grant_repo::revocable(conn, grant).await? else {
        return Ok(Err(Refusal::NoTransfer(grant.transfer())));
    };
    let asked = amount.unwrap_or(there.available);
    if asked == Amount::ZERO || asked > there.available {
        return Ok(Err(Refusal::NotEnough { available: there.available, asked }));
    }
    let back = verb.part(0, Action::Reverse { of: grant.transfer(), amount: Some(asked) });
    let mut batch = vec![Transfer { event_at: there.effective_at, ..back }];
    batch.extend(there.expiry.map(|expiry| verb.expiry(id, expiry, asked, false)));
    let answer = verb.post(conn, &batch, asked).await?;
    grant_repo::note_spent(conn, &[grant.account()]).await?;
    Ok(answer)
}

/// What [`revoke`] could take back now, in the caller's transaction, in which it stays so.
///
/// # Errors
/// The database's.
pub async fn revocable(conn: &mut PgConnection, grant: GrantId) -> Result<Amount, LedgerError> {
    grant_repo::lock(conn, &[grant.account()]).await?;
    Ok(grant_repo::revocable(conn, grant).await?.map_or(Amount::ZERO, |there| there.available))
}
