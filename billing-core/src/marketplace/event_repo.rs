//! SQL of `billing_marketplace_sale` and `billing_listing_revocation`, for the mirror.

use alloy::primitives::{Address, B256, U256};
use sqlx::{PgConnection, Row};

use super::event::{MarketplaceEvent, PlacedEvent, RevocationEvent, Revoked, SaleEvent};
use crate::{ids::ChainId, money::TokenAmount};

/// One row per event.
pub(crate) async fn insert(conn: &mut PgConnection, events: &[PlacedEvent]) -> sqlx::Result<()> {
    for placed in events {
        match &placed.event {
            MarketplaceEvent::Sale(sale) => insert_sale(conn, placed, sale).await?,
            MarketplaceEvent::Revocation(revocation) => insert_revocation(conn, placed, revocation).await?,
        }
    }
    Ok(())
}

async fn insert_sale(conn: &mut PgConnection, placed: &PlacedEvent, sale: &SaleEvent) -> sqlx::Result<()> {
    let at = &placed.at;
    sqlx::query(
        "insert into billing_marketplace_sale
             (chain_id, block_number, log_index, block_hash, block_time, tx_hash, listing_hash, seller, buyer, recipient,
              sku, quantity, payment_token, gross, discount, fee, sequence)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(at.chain_id)
    .bind(at.block_number)
    .bind(at.log_index)
    .bind(at.block_hash.as_slice())
    .bind(at.block_time)
    .bind(at.tx_hash.as_slice())
    .bind(sale.listing_hash.as_slice())
    .bind(sale.seller.as_slice())
    .bind(sale.buyer.as_slice())
    .bind(sale.recipient.as_slice())
    .bind(sale.sku.as_slice())
    .bind(i64::from(sale.quantity))
    .bind(sale.payment_token.as_slice())
    .bind(sale.gross)
    .bind(sale.discount)
    .bind(sale.fee)
    .bind(placed.sequence)
    .execute(conn)
    .await?;
    Ok(())
}

async fn insert_revocation(
    conn: &mut PgConnection,
    placed: &PlacedEvent,
    revocation: &RevocationEvent,
) -> sqlx::Result<()> {
    let (salt, sku, min_salt) = match revocation.revoked {
        Revoked::Listing { salt } => (Some(TokenAmount(salt)), None, None),
        Revoked::Sku { sku, min_salt } => (None, Some(sku), Some(TokenAmount(min_salt))),
    };
    let at = &placed.at;
    sqlx::query(
        "insert into billing_listing_revocation
             (chain_id, block_number, log_index, block_time, tx_hash, seller, salt, sku, min_salt, sequence)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(at.chain_id)
    .bind(at.block_number)
    .bind(at.log_index)
    .bind(at.block_time)
    .bind(at.tx_hash.as_slice())
    .bind(revocation.seller.as_slice())
    .bind(salt)
    .bind(sku.as_ref().map(|sku| sku.as_slice()))
    .bind(min_salt)
    .bind(placed.sequence)
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
