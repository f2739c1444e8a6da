//! A payer's bank asks a payment back.

use anyhow::Result;
use billing_core::ledger::verify;

use super::{
    Shop,
    shop::{CREDITS, PRICE, rub},
};

#[tokio::test]
async fn a_dispute_takes_money_and_credits_and_gives_both_back_when_it_is_won() -> Result<()> {
    for is_won in [true, false] {
        let shop = Shop::open().await?;
        let payment = shop.paid("anna").await?;
        let dispute = shop.fake.open_dispute(payment.external_id.as_deref().expect("sent"), rub(PRICE))?;
        shop.deliver_all().await?;
        shop.settle().await?;
        assert_eq!(shop.credits("anna").await?, 0);
        assert_eq!(shop.balance("RUB", "prepaid").await?, 0);

        shop.fake.close_dispute(&dispute, is_won)?;
        for event in shop.fake.take_notifications() {
            shop.deliver(&event).await?;
            shop.deliver(&event).await?;
        }
        shop.settle().await?;

        let (credits, money) = if is_won { (CREDITS, i128::from(PRICE)) } else { (0, 0) };
        assert_eq!(shop.credits("anna").await?, credits);
        assert_eq!(shop.balance("RUB", "prepaid").await?, money);
        assert!(verify(shop.pool(), |_| {}).await?.differences.is_empty());
        shop.assert_books().await?;
    }
    Ok(())
}
