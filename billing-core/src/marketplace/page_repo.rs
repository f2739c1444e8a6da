//! Reads of listings and sales, page by page. Nothing here writes.

use std::collections::{BTreeMap, btree_map::Entry};

use alloy::primitives::{Address, B256};
use sqlx::{PgExecutor, Row, postgres::PgRow};

use super::page::{ListingChainView, ListingFilter, ListingView, SaleFilter, SalePlace, SaleView};

/// Listings that are wanted, one row per listing and chain that it names.
macro_rules! select_listings {
    ($wanted:literal) => {
        concat!(
            "with listing as (select * from billing_listing_signatures ",
            $wanted,
            ")
             select l.listing_hash, l.seller, l.buyer, l.token, l.price, l.sku, l.quantity, l.max_fee_bps, l.discount_bps,
                    l.discount_min_quantity, l.discount_ends_at, l.salt, l.expiry_at, c.chain_id,
                    (select coalesce(sum(s.quantity), 0)::bigint
                       from billing_marketplace_sale s
                       join billing_listing_signatures other on other.listing_hash = s.listing_hash
                      where s.chain_id = c.chain_id and other.seller = l.seller and other.salt = l.salt) as sold,
                    exists (select from billing_listing_revocation r
                             where r.chain_id = c.chain_id and r.seller = l.seller
                               and (r.salt = l.salt or (r.sku = l.sku and r.min_salt > l.salt))) as revoked
             from listing l cross join lateral unnest(l.chain_ids) as c (chain_id)
             order by l.listing_hash, c.chain_id"
        )
    };
}

/// One listing.
///
/// # Errors
/// The database's.
pub async fn listing(conn: impl PgExecutor<'_>, listing_hash: B256) -> sqlx::Result<Option<ListingView>> {
    let query = sqlx::query(select_listings!("where listing_hash = $1"));
    let rows = query.bind(listing_hash.as_slice()).fetch_all(conn).await?;
    Ok(group(&rows)?.into_iter().next())
}

/// Listings by hash, from after `after` on.
///
/// # Errors
/// The database's.
pub async fn listings_page(
    conn: impl PgExecutor<'_>,
    filter: &ListingFilter,
    after: Option<B256>,
    limit: i64,
) -> sqlx::Result<Vec<ListingView>> {
    let rows = sqlx::query(select_listings!(
        "where ($1::bytea is null or seller = $1) and ($2::bytea is null or sku = $2)
           and ($3::bigint is null or $3 = any(chain_ids)) and ($4::bytea is null or listing_hash > $4)
         order by listing_hash limit $5"
    ))
    .bind(filter.seller.as_ref().map(|seller| seller.as_slice()))
    .bind(filter.sku.as_ref().map(|sku| sku.as_slice()))
    .bind(filter.chain_id)
    .bind(after.as_ref().map(|hash| hash.as_slice()))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    group(&rows)
}

fn group(rows: &[PgRow]) -> sqlx::Result<Vec<ListingView>> {
    let mut listings: BTreeMap<B256, ListingView> = BTreeMap::new();
    for row in rows {
        let hash = B256::from_slice(row.try_get("listing_hash")?);
        let listing = match listings.entry(hash) {
            Entry::Occupied(listing) => listing.into_mut(),
            Entry::Vacant(place) => place.insert(listing_from_row(row, hash)?),
        };
        let (sold, revoked): (i64, bool) = (row.try_get("sold")?, row.try_get("revoked")?);
        let left = if revoked { 0 } else { (listing.quantity - sold).max(0) };
        listing.chains.push(ListingChainView { chain_id: row.try_get("chain_id")?, sold, left, revoked });
    }
    Ok(listings.into_values().collect())
}

fn listing_from_row(row: &PgRow, listing_hash: B256) -> sqlx::Result<ListingView> {
    Ok(ListingView {
        listing_hash,
        seller: Address::from_slice(row.try_get("seller")?),
        buyer: row.try_get::<Option<&[u8]>, _>("buyer")?.map(Address::from_slice),
        token: Address::from_slice(row.try_get("token")?),
        price: row.try_get("price")?,
        sku: B256::from_slice(row.try_get("sku")?),
        quantity: row.try_get("quantity")?,
        max_fee_bps: row.try_get("max_fee_bps")?,
        discount_bps: row.try_get("discount_bps")?,
        discount_min_quantity: row.try_get("discount_min_quantity")?,
        discount_ends_at: row.try_get("discount_ends_at")?,
        salt: row.try_get("salt")?,
        expiry_at: row.try_get("expiry_at")?,
        chains: Vec::new(),
    })
}

/// Sales by chain and place on it, from behind `after` on.
///
/// # Errors
/// The database's.
pub async fn sales_page(
    conn: impl PgExecutor<'_>,
    filter: &SaleFilter,
    after: Option<SalePlace>,
    limit: i64,
) -> sqlx::Result<Vec<SaleView>> {
    let rows = sqlx::query(
        "select chain_id, listing_hash, seller, buyer, recipient, sku, quantity, payment_token, gross, discount, fee,
                tx_hash, block_number, log_index, block_time
         from billing_marketplace_sale
         where ($1::bigint is null or chain_id = $1) and ($2::bytea is null or seller = $2)
           and ($3::bytea is null or buyer = $3) and ($4::bytea is null or listing_hash = $4)
           and ($5::bytea is null or sku = $5)
           and ($6::bigint is null or (chain_id, block_number, log_index) > ($6, $7, $8))
         order by chain_id, block_number, log_index limit $9",
    )
    .bind(filter.chain_id)
    .bind(filter.seller.as_ref().map(|seller| seller.as_slice()))
    .bind(filter.buyer.as_ref().map(|buyer| buyer.as_slice()))
    .bind(filter.listing_hash.as_ref().map(|hash| hash.as_slice()))
    .bind(filter.sku.as_ref().map(|sku| sku.as_slice()))
    .bind(after.map(|after| after.0))
    .bind(after.map(|after| after.1))
    .bind(after.map(|after| after.2))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(sale_from_row).collect()
}

fn sale_from_row(row: &PgRow) -> sqlx::Result<SaleView> {
    let address = |column: &str| row.try_get::<&[u8], _>(column).map(Address::from_slice);
    Ok(SaleView {
        chain_id: row.try_get("chain_id")?,
        listing_hash: B256::from_slice(row.try_get("listing_hash")?),
        seller: address("seller")?,
        buyer: address("buyer")?,
        recipient: address("recipient")?,
        sku: B256::from_slice(row.try_get("sku")?),
        quantity: row.try_get("quantity")?,
        payment_token: address("payment_token")?,
        gross: row.try_get("gross")?,
        discount: row.try_get("discount")?,
        fee: row.try_get("fee")?,
        tx_hash: B256::from_slice(row.try_get("tx_hash")?),
        block_number: row.try_get("block_number")?,
        log_index: row.try_get("log_index")?,
        sold_at: row.try_get("block_time")?,
    })
}
