//! All SQL of `billing_plan_signatures` and `billing_plan_fiat_price`.

use alloy::primitives::{Address, B256};
use billing_fiat::Money;
use sqlx::{PgConnection, PgExecutor, Row, postgres::PgRow};

use super::{PlanTerms, SignedPlan};
use crate::money::TokenAmount;

/// False when the plan stands there already.
pub(super) async fn insert(conn: &mut PgConnection, plan: &SignedPlan) -> sqlx::Result<bool> {
    let terms = &plan.terms;
    let done = sqlx::query(
        "insert into billing_plan_signatures (plan_hash, chain_ids, merchant, token, price, period_secs, trial_secs,
                                              max_fee_bps, salt, expiry_at, uri, signature)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (plan_hash) do nothing",
    )
    .bind(plan.plan_hash.as_slice())
    .bind(&terms.chain_ids)
    .bind(terms.merchant.as_slice())
    .bind(terms.token.as_slice())
    .bind(terms.price)
    .bind(i64::from(terms.period_secs))
    .bind(i64::from(terms.trial_secs))
    .bind(i32::from(terms.max_fee_bps))
    .bind(TokenAmount(terms.salt))
    .bind(terms.expiry_at)
    .bind(&plan.uri)
    .bind(&plan.signature[..])
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn find(conn: impl PgExecutor<'_>, plan_hash: B256) -> sqlx::Result<Option<SignedPlan>> {
    let row = sqlx::query(
        "select plan_hash, chain_ids, merchant, token, price, period_secs, trial_secs, max_fee_bps, salt, expiry_at, uri,
                signature
         from billing_plan_signatures where plan_hash = $1",
    )
    .bind(plan_hash.as_slice())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(from_row).transpose()
}

fn from_row(row: &PgRow) -> sqlx::Result<SignedPlan> {
    let bytes = |column: &str| row.try_get::<Vec<u8>, _>(column);
    let out_of_range = |error: std::num::TryFromIntError| sqlx::Error::Decode(error.into());
    let terms = PlanTerms {
        chain_ids: row.try_get("chain_ids")?,
        merchant: Address::from_slice(&bytes("merchant")?),
        token: Address::from_slice(&bytes("token")?),
        price: row.try_get("price")?,
        period_secs: row.try_get::<i64, _>("period_secs")?.try_into().map_err(out_of_range)?,
        trial_secs: row.try_get::<i64, _>("trial_secs")?.try_into().map_err(out_of_range)?,
        max_fee_bps: row.try_get::<i32, _>("max_fee_bps")?.try_into().map_err(out_of_range)?,
        salt: row.try_get::<TokenAmount, _>("salt")?.0,
        expiry_at: row.try_get("expiry_at")?,
    };
    Ok(SignedPlan {
        terms,
        plan_hash: B256::from_slice(&bytes("plan_hash")?),
        uri: row.try_get("uri")?,
        signature: bytes("signature")?.into(),
    })
}

pub(super) async fn put_fiat_price(conn: impl PgExecutor<'_>, plan_hash: B256, price: Money) -> sqlx::Result<()> {
    sqlx::query(
        "insert into billing_plan_fiat_price (plan_hash, currency, amount_minor) values ($1, $2, $3)
         on conflict (plan_hash, currency) do update set amount_minor = excluded.amount_minor, updated_at = now()",
    )
    .bind(plan_hash.as_slice())
    .bind(price.currency().code())
    .bind(price.minor())
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn fiat_prices(conn: impl PgExecutor<'_>, plan_hash: B256) -> sqlx::Result<Vec<(String, i64)>> {
    sqlx::query_as("select currency, amount_minor from billing_plan_fiat_price where plan_hash = $1 order by currency")
        .bind(plan_hash.as_slice())
        .fetch_all(conn)
        .await
}
