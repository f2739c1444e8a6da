//! SQL of `billing_listing_signatures` and `billing_listing_salt`.

use alloy::primitives::{Address, B256, U256};
use sqlx::{PgConnection, PgExecutor, Row, postgres::PgRow};

use super::{ListingTerms, SignedListing};
use crate::money::TokenAmount;

/// False when the listing stands there already.
pub(super) async fn insert(conn: &mut PgConnection, listing: &SignedListing) -> sqlx::Result<bool> {
    let terms = &listing.terms;
    let done = sqlx::query(
        "insert into billing_listing_signatures
             (listing_hash, chain_ids, seller, buyer, token, price, sku, quantity, max_fee_bps, discount_bps,
              discount_min_quantity, discount_ends_at, salt, expiry_at, signature)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (listing_hash) do nothing",
    )
    .bind(listing.listing_hash.as_slice())
    .bind(&terms.chain_ids)
    .bind(terms.seller.as_slice())
    .bind(terms.buyer.as_ref().map(|buyer| buyer.as_slice()))
    .bind(terms.token.as_slice())
    .bind(terms.price)
    .bind(terms.sku.as_slice())
    .bind(i64::from(terms.quantity))
    .bind(i32::from(terms.max_fee_bps))
    .bind(i32::from(terms.discount_bps))
    .bind(i64::from(terms.discount_min_quantity))
    .bind(terms.discount_ends_at)
    .bind(TokenAmount(terms.salt))
    .bind(terms.expiry_at)
    .bind(&listing.signature[..])
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn find(conn: impl PgExecutor<'_>, listing_hash: B256) -> sqlx::Result<Option<SignedListing>> {
    let row = sqlx::query(
        "select listing_hash, chain_ids, seller, buyer, token, price, sku, quantity, max_fee_bps, discount_bps,
                discount_min_quantity, discount_ends_at, salt, expiry_at, signature
         from billing_listing_signatures where listing_hash = $1",
    )
    .bind(listing_hash.as_slice())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(from_row).transpose()
}

fn from_row(row: &PgRow) -> sqlx::Result<SignedListing> {
    let bytes = |column: &str| row.try_get::<Vec<u8>, _>(column);
    let out_of_range = |error: std::num::TryFromIntError| sqlx::Error::Decode(error.into());
    let units = |column: &str| row.try_get::<i64, _>(column).and_then(|n| n.try_into().map_err(out_of_range));
    let bps = |column: &str| row.try_get::<i32, _>(column).and_then(|n| n.try_into().map_err(out_of_range));
    let terms = ListingTerms {
        chain_ids: row.try_get("chain_ids")?,
        seller: Address::from_slice(&bytes("seller")?),
        buyer: row.try_get::<Option<Vec<u8>>, _>("buyer")?.map(|buyer| Address::from_slice(&buyer)),
        token: Address::from_slice(&bytes("token")?),
        price: row.try_get("price")?,
        sku: B256::from_slice(&bytes("sku")?),
        quantity: units("quantity")?,
        max_fee_bps: bps("max_fee_bps")?,
        discount_bps: bps("discount_bps")?,
        discount_min_quantity: units("discount_min_quantity")?,
        discount_ends_at: row.try_get("discount_ends_at")?,
        salt: row.try_get::<TokenAmount, _>("salt")?.0,
        expiry_at: row.try_get("expiry_at")?,
    };
    Ok(SignedListing {
        terms,
        listing_hash: B256::from_slice(&bytes("listing_hash")?),
        signature: bytes("signature")?.into(),
    })
}

/// The next salt of the seller: behind the last one given, not below `at_least`, and of none of its listings here.
pub(super) async fn take_salt(conn: &mut PgConnection, seller: Address, at_least: U256) -> sqlx::Result<U256> {
    let row = sqlx::query(
        "with wanted as (
             select greatest($2, coalesce((select last_salt + 1 from billing_listing_salt where seller = $1), 0)) as low
         ), free as (
             -- the first number from low on that no listing has: low itself, or one behind a listing
             select min(candidate.salt) as salt
             from (select low as salt from wanted
                   union all
                   select g.salt + 1 from billing_listing_signatures g, wanted where g.seller = $1 and g.salt >= low)
                  as candidate
             where not exists (select from billing_listing_signatures taken
                               where taken.seller = $1 and taken.salt = candidate.salt)
         )
         insert into billing_listing_salt (seller, last_salt)
         select $1, salt from free
         on conflict (seller) do update set last_salt = greatest(excluded.last_salt, billing_listing_salt.last_salt + 1)
         returning last_salt",
    )
    .bind(seller.as_slice())
    .bind(TokenAmount(at_least))
    .fetch_one(conn)
    .await?;
    Ok(row.try_get::<TokenAmount, _>("last_salt")?.0)
}

/// Highest minimum that a chain's mirror has for the seller's SKU; zero for none.
pub(super) async fn min_salt(conn: &mut PgConnection, seller: Address, sku: B256) -> sqlx::Result<U256> {
    let row = sqlx::query(
        "select coalesce(max(min_salt), 0) as min_salt from billing_listing_revocation where seller = $1 and sku = $2",
    )
    .bind(seller.as_slice())
    .bind(sku.as_slice())
    .fetch_one(conn)
    .await?;
    Ok(row.try_get::<TokenAmount, _>("min_salt")?.0)
}

/// Highest salt of the seller's listings of the SKU; `None` when there are none here.
pub(super) async fn last_salt_of_sku(
    conn: impl PgExecutor<'_>,
    seller: Address,
    sku: B256,
) -> sqlx::Result<Option<U256>> {
    let row = sqlx::query("select max(salt) as salt from billing_listing_signatures where seller = $1 and sku = $2")
        .bind(seller.as_slice())
        .bind(sku.as_slice())
        .fetch_one(conn)
        .await?;
    Ok(row.try_get::<Option<TokenAmount>, _>("salt")?.map(|salt| salt.0))
}
