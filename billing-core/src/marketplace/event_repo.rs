//! SQL of `billing_marketplace_sale` and `billing_listing_revocation`, for the mirror.

use alloy::primitives::{Address, B256, U256};
use sqlx::{PgConnection, Row};

use super::event::{MarketplaceEvent, PlacedEvent, RevocationEvent, Revoked, SaleEvent};
use crate::{ids::ChainId, money::TokenAmount};

/// One row per event.
pub(crate) async fn insert(conn: &mut PgConnection, events: &[PlacedEvent]) -> sqlx::Result<()> {
    let (mut sales, mut revocations) = (Vec::new(), Vec::new());
    for placed in events {
        match &placed.event {
            MarketplaceEvent::Sale(sale) => sales.push((placed, sale)),
            MarketplaceEvent::Revocation(revocation) => revocations.push((placed, revocation)),
        }
    }
    insert_sales(conn, &sales).await?;
    insert_revocations(conn, &revocations).await
}

async fn insert_sales(conn: &mut PgConnection, sales: &[(&PlacedEvent, &SaleEvent)]) -> sqlx::Result<()> {
    if sales.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into billing_marketplace_sale
             (chain_id, block_number, log_index, block_hash, block_time, tx_hash, listing_hash, seller, buyer, recipient,
              sku, quantity, payment_token, gross, discount, fee, sequence)
         select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::bytea[],
                              $7::bytea[], $8::bytea[], $9::bytea[], $10::bytea[], $11::bytea[], $12::bigint[],
                              $13::bytea[], $14::numeric[], $15::numeric[], $16::numeric[], $17::bigint[])",
    )
    .bind(sales.iter().map(|(placed, _)| placed.at.chain_id.0).collect::<Vec<_>>())
    .bind(sales.iter().map(|(placed, _)| placed.at.block_number).collect::<Vec<_>>())
    .bind(sales.iter().map(|(placed, _)| placed.at.log_index).collect::<Vec<_>>())
    .bind(sales.iter().map(|(placed, _)| placed.at.block_hash.as_slice()).collect::<Vec<_>>())
    .bind(sales.iter().map(|(placed, _)| placed.at.block_time).collect::<Vec<_>>())
    .bind(sales.iter().map(|(placed, _)| placed.at.tx_hash.as_slice()).collect::<Vec<_>>())
    .bind(sales.iter().map(|(_, sale)| sale.listing_hash.as_slice()).collect::<Vec<_>>())
    .bind(sales.iter().map(|(_, sale)| sale.seller.as_slice()).collect::<Vec<_>>())
    .bind(sales.iter().map(|(_, sale)| sale.buyer.as_slice()).collect::<Vec<_>>())
    .bind(sales.iter().map(|(_, sale)| sale.recipient.as_slice()).collect::<Vec<_>>())
    .bind(sales.iter().map(|(_, sale)| sale.sku.as_slice()).collect::<Vec<_>>())
    .bind(sales.iter().map(|(_, sale)| i64::from(sale.quantity)).collect::<Vec<_>>())
    .bind(sales.iter().map(|(_, sale)| sale.payment_token.as_slice()).collect::<Vec<_>>())
    .bind(sales.iter().map(|(_, sale)| sale.gross).collect::<Vec<_>>())
    .bind(sales.iter().map(|(_, sale)| sale.discount).collect::<Vec<_>>())
    .bind(sales.iter().map(|(_, sale)| sale.fee).collect::<Vec<_>>())
    .bind(sales.iter().map(|(placed, _)| placed.sequence).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

async fn insert_revocations(
    conn: &mut PgConnection,
    revocations: &[(&PlacedEvent, &RevocationEvent)],
) -> sqlx::Result<()> {
    if revocations.is_empty() {
        return Ok(());
    }
    let salts = revocations.iter().map(|(_, revocation)| match revocation.revoked {
        Revoked::Listing { salt } => (Some(TokenAmount(salt)), None, None),
        Revoked::Sku { sku, min_salt } => (None, Some(sku.to_vec()), Some(TokenAmount(min_salt))),
    });
    let salts: Vec<_> = salts.collect();
    sqlx::query(
        "insert into billing_listing_revocation
             (chain_id, block_number, log_index, block_time, tx_hash, seller, salt, sku, min_salt, sequence)
         select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[], $6::bytea[],
                              $7::numeric[], $8::bytea[], $9::numeric[], $10::bigint[])",
    )
    .bind(revocations.iter().map(|(placed, _)| placed.at.chain_id.0).collect::<Vec<_>>())
    .bind(revocations.iter().map(|(placed, _)| placed.at.block_number).collect::<Vec<_>>())
    .bind(revocations.iter().map(|(placed, _)| placed.at.log_index).collect::<Vec<_>>())
    .bind(revocations.iter().map(|(placed, _)| placed.at.block_time).collect::<Vec<_>>())
    .bind(revocations.iter().map(|(placed, _)| placed.at.tx_hash.as_slice()).collect::<Vec<_>>())
    .bind(revocations.iter().map(|(_, revocation)| revocation.seller.as_slice()).collect::<Vec<_>>())
    .bind(salts.iter().map(|(salt, _, _)| *salt).collect::<Vec<_>>())
    .bind(salts.iter().map(|(_, sku, _)| sku.as_deref()).collect::<Vec<_>>())
    .bind(salts.iter().map(|(_, _, min_salt)| *min_salt).collect::<Vec<_>>())
    .bind(revocations.iter().map(|(placed, _)| placed.sequence).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what stood in blocks above `block_number`.
pub(crate) async fn delete_above(conn: &mut PgConnection, chain_id: ChainId, block_number: i64) -> sqlx::Result<()> {
    sqlx::query("delete from billing_marketplace_sale where chain_id = $1 and block_number > $2")
        .bind(chain_id)
        .bind(block_number)
        .execute(&mut *conn)
        .await?;
    sqlx::query("delete from billing_listing_revocation where chain_id = $1 and block_number > $2")
        .bind(chain_id)
        .bind(block_number)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets what stood in the blocks from the first to the second.
pub(crate) async fn delete_within(conn: &mut PgConnection, chain_id: ChainId, blocks: (i64, i64)) -> sqlx::Result<()> {
    sqlx::query("delete from billing_marketplace_sale where chain_id = $1 and block_number between $2 and $3")
        .bind(chain_id)
        .bind(blocks.0)
        .bind(blocks.1)
        .execute(&mut *conn)
        .await?;
    sqlx::query("delete from billing_listing_revocation where chain_id = $1 and block_number between $2 and $3")
        .bind(chain_id)
        .bind(blocks.0)
        .bind(blocks.1)
        .execute(conn)
        .await?;
    Ok(())
}

/// A digest of the rows of these blocks, equal where they are.
pub(crate) async fn digest(
    conn: &mut PgConnection,
    chain_id: ChainId,
    blocks: (i64, i64),
) -> sqlx::Result<(Option<String>, Option<String>)> {
    let row = sqlx::query(
        "select (select md5(string_agg(sale::text, ' ' order by block_number, log_index))
                   from billing_marketplace_sale as sale
                  where chain_id = $1 and block_number between $2 and $3) as sales,
                (select md5(string_agg(revocation::text, ' ' order by block_number, log_index))
                   from billing_listing_revocation as revocation
                  where chain_id = $1 and block_number between $2 and $3) as revocations",
    )
    .bind(chain_id)
    .bind(blocks.0)
    .bind(blocks.1)
    .fetch_one(conn)
    .await?;
    Ok((row.try_get("sales")?, row.try_get("revocations")?))
}

/// All revocations of the chain, in its order.
pub(crate) async fn revocations(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<RevocationEvent>> {
    let rows = sqlx::query(
        "select seller, salt, sku, min_salt from billing_listing_revocation
         where chain_id = $1
         order by block_number, log_index",
    )
    .bind(chain_id)
    .fetch_all(conn)
    .await?;
    let events = rows.iter().map(|row| {
        let amount =
            |column| row.try_get::<Option<TokenAmount>, _>(column).map(|value| value.map_or(U256::ZERO, |v| v.0));
        let revoked = match row.try_get::<Option<&[u8]>, _>("sku")? {
            Some(sku) => Revoked::Sku { sku: B256::from_slice(sku), min_salt: amount("min_salt")? },
            None => Revoked::Listing { salt: amount("salt")? },
        };
        Ok(RevocationEvent { seller: Address::from_slice(row.try_get("seller")?), revoked })
    });
    events.collect()
}

/// Units sold per seller and salt of the listings that are signed here.
pub(crate) async fn sold(conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<Vec<(Address, U256, i64)>> {
    let rows = sqlx::query(
        "select g.seller, g.salt, sum(s.quantity)::bigint as sold
         from billing_marketplace_sale s
         join billing_listing_signatures g on g.listing_hash = s.listing_hash
         where s.chain_id = $1
         group by g.seller, g.salt
         order by g.seller, g.salt",
    )
    .bind(chain_id)
    .fetch_all(conn)
    .await?;
    let counts = rows.iter().map(|row| {
        let salt: TokenAmount = row.try_get("salt")?;
        Ok((Address::from_slice(row.try_get("seller")?), salt.0, row.try_get("sold")?))
    });
    counts.collect()
}
