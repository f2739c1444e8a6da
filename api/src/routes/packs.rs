use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use billing_core::{
    catalog::{self, Pack, PackError},
    ledger::{self, Amount, LedgerError},
};
use billing_fiat::{Currency, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::payments::{Price, line};
use crate::{
    auth::Admin,
    extract::{Body, PathOf},
    problem::{self, Problem},
    state::AppState,
};

/// Characters of an asset's name at most.
const ASSET_MAX: usize = 32;

/// A pack as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutPack {
    /// What buyers read, on the provider's page too; up to 128 characters.
    title: String,
    /// Which credits, in the ledger; one that is new there has no digits behind the point. A currency's code is none.
    #[serde(default = "default_asset")]
    #[schema(default = "credits")]
    asset: String,
    /// How many: smallest unit of the asset, decimal.
    credits: String,
    /// For how many days from the payment on; for ever when absent.
    expires_days: Option<u16>,
    /// One for each currency that it is sold for.
    prices: Vec<NewPrice>,
    receipt: ReceiptCodes,
    /// True when it is not sold any more.
    #[serde(default)]
    retired: bool,
}

fn default_asset() -> String {
    "credits".to_owned()
}

/// A price.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPrice {
    /// ISO 4217.
    currency: String,
    /// Smallest unit.
    #[schema(minimum = 1, maximum = 999_999_999_999_i64)]
    amount_minor: i64,
}

/// Codes of a line in a receipt under 54-FZ; which are right is the accountant's to say.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiptCodes {
    /// 1: no VAT, ...
    pub(super) vat_code: u8,
    /// `service`, `payment`, ...
    pub(super) payment_subject: String,
    /// `full_prepayment`, `full_payment`, ...
    pub(super) payment_mode: String,
}

/// Credits that are sold for money.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PackAnswer {
    pack_id: String,
    title: String,
    asset: String,
    /// Smallest unit of the asset, decimal.
    credits: String,
    /// Days from the payment on; null for ever.
    expires_days: Option<u16>,
    prices: Vec<Price>,
    receipt: ReceiptCodes,
    retired: bool,
}

/// Packs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Packs {
    packs: Vec<PackAnswer>,
}

impl From<Pack> for PackAnswer {
    fn from(pack: Pack) -> Self {
        let prices = pack.prices.keys().filter_map(|currency| pack.price(*currency)).map(Price::from).collect();
        Self {
            pack_id: pack.id,
            title: pack.title,
            asset: pack.asset,
            credits: pack.credits.to_string(),
            expires_days: pack.expires_days,
            prices,
            receipt: ReceiptCodes {
                vat_code: pack.vat_code,
                payment_subject: pack.payment_subject,
                payment_mode: pack.payment_mode,
            },
            retired: pack.retired,
        }
    }
}

/// Lists the packs that are sold
#[utoipa::path(get, path = "/v1/billing/packs", tag = "payments",
    responses(
        (status = OK, body = Packs),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn list_packs(State(state): State<AppState>) -> Result<Json<Packs>, Problem> {
    let packs = catalog::list(&state.pool).await?;
    Ok(Json(Packs { packs: packs.into_iter().filter(|pack| !pack.retired).map(PackAnswer::from).collect() }))
}

/// Makes a pack, or changes it
///
/// What was bought stays as it was bought.
#[utoipa::path(put, path = "/v1/billing/admin/packs/{pack_id}", tag = "payments", request_body = PutPack,
    security(("service_token" = [])),
    params(("pack_id" = String, Path, description = "1 to 64 lower-case letters, digits, `-` and `_`")),
    responses(
        (status = OK, body = PackAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn put_pack(
    State(state): State<AppState>,
    Admin(service): Admin,
    PathOf(pack_id): PathOf<String>,
    Body(request): Body<PutPack>,
) -> Result<Json<PackAnswer>, Problem> {
    let pack = request.pack(pack_id)?;
    let mut db_tx = state.pool.begin().await?;
    match ledger::name_asset(&mut db_tx, &pack.asset, 0).await {
        // It was named before, with digits of its own: credits are counted in its smallest unit.
        Ok(()) | Err(LedgerError::OtherScale { .. }) => {}
        Err(LedgerError::Db(error)) => return Err(error.into()),
        Err(error) => return Err(problem::logged(&error)),
    }
    catalog::put(&mut db_tx, &pack).await?;
    db_tx.commit().await?;
    tracing::info!(target: "audit", service = %service.name, pack.id, pack.asset, credits = %pack.credits,
        pack.retired, "pack");
    Ok(Json(pack.into()))
}

impl PutPack {
    fn pack(self, id: String) -> Result<Pack, Problem> {
        line("title", &self.title, 128)?;
        let is_asset = (1..=ASSET_MAX).contains(&self.asset.len())
            && self.asset.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            // Money has digits behind the point, and is never given for money.
            && self.asset.parse::<Currency>().is_err();
        if !is_asset {
            let rule = format!("must be 1 to {ASSET_MAX} lower-case letters, digits and '_', and no currency");
            return Err(Problem::field("asset", rule));
        }
        let is_number =
            (1..=38).contains(&self.credits.len()) && self.credits.bytes().all(|byte| byte.is_ascii_digit());
        let credits =
            Some(&self.credits).filter(|_| is_number).and_then(|text| text.parse().ok()).and_then(Amount::new);
        let credits =
            credits.ok_or_else(|| Problem::field("credits", "must be a whole number, decimal, up to 38 digits"))?;
        Ok(Pack {
            id,
            title: self.title,
            asset: self.asset,
            credits,
            expires_days: self.expires_days,
            vat_code: self.receipt.vat_code,
            payment_subject: self.receipt.payment_subject,
            payment_mode: self.receipt.payment_mode,
            retired: self.retired,
            prices: prices(&self.prices)?,
        })
    }
}

fn prices(asked: &[NewPrice]) -> Result<BTreeMap<Currency, i64>, Problem> {
    let mut prices = BTreeMap::new();
    for (number, price) in asked.iter().enumerate() {
        let field = |name: &str| format!("prices[{number}].{name}");
        let currency = price.currency.parse().map_err(|error| Problem::field(&field("currency"), error))?;
        Money::new(price.amount_minor, currency).map_err(|error| Problem::field(&field("amount_minor"), error))?;
        if prices.insert(currency, price.amount_minor).is_some() {
            return Err(Problem::field(&field("currency"), "stands there twice"));
        }
    }
    Ok(prices)
}

/// Whether there could be such a pack.
pub(super) fn is_pack_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// 404 for a pack.
pub(super) fn no_pack() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "pack-not-found", "There is no such pack")
}

impl From<PackError> for Problem {
    fn from(error: PackError) -> Self {
        match error {
            PackError::Field { field: "id", problem } => Self::field("pack_id", problem),
            PackError::Field { field, problem } => Self::field(field, problem),
            PackError::Db(error) => error.into(),
        }
    }
}
