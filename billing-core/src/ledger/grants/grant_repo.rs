//! SQL of grants.

use sqlx::{PgConnection, Row as _, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    super::{
        AccountId, Amount, Ended, House, TransferId,
        repo::{unknown, word},
        row::Kind,
    },
    holding::Holding,
    part::{Expiry, Part},
    terms::{Category, Cost, NewGrant},
};
use crate::ids::GrantId;

/// Something to spend from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Consumable {
    pub(super) grant: GrantId,
    pub(super) available: Amount,
    pub(super) expiry: Option<Expiry>,
}

/// That a grant of the same id may have otherwise.
const FIELDS: [&str; 9] =
    ["owner", "asset", "amount", "category", "priority", "effective_at", "expires_at", "applies_to", "cost"];

/// Writes it unless one of this id is there, and gives the field in which that one is another.
pub(super) async fn insert(conn: &mut PgConnection, grant: &NewGrant) -> sqlx::Result<Option<&'static str>> {
    let row = sqlx::query(
        "with asked as (
             select $1::uuid as grant_id, $2::text as owner, $3::text as asset, $4::numeric as amount, $5::text as category,
                    $6::smallint as priority, $7::timestamptz as effective_at, $8::timestamptz as expires_at,
                    $9::uuid as expiry_account, nullif($10::text[], '{}') as applies_to, $11::numeric as cost,
                    $12::text as cost_asset
         ), inserted as (
             insert into ledger_grant (grant_id, owner, asset, amount, category, priority, effective_at, expires_at, expiry_account,
                                       applies_to, cost, cost_asset)
             select * from asked on conflict do nothing
         )
         select case when own.grant_id is null then null
                     when own.owner <> asked.owner then 'owner'
                     when own.asset <> asked.asset then 'asset'
                     when own.amount <> asked.amount then 'amount'
                     when own.category <> asked.category then 'category'
                     when own.priority <> asked.priority then 'priority'
                     when own.effective_at is distinct from asked.effective_at then 'effective_at'
                     when own.expires_at is distinct from asked.expires_at then 'expires_at'
                     when own.applies_to is distinct from asked.applies_to then 'applies_to'
                     when (own.cost, own.cost_asset) is distinct from (asked.cost, asked.cost_asset) then 'cost'
                end as differs
           from asked left join ledger_grant as own using (grant_id)",
    )
    .bind(grant.id.0)
    .bind(&grant.owner)
    .bind(&grant.asset)
    .bind(grant.amount)
    .bind(grant.category.as_str())
    .bind(i16::from(grant.priority))
    .bind(grant.effective_at)
    .bind(grant.expires_at)
    .bind(grant.expires_at.map(|_| grant.id.expiry_account().0))
    .bind(&grant.applies_to)
    .bind(grant.cost.as_ref().map(|cost| cost.amount))
    .bind(grant.cost.as_ref().map(|cost| cost.asset.as_str()))
    .fetch_one(conn)
    .await?;
    let differs: Option<&str> = row.try_get("differs")?;
    Ok(differs.map(|found| FIELDS.into_iter().find(|field| *field == found).unwrap_or("terms")))
}

/// Locks what somebody may spend on a kind of product, and gives it in the order of consumption.
pub(super) async fn lock_consumable(
    conn: &mut PgConnection,
    owner: &str,
    asset: &str,
    product: Option<&str>,
) -> sqlx::Result<Vec<Consumable>> {
    let rows = sqlx::query("select * from ledger_consumable($1, $2, $3)")
        .bind(owner)
        .bind(asset)
        .bind(product)
        .fetch_all(conn)
        .await?;
    let consumable = |row: &PgRow| {
        Ok(Consumable {
            grant: GrantId(row.try_get("grant_id")?),
            available: row.try_get("available")?,
            expiry: expiry(row)?,
        })
    };
    rows.iter().map(consumable).collect()
}

/// What of a grant can be taken back: nothing once it expired.
#[derive(Clone, Copy, Debug)]
pub(super) struct Revocable {
    pub(super) available: Amount,
    /// Where it does not count yet: when it will.
    pub(super) effective_at: Option<OffsetDateTime>,
    pub(super) expiry: Option<Expiry>,
}

/// Of a grant that is locked.
pub(super) async fn revocable(conn: &mut PgConnection, grant: GrantId) -> sqlx::Result<Option<Revocable>> {
    let row = sqlx::query(
        "select g.expires_at, g.expiry_account, g.asset,
                case when g.effective_at > clock_timestamp() then g.effective_at end as effective_at,
                case when g.expires_at <= clock_timestamp() then 0 else
                     a.credits_posted - a.debits_posted - a.debits_pending + coalesce((
                         select sum(late.remaining) from ledger_hold as late
                          where late.ended is null and late.expires_at <= clock_timestamp()
                            and late.debit_account = g.grant_id), 0) end as available
           from ledger_grant as g
           join ledger_account as a on a.account_id = g.grant_id
          where g.grant_id = $1",
    )
    .bind(grant.0)
    .fetch_optional(conn)
    .await?;
    let revocable = |row: PgRow| {
        let (available, effective_at) = (row.try_get("available")?, row.try_get("effective_at")?);
        Ok(Revocable { available, effective_at, expiry: expiry(&row)? })
    };
    row.map(revocable).transpose()
}

/// Of the grant in a row: where its expiry is booked ahead.
fn expiry(row: &PgRow) -> sqlx::Result<Option<Expiry>> {
    let Some(account) = row.try_get::<Option<Uuid>, _>("expiry_account")? else { return Ok(None) };
    let breakage = House::Breakage.account(row.try_get("asset")?);
    Ok(Some(Expiry { account: AccountId(account), breakage, at: row.try_get("expires_at")? }))
}

pub(super) async fn holdings(conn: &mut PgConnection, owner: &str) -> sqlx::Result<Vec<Holding>> {
    let rows = sqlx::query(
        "select g.grant_id, g.asset, s.scale, g.category, g.priority, g.effective_at, g.expires_at,
                coalesce(g.applies_to, '{}') as applies_to, g.amount, a.debits_pending - late.held as held,
                a.credits_posted - a.debits_posted - a.debits_pending + late.held as left_over, g.cost, g.cost_asset
           from ledger_grant as g
           join ledger_account as a on a.account_id = g.grant_id
           join ledger_asset as s on s.asset = g.asset,
                lateral (select coalesce(sum(remaining), 0) as held from ledger_hold
                          where ended is null and expires_at <= statement_timestamp() and debit_account = g.grant_id) as late
          where g.owner = $1 and not g.spent
          order by g.asset, g.priority, g.expires_at nulls last, g.grant_id",
    )
    .bind(owner)
    .fetch_all(conn)
    .await?;
    rows.iter().map(holding).collect()
}

fn holding(row: &PgRow) -> sqlx::Result<Holding> {
    let category: &str = row.try_get("category")?;
    let priority: i16 = row.try_get("priority")?;
    let cost: Option<Amount> = row.try_get("cost")?;
    Ok(Holding {
        id: GrantId(row.try_get("grant_id")?),
        asset: row.try_get("asset")?,
        scale: row.try_get("scale")?,
        category: Category::from_word(category).ok_or_else(|| unknown(category))?,
        priority: u8::try_from(priority).map_err(|error| sqlx::Error::Decode(error.into()))?,
        effective_at: row.try_get("effective_at")?,
        expires_at: row.try_get("expires_at")?,
        applies_to: row.try_get("applies_to")?,
        granted: row.try_get("amount")?,
        left: row.try_get("left_over")?,
        held: row.try_get("held")?,
        cost: cost.zip(row.try_get("cost_asset")?).map(|(amount, asset)| Cost { asset, amount }),
    })
}

/// Locks grants, in the order in which all lock them.
pub(super) async fn lock(conn: &mut PgConnection, grants: &[AccountId]) -> sqlx::Result<()> {
    sqlx::query("select from ledger_grant where grant_id = any($1) order by grant_id for no key update")
        .bind(grants.iter().map(|id| id.0).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes of grants whether anything is left of them.
pub(super) async fn note_spent(conn: &mut PgConnection, grants: &[AccountId]) -> sqlx::Result<()> {
    sqlx::query(
        "update ledger_grant as g set spent = not g.spent
           from ledger_account as a
          where g.grant_id = any($1) and a.account_id = g.grant_id
            and g.spent <> (a.credits_posted = a.debits_posted and a.debits_pending = 0)",
    )
    .bind(grants.iter().map(|id| id.0).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Those of the transfers that are there, in the order asked for.
pub(super) async fn parts(conn: &mut PgConnection, ids: &[TransferId]) -> sqlx::Result<Vec<Part>> {
    let rows = sqlx::query(
        "select t.transfer_id, t.debit_account, t.credit_account, t.amount, t.kind::text, t.code, t.reference, t.created_at, t.timeout_secs, t.partly,
                t.amount - coalesce((select sum(back.amount) from ledger_transfer as back where back.reverses = t.transfer_id), 0)
                    as left_to_reverse,
                h.remaining, case when h.ended is null and h.expires_at <= clock_timestamp() then 'expired' else h.ended::text end as ended,
                t.pending_id, t.reverses, g.owner, g.asset, g.expiry_account, case when g.expires_at > clock_timestamp() then g.expires_at end as expires_at
           from unnest($1::uuid[]) with ordinality as asked (transfer_id, number)
           join ledger_transfer as t using (transfer_id)
           left join ledger_hold as h using (transfer_id)
           left join ledger_grant as g on g.grant_id = t.debit_account
          order by number",
    )
    .bind(ids.iter().map(|id| id.0).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    rows.iter().map(part).collect()
}

fn part(row: &PgRow) -> sqlx::Result<Part> {
    let kind: &str = row.try_get("kind")?;
    let remaining: Option<Amount> = row.try_get("remaining")?;
    let ended = word(row.try_get("ended")?, Ended::from_word)?;
    Ok(Part {
        id: TransferId(row.try_get("transfer_id")?),
        debit: AccountId(row.try_get("debit_account")?),
        credit: AccountId(row.try_get("credit_account")?),
        amount: row.try_get("amount")?,
        kind: Kind::from_word(kind).ok_or_else(|| unknown(kind))?,
        code: row.try_get("code")?,
        reference: row.try_get("reference")?,
        created_at: row.try_get("created_at")?,
        ends: row.try_get::<Option<Uuid>, _>("pending_id")?.map(TransferId),
        reverses: row.try_get::<Option<Uuid>, _>("reverses")?.map(TransferId),
        owner: row.try_get("owner")?,
        timeout_secs: row.try_get::<Option<i32>, _>("timeout_secs")?.map(i32::unsigned_abs),
        partly: row.try_get("partly")?,
        left: row.try_get("left_to_reverse")?,
        held: remaining.map(|remaining| (remaining, ended)),
        expiry: expiry(row)?,
    })
}
