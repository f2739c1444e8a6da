//! Asking for a payment, and deciding what becomes of money that is held.

use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{Intent, Order, Payment, PaymentError, PaymentMethod, Pays, Providers, Purpose, ask::advance, repo};
use crate::ids::{PaymentId, PaymentMethodId};

/// Asks for a payment: writes it, then sends it. The same key with the same order gives the same payment, whatever died in between.
/// An answer that did not come leaves it `created`, and it is sent again by itself.
///
/// # Errors
/// `NoProvider`, `Incapable`, `NoMethod`, `Differs`; the database's.
pub async fn start(
    pool: &PgPool,
    providers: &Providers,
    order: &Order,
    now: OffsetDateTime,
) -> Result<Payment, PaymentError> {
    let id = write(&mut *pool.acquire().await?, providers, order).await?;
    match advance(pool, providers, id, now).await {
        Err(PaymentError::Provider(error)) => {
            tracing::warn!(payment.id = %id, %error, "a payment is sent again later");
            repo::find(pool, id).await?.ok_or(PaymentError::NoPayment(id))
        }
        done => done,
    }
}

/// Writes a payment that is asked for, in the caller's transaction; who polls sends it.
///
/// # Errors
/// As [`start`].
pub async fn start_in_tx(
    conn: &mut PgConnection,
    providers: &Providers,
    order: &Order,
) -> Result<PaymentId, PaymentError> {
    write(conn, providers, order).await
}

async fn write(conn: &mut PgConnection, providers: &Providers, order: &Order) -> Result<PaymentId, PaymentError> {
    let can = providers.get(&order.provider)?.capabilities();
    let incapable = |cannot| Err(PaymentError::Incapable { provider: order.provider.clone(), cannot });
    match &order.pays {
        Pays::OnPage { save_method: true, .. } if !can.saved_methods => {
            return incapable("cannot keep a method of payment");
        }
        Pays::HeldOnSaved(_) if !can.saved_methods || !can.two_stage => {
            return incapable("cannot hold money on a kept method");
        }
        Pays::HeldOnSaved(id) => {
            let method = repo::method(&mut *conn, *id).await?;
            let usable = |method: &PaymentMethod| {
                method.ended_at.is_none() && method.provider == order.provider && method.owner == order.owner
            };
            method.filter(usable).ok_or(PaymentError::NoMethod(*id))?;
        }
        Pays::OnPage { .. } => {}
    }
    if order.receipt.is_some() && !can.receipts {
        return incapable("registers no receipts");
    }
    let digest = digest(order);
    let id = PaymentId::new();
    if repo::insert(&mut *conn, id, order, &digest).await? {
        return Ok(id);
    }
    match repo::asked(conn, &order.asked.by, &order.asked.key).await? {
        Some((known, same)) if same == digest => Ok(known),
        _ => Err(PaymentError::Differs),
    }
}

/// Of everything that is asked for, each part with its length.
fn digest(order: &Order) -> [u8; 32] {
    let purpose = match &order.purpose {
        Purpose::TopUp(bought) => format!("{bought:?}"),
        Purpose::Period => String::new(),
    };
    let amount = order.amount.to_string();
    let pays = format!("{:?}", order.pays);
    let buyer = format!("{:?}", order.buyer);
    let receipt = format!("{:?}", order.receipt);
    let mut hash = Sha256::new();
    for part in [&order.provider, &order.owner, &amount, &purpose, &pays, &order.description, &buyer, &receipt] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Decides what becomes of money that is held, or will be, in the caller's transaction; who polls does it. Once decided, it stays so:
/// the decision that stands.
///
/// # Errors
/// `NoPayment`; the database's.
pub async fn decide_in_tx(conn: &mut PgConnection, id: PaymentId, intent: Intent) -> Result<Intent, PaymentError> {
    let payment = repo::lock(conn, id).await?.ok_or(PaymentError::NoPayment(id))?;
    if payment.intent == Intent::Hold && payment.status.is_open() {
        repo::set_intent(conn, id, intent).await?;
        return Ok(intent);
    }
    Ok(payment.intent)
}

/// A payment.
///
/// # Errors
/// The database's.
pub async fn find(pool: &PgPool, id: PaymentId) -> Result<Option<Payment>, PaymentError> {
    Ok(repo::find(pool, id).await?)
}

/// A payment as it stands in the caller's transaction, locked: it moves on when that is over.
///
/// # Errors
/// The database's.
pub async fn lock_in_tx(conn: &mut PgConnection, id: PaymentId) -> Result<Option<Payment>, PaymentError> {
    Ok(repo::lock(conn, id).await?)
}

/// Payments of an owner, the latest first, before `before`.
///
/// # Errors
/// The database's.
pub async fn page(
    pool: &PgPool,
    owner: &str,
    before: Option<PaymentId>,
    limit: i64,
) -> Result<Vec<Payment>, PaymentError> {
    Ok(repo::page(pool, owner, before, limit).await?)
}

/// Methods of an owner that can be charged.
///
/// # Errors
/// The database's.
pub async fn methods(pool: &PgPool, owner: &str) -> Result<Vec<PaymentMethod>, PaymentError> {
    Ok(repo::methods(pool, owner).await?)
}

/// Ends a method for its owner: it is not charged any more. False when it was ended before, or is not that owner's.
///
/// # Errors
/// The database's.
pub async fn end_method(
    pool: &PgPool,
    id: PaymentMethodId,
    owner: &str,
    now: OffsetDateTime,
) -> Result<bool, PaymentError> {
    match repo::method(pool, id).await? {
        Some(method) if method.owner == owner => Ok(repo::end_method(pool, id, "by_owner", now).await?),
        _ => Ok(false),
    }
}
