use std::collections::BTreeMap;

use billing_fiat::{Currency, Money};
use sqlx::{PgConnection, PgPool};

use super::repo;
use crate::ledger::Amount;

/// Credits that are sold for money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// Lower-case letters, digits, `-` and `_`; up to 64.
    pub id: String,
    /// What buyers read; up to 128 characters.
    pub title: String,
    /// Which credits.
    pub asset: String,
    /// How many.
    pub credits: Amount,
    /// For how many days from the payment on; `None` for ever.
    pub expires_days: Option<u16>,
    /// Codes of its line in a receipt under 54-FZ.
    pub vat_code: u8,
    /// As above.
    pub payment_subject: String,
    /// As above.
    pub payment_mode: String,
    /// Not sold any more.
    pub retired: bool,
    /// What it costs, by currency.
    pub prices: BTreeMap<Currency, i64>,
}

/// Why a pack is not as it is to be.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// One field of it.
    #[error("{field} {problem}")]
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The database's.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Longest life of what is bought.
const EXPIRES_DAYS_MAX: u16 = 36_500;

impl Pack {
    /// What it costs.
    #[must_use]
    pub fn price(&self, currency: Currency) -> Option<Money> {
        self.prices.get(&currency).and_then(|minor| Money::new(*minor, currency).ok())
    }

    fn unsound(&self) -> Option<PackError> {
        let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let word = |text: &str| {
            (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let wrong = |field, problem| Some(PackError::Field { field, problem });
        if !(1..=64).contains(&self.id.len()) || !self.id.chars().all(is_id) || self.id.starts_with(['-', '_']) {
            wrong("id", "must be 1 to 64 lower-case letters, digits, '-' and '_', and begin with a letter or digit")
        } else if !(1..=128).contains(&self.title.chars().count()) {
            wrong("title", "must be 1 to 128 characters")
        } else if self.credits == Amount::ZERO {
            wrong("credits", "must be more than zero")
        } else if self.expires_days.is_some_and(|days| days == 0 || days > EXPIRES_DAYS_MAX) {
            wrong("expires_days", "must be from 1 to 36500")
        } else if !(1..=99).contains(&self.vat_code) {
            wrong("vat_code", "must be a code of the tax service, 1 to 12 today")
        } else if !word(&self.payment_subject) || !word(&self.payment_mode) {
            wrong(
                "payment_subject",
                "and payment_mode must be words of the tax service, such as service and full_prepayment",
            )
        } else if self.prices.is_empty() {
            wrong("prices", "must have a price in one currency at least")
        } else if self.prices.iter().any(|(currency, minor)| Money::new(*minor, *currency).is_err()) {
            wrong("prices", "must be from 0.01 to 9999999999.99")
        } else {
            None
        }
    }
}

/// Makes a pack, or changes it: what was bought stays as it was bought. Its credits' asset must be named in the ledger.
///
/// # Errors
/// `Field`; the database's.
pub async fn put(conn: &mut PgConnection, pack: &Pack) -> Result<(), PackError> {
    if let Some(unsound) = pack.unsound() {
        return Err(unsound);
    }
    if !repo::is_asset(&mut *conn, &pack.asset).await? {
        return Err(PackError::Field { field: "asset", problem: "is not known to the ledger" });
    }
    Ok(repo::put(conn, pack).await?)
}

/// A pack.
///
/// # Errors
/// The database's.
pub async fn find(pool: &PgPool, id: &str) -> Result<Option<Pack>, PackError> {
    Ok(repo::list(pool, Some(id)).await?.pop())
}

/// All packs by id, those not sold any more too.
///
/// # Errors
/// The database's.
pub async fn list(pool: &PgPool) -> Result<Vec<Pack>, PackError> {
    Ok(repo::list(pool, None).await?)
}
