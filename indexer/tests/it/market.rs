use alloy::primitives::{Address, B256, Bytes, U256, aliases::U96};
use alloy::signers::SignerSync;
use anyhow::{Context, Result};
use billing_bindings::{
    IMarketplace::{Listing, Purchase},
    Marketplace, PaymentGateway,
};
use sqlx::PgPool;
use test_support::{Chain, Database, Role};

use crate::world::{assert_mirror_equals_chain, networks, once, sent, told};

const SELLER: Role = Role::Merchant(0);
const BUYER: Role = Role::Subscriber(0);

fn marketplace(chain: &Chain, role: Role) -> Result<Marketplace::MarketplaceInstance<alloy::providers::DynProvider>> {
    let address = chain.addresses().marketplace.context("a marketplace")?;
    Ok(Marketplace::new(address, chain.provider_as(role)))
}

fn listing(chain: &Chain, salt: u64) -> Listing {
    Listing {
        chainIds: vec![U256::from(chain.chain_id())],
        seller: SELLER.address(),
        buyer: Address::ZERO,
        token: Address::ZERO,
        price: U96::from(1_000),
        sku: B256::repeat_byte(7),
        quantity: 10,
        maxFeeBps: 250,
        discountBps: 1_000,
        discountMinQuantity: 2,
        discountEndsAt: 0,
        salt: U256::from(salt),
        expiry: 0,
    }
}

async fn buy(chain: &Chain, salt: u64, quantity: u32) -> Result<B256> {
    let (contract, listing) = (marketplace(chain, BUYER)?, listing(chain, salt));
    let hash = contract.hashListing(listing.clone()).call().await?;
    let signature: Bytes = SELLER.signer().sign_hash_sync(&hash)?.as_bytes().into();
    let gross = U256::from(quantity * if quantity < 2 { 1_000 } else { 900 });
    let purchase =
        Purchase { quantity, paymentToken: Address::ZERO, maxAmount: gross, recipient: Role::Subscriber(1).address() };
    sent(contract.buy(listing, signature, purchase).value(gross).send().await?).await?;
    Ok(hash)
}

async fn sales(pool: &PgPool) -> Result<Vec<(i64, String, String, String)>> {
    let sql = "select quantity, gross::text, discount::text, fee::text from billing_marketplace_sale
               order by block_number, log_index";
    Ok(sqlx::query_as(sql).fetch_all(pool).await?)
}

#[tokio::test]
async fn sales_revocations_and_fees_are_mirrored_and_taken_back() -> Result<()> {
    let (chain, database) = (Chain::start(31_337).await?, Database::new().await);
    let networks = networks(&[&chain], 64)?;
    let hash = buy(&chain, 0, 3).await?;
    once(database.pool(), networks.clone()).await?;
    let sold = |quantity: i64, gross: &str, discount: &str, fee: &str| {
        (quantity, gross.to_owned(), discount.to_owned(), fee.to_owned())
    };
    let first = sold(3, "2700", "300", "67");
    assert_eq!(sales(database.pool()).await?, std::slice::from_ref(&first));
    let recipient: Vec<u8> =
        sqlx::query_scalar("select recipient from billing_marketplace_sale where listing_hash = $1 and seller = $2")
            .bind(hash.as_slice())
            .bind(SELLER.address().as_slice())
            .fetch_one(database.pool())
            .await?;
    assert_eq!(recipient, Role::Subscriber(1).address().to_vec());
    let fork = chain.snapshot().await?;

    buy(&chain, 0, 1).await?;
    let seller = marketplace(&chain, SELLER)?;
    sent(seller.revokeListing(U256::from(0)).send().await?).await?;
    sent(seller.revokeSku(B256::repeat_byte(7), U256::from(5)).send().await?).await?;
    let gateway = PaymentGateway::new(chain.addresses().payment_gateway, chain.provider_as(Role::Governor));
    sent(gateway.setFee(100, Role::FeeReceiver.address()).send().await?).await?;
    once(database.pool(), networks.clone()).await?;

    assert_eq!(sales(database.pool()).await?, [first.clone(), sold(1, "1000", "0", "25")]);
    assert_eq!(assert_mirror_equals_chain(database.pool(), &networks[0]).await?.sales, 2);
    assert_eq!(revocations(database.pool()).await?, 2);

    chain.revert(fork).await?;
    chain.mine(8).await?;
    once(database.pool(), networks.clone()).await?;

    assert_eq!(sales(database.pool()).await?, [first]);
    assert_eq!(revocations(database.pool()).await?, 0);
    assert_mirror_equals_chain(database.pool(), &networks[0]).await?;
    let topics = told(database.pool(), "billing.marketplace.").await?;
    let sold = "billing.marketplace.sold.v1";
    assert_eq!(topics, [sold, "billing.marketplace.sale_reverted.v1"], "the second is not told any more");
    Ok(())
}

async fn revocations(pool: &PgPool) -> Result<i64> {
    Ok(sqlx::query_scalar("select count(*) from billing_listing_revocation").fetch_one(pool).await?)
}
