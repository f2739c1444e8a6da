//! What a payment is in the ledger. Each transfer's id follows from what it is for: booked again, nothing happens.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use super::{Bought, Payment, PaymentError, Purpose};
use crate::{
    ids::{GrantId, PaymentId, TransferId},
    ledger::{
        self, Amount, Answer, House, Movement, Refusal, Transfer,
        grants::{self, Category, Cost, NewGrant, Paid},
    },
};

/// Digits of all currencies behind the point.
const DIGITS: i16 = 2;
/// Between those of promotions (lower) and what somebody keeps for last.
const PRIORITY: u8 = 50;

impl PaymentId {
    /// What was given for it.
    #[must_use]
    pub const fn grant(self) -> GrantId {
        GrantId(self.0)
    }
}

/// The transfer that brought the money of a payment.
pub(super) fn money_of(payment: &Payment) -> TransferId {
    match payment.purpose {
        Purpose::TopUp(_) => payment.id.grant().paid_transfer(),
        Purpose::Period => TransferId(payment.id.0),
    }
}

/// The money came: credits are given for it, or a period's price is earned.
pub(super) async fn paid(conn: &mut PgConnection, payment: &Payment, now: OffsetDateTime) -> Result<(), PaymentError> {
    let currency = payment.amount.currency().code();
    ledger::name_asset(conn, currency, DIGITS).await?;
    let amount = minor(payment.amount.minor());
    let rail = House::Rail(&payment.provider);
    let answer = match &payment.purpose {
        Purpose::TopUp(bought) => {
            let cost = Cost { asset: currency.to_owned(), amount };
            let grant = grant_of(payment, bought, payment.id.grant(), bought.credits, Some(cost), now);
            grants::top_up(conn, &grant, &Paid { rail: payment.provider.clone(), fee: Amount::ZERO }).await?
        }
        Purpose::Period => {
            ledger::open_house(conn, currency, &[rail, House::Revenue, House::Fees]).await?;
            let movement = Movement { debit: rail.account(currency), credit: House::Revenue.account(currency), amount };
            post(conn, payment, money_of(payment), movement, "period").await?
        }
    };
    settled(answer)
}

/// What the provider keeps of a payment.
pub(super) async fn fee(conn: &mut PgConnection, payment: &Payment, fee_minor: i64) -> Result<(), PaymentError> {
    let id = TransferId::named(&["fee", &payment.id.to_string()]);
    spent(conn, payment, id, House::Fees, fee_minor, "fee").await
}

/// Money of a rail that is gone to `to`; nothing is booked of nothing.
pub(super) async fn spent(
    conn: &mut PgConnection,
    payment: &Payment,
    id: TransferId,
    to: House<'_>,
    amount_minor: i64,
    code: &str,
) -> Result<(), PaymentError> {
    if amount_minor <= 0 {
        return Ok(());
    }
    let currency = payment.amount.currency().code();
    let rail = House::Rail(&payment.provider);
    ledger::open_house(conn, currency, &[rail, to]).await?;
    let movement =
        Movement { debit: to.account(currency), credit: rail.account(currency), amount: minor(amount_minor) };
    settled(post(conn, payment, id, movement, code).await?)
}

/// Takes money back out of where the payment put it. What it cannot take from there any more is suspense: somebody must explain it.
pub(super) async fn returned(
    conn: &mut PgConnection,
    payment: &Payment,
    id: TransferId,
    amount_minor: i64,
    code: &str,
) -> Result<(), PaymentError> {
    let reversal = Transfer {
        code: code.to_owned(),
        reference: Some(payment.id.to_string()),
        ..Transfer::reversal(id, money_of(payment), Some(minor(amount_minor)))
    };
    match ledger::post_one_in_tx(conn, &reversal).await? {
        Err(Refusal::ExceedsTransfer { .. } | Refusal::NoTransfer(_)) => {
            spent(conn, payment, id, House::Suspense, amount_minor, code).await
        }
        answer => settled(answer),
    }
}

/// Puts back what [`returned`] took.
pub(super) async fn came_back(
    conn: &mut PgConnection,
    payment: &Payment,
    id: TransferId,
    amount_minor: i64,
    code: &str,
) -> Result<(), PaymentError> {
    let currency = payment.amount.currency().code();
    let from = if matches!(payment.purpose, Purpose::TopUp(_)) { House::Prepaid } else { House::Revenue };
    let rail = House::Rail(&payment.provider).account(currency);
    let movement = Movement { debit: rail, credit: from.account(currency), amount: minor(amount_minor) };
    settled(post(conn, payment, id, movement, code).await?)
}

/// Credits of a payment that are neither spent nor held; in this transaction they stay so.
pub(super) async fn unused(conn: &mut PgConnection, payment: &Payment) -> Result<Amount, PaymentError> {
    Ok(grants::revocable(conn, payment.id.grant()).await?)
}

/// Takes back credits of a payment: `wanted`, or as many of them as are neither spent nor held. How many it took.
pub(super) async fn take_credits(
    conn: &mut PgConnection,
    payment: &Payment,
    id: TransferId,
    wanted: Amount,
) -> Result<Amount, PaymentError> {
    let reference = payment.id.to_string();
    let mut asked = wanted;
    while asked > Amount::ZERO {
        match grants::revoke(conn, id, payment.id.grant(), Some(asked), Some(&reference)).await? {
            Ok(recorded) => return Ok(recorded.amount),
            // The grant is locked by now: what it has does not change any more.
            Err(Refusal::NotEnough { available, .. }) if available < asked => asked = available,
            Err(refusal) => return Err(PaymentError::Refused(refusal)),
        }
    }
    Ok(Amount::ZERO)
}

/// Gives credits again that were taken for a refund or a dispute which came to nothing; on the terms that are left of the first ones.
pub(super) async fn give_again(
    conn: &mut PgConnection,
    payment: &Payment,
    id: TransferId,
    credits: Amount,
    now: OffsetDateTime,
) -> Result<(), PaymentError> {
    let Purpose::TopUp(bought) = &payment.purpose else { return Ok(()) };
    if credits == Amount::ZERO {
        return Ok(());
    }
    let since = payment.succeeded_at.unwrap_or(now);
    let mut grant = grant_of(payment, bought, GrantId(id.0), credits, None, since);
    // What would be over already is given for a day: it was taken from somebody who could still use it.
    grant.expires_at = grant.expires_at.map(|end| end.max(now + Duration::days(1)));
    settled(grants::grant(conn, &grant).await?)
}

fn grant_of(
    payment: &Payment,
    bought: &Bought,
    id: GrantId,
    amount: Amount,
    cost: Option<Cost>,
    since: OffsetDateTime,
) -> NewGrant {
    NewGrant {
        id,
        owner: payment.owner.clone(),
        asset: bought.asset.clone(),
        amount,
        category: Category::Paid,
        priority: PRIORITY,
        effective_at: None,
        expires_at: bought.expires_days.map(|days| since + Duration::days(i64::from(days))),
        applies_to: Vec::new(),
        cost,
        reference: Some(payment.id.to_string()),
    }
}

async fn post(
    conn: &mut PgConnection,
    payment: &Payment,
    id: TransferId,
    movement: Movement,
    code: &str,
) -> Result<Answer, PaymentError> {
    let transfer =
        Transfer { code: code.to_owned(), reference: Some(payment.id.to_string()), ..Transfer::of(id, movement) };
    Ok(ledger::post_one_in_tx(conn, &transfer).await?)
}

fn settled(answer: Answer) -> Result<(), PaymentError> {
    answer.map(drop).map_err(PaymentError::Refused)
}

/// Amounts of payments are checked where they are made: more than nothing.
pub(super) fn minor(amount: i64) -> Amount {
    Amount::from(amount.unsigned_abs())
}
