//! Every difference between the provider's list and ours is named.

use anyhow::Result;
use billing_core::payments::{self, DifferenceKind, Reconciliation};
use billing_fiat::{Buyer, Capture, FiatProvider, NewPayment, Pays, Window};
use time::Duration;

use super::{Shop, shop::rub};

async fn compared(shop: &Shop) -> Result<Reconciliation> {
    let window = Window { since: shop.now() - Duration::days(1), until: shop.now() + Duration::days(1) };
    Ok(payments::reconcile(shop.pool(), &shop.fake, window, shop.now()).await?)
}

fn kinds(found: &Reconciliation) -> Vec<DifferenceKind> {
    found.differences.iter().map(|difference| difference.kind).collect()
}

#[tokio::test]
async fn books_that_agree_differ_in_nothing() -> Result<()> {
    let shop = Shop::open().await?;
    for number in 0..30 {
        shop.paid(&format!("customer-{number}")).await?;
    }
    let found = compared(&shop).await?;
    assert_eq!((found.compared, found.differences), (30, Vec::new()));
    Ok(())
}

#[tokio::test]
async fn each_kind_of_difference_is_named() -> Result<()> {
    let shop = Shop::open().await?;
    let (silent, changed, moved, gone) =
        (shop.top_up("a", "a").await?, shop.paid("b").await?, shop.paid("c").await?, shop.paid("d").await?);
    shop.pay(&silent)?;
    for (sql, id) in [
        ("update payment set amount_minor = amount_minor + 1 where payment_id = $1", changed.id),
        ("update payment set currency = 'USD' where payment_id = $1", moved.id),
        ("update payment set external_id = 'elsewhere', charge_id = null, payment_id = $1 where owner = 'd'", gone.id),
    ] {
        sqlx::query(sql).bind(id).execute(shop.pool()).await?;
    }
    let foreign = NewPayment {
        reference: uuid::Uuid::now_v7(),
        amount: rub(777),
        description: "made by hand".to_owned(),
        pays: Pays::OnPage { return_url: "https://a.example".to_owned(), save_method: false },
        capture: Capture::AtOnce,
        buyer: Buyer::default(),
        receipt: None,
    };
    let foreign = shop.fake.create(&foreign).await?;
    shop.fake.pay(&foreign.external_id)?;

    let found = compared(&shop).await?;

    let of = |kind| found.differences.iter().find(|difference| difference.kind == kind);
    let missing = of(DifferenceKind::MissingHere).expect("a payment that we know nothing of");
    assert_eq!(missing.external_id.as_deref(), Some(foreign.external_id.as_str()));
    assert_eq!(of(DifferenceKind::Status).and_then(|difference| difference.payment), Some(silent.id));
    assert_eq!(of(DifferenceKind::Amount).and_then(|difference| difference.payment), Some(changed.id));
    assert_eq!(of(DifferenceKind::Currency).and_then(|difference| difference.payment), Some(moved.id));
    assert_eq!(kinds(&found).len(), 4, "{found:#?}");
    assert!(!kinds(&compared(&shop).await?).contains(&DifferenceKind::Status), "it was recorded");
    assert_eq!(shop.credits("a").await?, 1_000);
    Ok(())
}

#[tokio::test]
async fn a_payment_that_the_provider_does_not_have_is_missing_there() -> Result<()> {
    let shop = Shop::open().await?;
    let payment = shop.paid("anna").await?;
    let other = Shop::open().await?;
    let window = Window { since: shop.now() - Duration::days(3_650), until: shop.now() + Duration::days(1) };

    let found = payments::reconcile(shop.pool(), &other.fake, window, shop.now()).await?;

    assert_eq!(kinds(&found), [DifferenceKind::MissingThere]);
    assert_eq!(found.differences[0].payment, Some(payment.id));
    Ok(())
}
