use alloy::primitives::{Address, B256, Bytes, U256};
use anyhow::Result;
use billing_core::{
    ids::ChainId,
    marketplace::{self, ListingFilter, ListingTerms, SaleFilter, SignedListing, StoreOutcome},
    money::TokenAmount,
};
use sqlx::PgPool;
use test_support::Database;
use time::OffsetDateTime;

const SELLER: Address = Address::repeat_byte(1);
const SKU: B256 = B256::repeat_byte(2);

fn listing(number: u8, salt: U256) -> SignedListing {
    let terms = ListingTerms {
        chain_ids: vec![ChainId(1), ChainId(10)],
        seller: SELLER,
        buyer: (number == 1).then_some(Address::repeat_byte(9)),
        token: Address::ZERO,
        price: TokenAmount((U256::ONE << 96) - U256::ONE),
        sku: SKU,
        quantity: u32::MAX - 1,
        max_fee_bps: 10_000,
        discount_bps: 10_000,
        discount_min_quantity: u32::MAX,
        discount_ends_at: Some(OffsetDateTime::UNIX_EPOCH),
        salt,
        expiry_at: None,
    };
    SignedListing { terms, listing_hash: B256::repeat_byte(number), signature: Bytes::from_static(&[1, 2]) }
}

async fn sell(pool: &PgPool, listing: u8, chain_id: i64, block: i64, quantity: i64) -> Result<()> {
    sqlx::query(
        "insert into billing_marketplace_sale values
             ($1, $2, 0, $3, now(), $3, $3, $4, $4, $4, $3, $5, $4, 7, 0, 1, 1)",
    )
    .bind(chain_id)
    .bind(block)
    .bind(B256::repeat_byte(listing).as_slice())
    .bind(SELLER.as_slice())
    .bind(quantity)
    .execute(pool)
    .await?;
    Ok(())
}

async fn revoke(pool: &PgPool, log_index: i64, salt: Option<i64>, below: Option<&str>) -> Result<()> {
    sqlx::query(
        "insert into billing_listing_revocation values (10, 1, $1, now(), $2, $3, $4, $5, $6::text::numeric, 1)",
    )
    .bind(log_index)
    .bind(SKU.as_slice())
    .bind(SELLER.as_slice())
    .bind(salt.map(sqlx::types::BigDecimal::from))
    .bind(below.map(|_| SKU.as_slice()))
    .bind(below)
    .execute(pool)
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_listing_is_stored_once_and_found_as_it_was() -> Result<()> {
    let database = Database::new().await;
    let mut conn = database.pool().acquire().await?;
    for signed in [listing(1, U256::MAX), listing(2, U256::ZERO)] {
        assert_eq!(marketplace::store(&mut conn, &signed).await?, StoreOutcome::Stored);
        assert_eq!(marketplace::store(&mut conn, &signed).await?, StoreOutcome::Known);
        assert_eq!(marketplace::find(&mut *conn, signed.listing_hash).await?, Some(signed));
    }
    assert_eq!(marketplace::find(&mut *conn, B256::ZERO).await?, None);
    Ok(())
}

#[tokio::test]
async fn salts_follow_each_other_past_those_that_are_taken_or_revoked() -> Result<()> {
    let database = Database::new().await;
    let mut conn = database.pool().acquire().await?;
    let next = async |conn: &mut sqlx::PgConnection| marketplace::next_salt(conn, SELLER, SKU).await;
    assert_eq!(next(&mut conn).await?, U256::ZERO);
    assert_eq!(next(&mut conn).await?, U256::from(1));
    marketplace::store(&mut conn, &listing(1, U256::from(2))).await?;
    marketplace::store(&mut conn, &listing(2, U256::MAX)).await?;
    assert_eq!(next(&mut conn).await?, U256::from(3));
    revoke(database.pool(), 0, None, Some("40")).await?;
    assert_eq!(next(&mut conn).await?, U256::from(40));
    assert_eq!(marketplace::next_salt(&mut conn, Address::repeat_byte(3), SKU).await?, U256::ZERO);
    revoke(database.pool(), 1, None, Some(&U256::MAX.to_string())).await?;
    assert!(next(&mut conn).await.is_err(), "no salt is left for this sku");
    Ok(())
}

#[tokio::test]
async fn salts_taken_at_one_moment_differ() -> Result<()> {
    let database = Database::new().await;
    let takes = (0..12).map(|_| async {
        let mut conn = database.pool().acquire().await?;
        anyhow::Ok(marketplace::next_salt(&mut conn, SELLER, SKU).await?)
    });
    let mut salts = futures::future::try_join_all(takes).await?;
    salts.sort_unstable();
    salts.dedup();
    assert_eq!(salts.len(), 12);
    Ok(())
}

#[tokio::test]
async fn a_listing_is_shown_with_what_is_left_on_each_chain() -> Result<()> {
    let database = Database::new().await;
    let pool = database.pool();
    let mut conn = pool.acquire().await?;
    // 1 and 2 share a salt and so a count; 3 does not.
    for signed in [listing(1, U256::from(8)), listing(2, U256::from(8)), listing(3, U256::from(9))] {
        marketplace::store(&mut conn, &signed).await?;
    }
    sell(pool, 1, 1, 5, 4).await?;
    sell(pool, 2, 1, 6, 3).await?;
    revoke(pool, 0, Some(8), None).await?;
    let on = async |number: u8| {
        let view = marketplace::listing(pool, B256::repeat_byte(number)).await?.expect("a listing");
        anyhow::Ok(view.chains.iter().map(|on| (on.chain_id.0, on.sold, on.left, on.revoked)).collect::<Vec<_>>())
    };
    let all = i64::from(u32::MAX - 1);
    assert_eq!(on(1).await?, [(1, 7, all - 7, false), (10, 0, 0, true)]);
    assert_eq!(on(2).await?, on(1).await?);
    assert_eq!(on(3).await?, [(1, 0, all, false), (10, 0, all, false)]);
    revoke(pool, 1, None, Some("10")).await?;
    assert_eq!(on(3).await?, [(1, 0, all, false), (10, 0, 0, true)]);
    Ok(())
}

#[tokio::test]
async fn pages_of_listings_and_sales_meet_without_gap_or_overlap() -> Result<()> {
    let database = Database::new().await;
    let pool = database.pool();
    for number in 1..=5 {
        marketplace::store(&mut *pool.acquire().await?, &listing(number, U256::from(number))).await?;
        sell(pool, number, 10 - i64::from(number % 2), i64::from(number), 1).await?;
    }
    let filter = ListingFilter { seller: Some(SELLER), sku: Some(SKU), chain_id: Some(ChainId(10)) };
    let first = marketplace::listings_page(pool, &filter, None, 3).await?;
    let rest = marketplace::listings_page(pool, &filter, first.last().map(|last| last.listing_hash), 3).await?;
    let hashes: Vec<_> = first.iter().chain(&rest).map(|view| view.listing_hash).collect();
    assert_eq!(hashes, [1, 2, 3, 4, 5].map(B256::repeat_byte));
    let elsewhere = ListingFilter { chain_id: Some(ChainId(2)), ..ListingFilter::default() };
    assert!(marketplace::listings_page(pool, &elsewhere, None, 3).await?.is_empty());

    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = marketplace::sales_page(pool, &SaleFilter::default(), after, 2).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.chain_id, last.block_number, last.log_index));
        seen.extend(page.iter().map(|sale| (sale.chain_id.0, sale.block_number)));
    }
    assert_eq!(seen, [(9, 1), (9, 3), (9, 5), (10, 2), (10, 4)]);
    let one = SaleFilter {
        chain_id: Some(ChainId(9)),
        seller: Some(SELLER),
        buyer: Some(SELLER),
        listing_hash: Some(B256::repeat_byte(3)),
        sku: Some(B256::repeat_byte(3)),
    };
    assert_eq!(marketplace::sales_page(pool, &one, None, 9).await?.len(), 1);
    Ok(())
}
