//! Spending: at once, or by a hold that is committed later.

use sqlx::PgConnection;

use super::{
    super::{
        AccountId, Action, Amount, Answer, Ended, LedgerError, Movement, Refusal, Transfer, TransferId, row::Kind,
    },
    Part, Verb,
    consume::{take, total},
    grant_repo,
    part::part_id,
    parts_of,
};

/// Somebody's credits for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spend {
    /// Made by the caller, and kept: asked again, it is answered the same.
    pub id: TransferId,
    /// Whose credits.
    pub owner: String,
    /// Which.
    pub asset: String,
    /// How many; more than none.
    pub amount: Amount,
    /// Kind of the product: grants that pay for other kinds only are left alone.
    pub product: Option<String>,
    /// Where they go: revenue of the house, or somebody's account.
    pub credit: AccountId,
    /// What of the caller's it belongs to.
    pub reference: Option<String>,
}

/// How long a hold lasts, and how it may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// Seconds after which it gives everything back by itself, by the database's clock; `None`: never.
    pub secs: Option<u32>,
    /// Whether it may be taken from several times.
    pub partly: bool,
}

/// Spends at once, in the caller's transaction.
///
/// # Errors
/// The database's; then the caller's transaction is lost.
pub async fn spend(conn: &mut PgConnection, spend: &Spend) -> Result<Answer, LedgerError> {
    consume(conn, spend, "spend", Kind::Posted, None).await
}

/// Holds, in the caller's transaction: nothing else can spend it until it is committed, released or over.
///
/// # Errors
/// As [`spend`].
pub async fn hold(conn: &mut PgConnection, spend: &Spend, timeout: Timeout) -> Result<Answer, LedgerError> {
    consume(conn, spend, "hold", Kind::Pending, Some(timeout)).await
}

async fn consume(
    conn: &mut PgConnection,
    spend: &Spend,
    code: &'static str,
    kind: Kind,
    timeout: Option<Timeout>,
) -> Result<Answer, LedgerError> {
    let there = grant_repo::lock_consumable(conn, &spend.owner, &spend.asset, spend.product.as_deref()).await?;
    let verb = Verb { id: spend.id, code, reference: spend.reference.as_deref() };
    let known = parts_of(conn, verb.id).await?;
    let same = [
        ("credit", known.first().is_some_and(|first| first.credit == spend.credit)),
        ("owner", known.iter().all(|part| part.owner.as_deref() == Some(&spend.owner))),
        ("timeout_secs", timeout.is_none_or(|own| known.iter().all(|part| part.timeout_secs == own.secs))),
        ("partly", timeout.is_none_or(|own| known.iter().all(|part| part.partly == own.partly))),
    ];
    if let Some(answer) = verb.again(&known, &[kind], Some(spend.amount), &same) {
        return Ok(answer);
    }
    if spend.amount == Amount::ZERO {
        return Ok(Err(Refusal::Nothing));
    }
    let Some(taken) = take(there.iter().map(|one| one.available), spend.amount) else {
        let available = total(there.iter().map(|one| one.available));
        return Ok(Err(Refusal::NotEnough { available, asked: spend.amount }));
    };
    let mut batch = Vec::new();
    for (number, (place, amount)) in taken.iter().enumerate() {
        let movement = Movement { debit: there[*place].grant.account(), credit: spend.credit, amount: *amount };
        match timeout {
            Some(Timeout { secs: timeout_secs, partly }) => {
                batch.push(verb.part(number, Action::Hold { movement, timeout_secs, partly }));
            }
            None => {
                batch.push(verb.part(number, Action::Post(movement)));
                let expiry = there[*place].expiry;
                batch.extend(expiry.map(|expiry| verb.expiry(part_id(verb.id, number), expiry, *amount, false)));
            }
        }
    }
    let answer = verb.post(conn, &batch, spend.amount).await?;
    let grants: Vec<_> = taken.iter().map(|(place, _)| there[*place].grant.account()).collect();
    grant_repo::note_spent(conn, &grants).await?;
    Ok(answer)
}

/// Takes what a hold of [`hold`] holds, in the caller's transaction: `amount` of it, or all; from the grants in the order of
/// consumption. The rest is given back, or stays held with `keep_rest`.
///
/// # Errors
/// As [`spend`].
pub async fn commit(
    conn: &mut PgConnection,
    id: TransferId,
    hold: TransferId,
    amount: Option<Amount>,
    keep_rest: bool,
    reference: Option<&str>,
) -> Result<Answer, LedgerError> {
    let verb = Verb { id, code: "commit", reference };
    let held = lock_parts(conn, hold).await?;
    let known = parts_of(conn, id).await?;
    let same = [("hold", is_end_of(&known, &held)), ("keep_rest", is_kept(&known, keep_rest))];
    if let Some(answer) = verb.again(&known, &[Kind::PostPending], amount, &same) {
        return Ok(answer);
    }
    let open: Vec<(&Part, Amount)> = held.iter().filter_map(still_held).collect();
    let left = total(open.iter().map(|(_, remaining)| *remaining));
    let asked = amount.unwrap_or(left);
    if open.is_empty() {
        return Ok(Err(not_open(hold, &held)));
    }
    if asked == Amount::ZERO {
        return Ok(Err(Refusal::Nothing));
    }
    let Some(taken) = take(open.iter().map(|(_, remaining)| *remaining), asked) else {
        return Ok(Err(Refusal::ExceedsHold { hold, left, asked }));
    };
    let mut batch = Vec::new();
    for (number, (place, amount)) in taken.iter().enumerate() {
        let part = open[*place].0;
        let action = Action::Commit { hold: part.id, amount: Some(*amount), keep_rest };
        batch.push(verb.part(number, action));
        batch.extend(part.expiry.map(|expiry| verb.expiry(part_id(id, number), expiry, *amount, false)));
    }
    if !keep_rest {
        let rest = open.iter().skip(taken.len()).enumerate();
        batch.extend(rest.map(|(at, (part, _))| verb.part(taken.len() + at, Action::Release { hold: part.id })));
    }
    let answer = verb.post(conn, &batch, asked).await?;
    grant_repo::note_spent(conn, &held.iter().map(|part| part.debit).collect::<Vec<_>>()).await?;
    Ok(answer)
}

/// Gives back what a hold of [`hold`] holds, in the caller's transaction.
///
/// # Errors
/// As [`spend`].
pub async fn release(
    conn: &mut PgConnection,
    id: TransferId,
    hold: TransferId,
    reference: Option<&str>,
) -> Result<Answer, LedgerError> {
    let verb = Verb { id, code: "release", reference };
    let held = lock_parts(conn, hold).await?;
    let known = parts_of(conn, id).await?;
    if let Some(answer) = verb.again(&known, &[Kind::VoidPending], None, &[("hold", is_end_of(&known, &held))]) {
        return Ok(answer);
    }
    let open: Vec<(&Part, Amount)> = held.iter().filter_map(still_held).collect();
    if open.is_empty() {
        return Ok(Err(not_open(hold, &held)));
    }
    let batch: Vec<Transfer> =
        open.iter().enumerate().map(|(at, (part, _))| verb.part(at, Action::Release { hold: part.id })).collect();
    verb.post(conn, &batch, total(open.iter().map(|(_, remaining)| *remaining))).await
}

/// The parts of a hold as they are once their grants are locked.
async fn lock_parts(conn: &mut PgConnection, hold: TransferId) -> Result<Vec<Part>, LedgerError> {
    let parts = parts_of(conn, hold).await?;
    grant_repo::lock(conn, &parts.iter().map(|part| part.debit).collect::<Vec<_>>()).await?;
    parts_of(conn, hold).await
}

fn still_held(part: &Part) -> Option<(&Part, Amount)> {
    let (remaining, ended) = part.held?;
    ended.is_none().then_some((part, remaining))
}

fn not_open(hold: TransferId, parts: &[Part]) -> Refusal {
    match parts.first().and_then(|first| first.held) {
        Some((_, ended)) => Refusal::HoldEnded { hold, how: ended.unwrap_or(Ended::Posted) },
        None => Refusal::NoHold(hold),
    }
}

/// Whether the parts end those of the hold, or take from them.
fn is_end_of(parts: &[Part], held: &[Part]) -> bool {
    parts.iter().all(|part| held.iter().any(|hold| part.ends == Some(hold.id)))
}

fn is_kept(parts: &[Part], keep_rest: bool) -> bool {
    parts.iter().filter(|part| part.kind == Kind::PostPending).all(|part| part.partly == keep_rest)
}
