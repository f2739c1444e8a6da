//! Giving: for money, or for nothing.

use sqlx::{Connection, PgConnection};

use super::{
    super::{
        Action, Amount, Answer, House, LedgerError, Limited, Movement, NewAccount, Recorded, Refusal,
        chart::open_house, open_accounts, row::Kind,
    },
    Category, Expiry, NewGrant, Part, Verb, grant_repo, parts_of,
};

/// Money that came in for a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The provider that has it for us.
    pub rail: String,
    /// What it keeps of it.
    pub fee: Amount,
}

/// Gives credits for nothing, in the caller's transaction.
///
/// # Errors
/// The database's, of an unknown asset too; then the caller's transaction is lost.
pub async fn grant(conn: &mut PgConnection, grant: &NewGrant) -> Result<Answer, LedgerError> {
    give(conn, grant, "grant", None).await
}

/// Gives credits for money, in the caller's transaction: the money that [`NewGrant::cost`] names is booked with them.
///
/// # Errors
/// As [`grant`].
pub async fn top_up(conn: &mut PgConnection, grant: &NewGrant, paid: &Paid) -> Result<Answer, LedgerError> {
    give(conn, grant, "topup", Some(paid)).await
}

async fn give(
    conn: &mut PgConnection,
    grant: &NewGrant,
    code: &'static str,
    paid: Option<&Paid>,
) -> Result<Answer, LedgerError> {
    if let Some(unsound) = grant.unsound() {
        let is_known = !parts_of(conn, grant.id.transfer()).await?.is_empty();
        let differs = Refusal::Differs { id: grant.id.transfer(), field: "terms" };
        return Ok(Err(if is_known { differs } else { unsound }));
    }
    let mut tx = conn.begin().await?;
    let answer = give_in(&mut tx, grant, code, paid).await?;
    // A refusal leaves nothing behind.
    if answer.is_ok() {
        tx.commit().await?
    } else {
        tx.rollback().await?
    }
    Ok(answer)
}

async fn give_in(
    conn: &mut PgConnection,
    grant: &NewGrant,
    code: &'static str,
    paid: Option<&Paid>,
) -> Result<Answer, LedgerError> {
    match open(conn, grant).await {
        Err(LedgerError::OtherAccount(_)) => {
            return Ok(Err(Refusal::Differs { id: grant.id.transfer(), field: "account" }));
        }
        opened => opened?,
    }
    if let Some(field) = grant_repo::insert(conn, grant).await? {
        return Ok(Err(Refusal::Differs { id: grant.id.transfer(), field }));
    }
    let verb = Verb { id: grant.id.transfer(), code, reference: grant.reference.as_deref() };
    let known = parts_of(conn, verb.id).await?;
    if let Some(answer) = verb.again(&known, &[Kind::Posted], None, &[("paid", is_paid(&known, grant, paid))]) {
        return Ok(answer.map(|recorded| Recorded { amount: grant.amount, ..recorded }));
    }
    let from = if grant.category == Category::Paid { House::Sold } else { House::Given };
    let movement = Movement { debit: from.account(&grant.asset), credit: grant.id.account(), amount: grant.amount };
    let mut given = verb.part(0, Action::Post(movement));
    given.event_at = grant.effective_at;
    let mut batch = vec![given];
    if grant.expires_at.is_some() {
        let breakage = House::Breakage.account(&grant.asset);
        let expiry = Expiry { account: grant.id.expiry_account(), breakage, at: grant.expires_at };
        batch.push(verb.expiry(verb.id, expiry, grant.amount, true));
    }
    if let Some((paid, cost)) = paid.zip(grant.cost.as_ref()) {
        let rail = House::Rail(&paid.rail);
        open_house(conn, &cost.asset, &[rail, House::Prepaid, House::Fees]).await?;
        let [rail, prepaid, fees] = [rail, House::Prepaid, House::Fees].map(|house| house.account(&cost.asset));
        let got = Movement { debit: rail, credit: prepaid, amount: cost.amount };
        batch.push(verb.part(1, Action::Post(got)));
        if paid.fee > Amount::ZERO {
            batch.push(verb.part(2, Action::Post(Movement { debit: fees, credit: rail, amount: paid.fee })));
        }
    }
    verb.post(conn, &batch, grant.amount).await
}

/// Whether what is written was paid for in that way.
fn is_paid(parts: &[Part], grant: &NewGrant, paid: Option<&Paid>) -> bool {
    let Some((paid, cost)) = paid.zip(grant.cost.as_ref()) else { return parts.len() == 1 };
    let fee = parts.get(2).map_or(Amount::ZERO, |fee| fee.amount);
    parts.get(1).is_some_and(|got| got.debit == House::Rail(&paid.rail).account(&cost.asset)) && fee == paid.fee
}

/// The accounts of a grant, and those of the house that it is booked on.
async fn open(conn: &mut PgConnection, grant: &NewGrant) -> Result<(), LedgerError> {
    open_house(conn, &grant.asset, &House::OF_CREDITS).await?;
    let account = |id, kind: &str, limited| NewAccount {
        id,
        asset: grant.asset.clone(),
        kind: kind.to_owned(),
        owner: Some(grant.owner.clone()),
        limited: Some(limited),
    };
    let mut accounts = vec![account(grant.id.account(), "grant", Limited::Debits)];
    if grant.expires_at.is_some() {
        accounts.push(account(grant.id.expiry_account(), "grant_expiry", Limited::Credits));
    }
    open_accounts(conn, &accounts).await
}

impl NewGrant {
    fn unsound(&self) -> Option<Refusal> {
        let ends_before = self.expires_at.zip(self.effective_at).is_some_and(|(end, begin)| end <= begin);
        if self.amount == Amount::ZERO || self.cost.as_ref().is_some_and(|cost| cost.amount == Amount::ZERO) {
            Some(Refusal::Nothing)
        } else if self.priority > 100 || ends_before {
            Some(Refusal::Terms)
        } else {
            None
        }
    }
}
