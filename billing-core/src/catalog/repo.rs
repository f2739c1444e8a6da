//! SQL of packs.

use std::collections::BTreeMap;

use sqlx::{Connection as _, PgConnection, PgExecutor, Row as _, postgres::PgRow};

use super::Pack;

pub(super) async fn is_asset(conn: impl PgExecutor<'_>, asset: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar("select exists (select from ledger_asset where asset = $1)").bind(asset).fetch_one(conn).await
}

pub(super) async fn put(conn: &mut PgConnection, pack: &Pack) -> sqlx::Result<()> {
    let mut tx = conn.begin().await?;
    sqlx::query(
        "insert into credit_pack (credit_pack_id, title, asset, credits, expires_days, vat_code, payment_subject, payment_mode, retired)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (credit_pack_id) do update
         set title = excluded.title, asset = excluded.asset, credits = excluded.credits, expires_days = excluded.expires_days,
             vat_code = excluded.vat_code, payment_subject = excluded.payment_subject, payment_mode = excluded.payment_mode,
             retired = excluded.retired, updated_at = now()",
    )
    .bind(&pack.id)
    .bind(&pack.title)
    .bind(&pack.asset)
    .bind(pack.credits)
    .bind(pack.expires_days.map(i32::from))
    .bind(i16::from(pack.vat_code))
    .bind(&pack.payment_subject)
    .bind(&pack.payment_mode)
    .bind(pack.retired)
    .execute(&mut *tx)
    .await?;
    sqlx::query("delete from credit_pack_price where credit_pack_id = $1").bind(&pack.id).execute(&mut *tx).await?;
    sqlx::query(
        "insert into credit_pack_price (credit_pack_id, currency, amount_minor)
         select $1, * from unnest($2::text[], $3::bigint[])",
    )
    .bind(&pack.id)
    .bind(pack.prices.keys().map(|currency| currency.code()).collect::<Vec<_>>())
    .bind(pack.prices.values().copied().collect::<Vec<_>>())
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// All, or the one of an id.
pub(super) async fn list(conn: impl PgExecutor<'_>, id: Option<&str>) -> sqlx::Result<Vec<Pack>> {
    let rows = sqlx::query(
        "select p.*, array_agg(price.currency order by price.currency) as currencies,
                array_agg(price.amount_minor order by price.currency) as amounts
           from credit_pack p join credit_pack_price price using (credit_pack_id)
          where $1::text is null or credit_pack_id = $1
          group by credit_pack_id order by credit_pack_id",
    )
    .bind(id)
    .fetch_all(conn)
    .await?;
    rows.iter().map(from_row).collect()
}

fn from_row(row: &PgRow) -> sqlx::Result<Pack> {
    let wrong = |column: &str| sqlx::Error::Decode(format!("a pack's {column} is not what is written there").into());
    let (currencies, amounts): (Vec<String>, Vec<i64>) = (row.try_get("currencies")?, row.try_get("amounts")?);
    let mut prices = BTreeMap::new();
    for (currency, amount) in currencies.iter().zip(amounts) {
        prices.insert(currency.parse().map_err(|_| wrong("currency"))?, amount);
    }
    let days: Option<i32> = row.try_get("expires_days")?;
    Ok(Pack {
        id: row.try_get("credit_pack_id")?,
        title: row.try_get("title")?,
        asset: row.try_get("asset")?,
        credits: row.try_get("credits")?,
        expires_days: days.and_then(|days| u16::try_from(days).ok()),
        vat_code: u8::try_from(row.try_get::<i16, _>("vat_code")?).map_err(|_| wrong("vat_code"))?,
        payment_subject: row.try_get("payment_subject")?,
        payment_mode: row.try_get("payment_mode")?,
        retired: row.try_get("retired")?,
        prices,
    })
}
