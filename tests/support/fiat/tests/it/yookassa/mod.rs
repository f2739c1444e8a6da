mod answers;
mod document;
mod faults;
mod notifications;
mod payments;
mod promises;
mod protocol;
mod refunds;
mod saved;
mod sdk;
mod storm;

use std::time::Duration;

use billing_fiat::{
    Buyer, Capture, Currency, FiatProvider, Money, NewPayment, Outcome, Payment, Pays, Receipt, ReceiptItem, YooKassa,
    YooKassaConfig,
};
use fiat_emulators::yookassa::{Options, YooKassaEmulator};
use uuid::Uuid;

/// An emulator and an adapter that is set to it.
async fn shop() -> (YooKassaEmulator, YooKassa) {
    shop_with(Options::default()).await
}

async fn shop_with(options: Options) -> (YooKassaEmulator, YooKassa) {
    let emulator = YooKassaEmulator::start(options).await.expect("a free port");
    let yookassa = YooKassa::new(config(&emulator)).expect("a client");
    (emulator, yookassa)
}

fn config(emulator: &YooKassaEmulator) -> YooKassaConfig {
    YooKassaConfig {
        base_url: emulator.base_url().parse().expect("a url"),
        timeout: Duration::from_secs(5),
        ..YooKassaConfig::new(emulator.shop_id(), emulator.secret_key().into())
    }
}

fn roubles(minor: i64) -> Money {
    Money::new(minor, Currency::Rub).expect("an amount")
}

/// On the page, money taken at once, nothing kept.
fn order(minor: i64) -> NewPayment {
    NewPayment {
        reference: Uuid::now_v7(),
        amount: roubles(minor),
        description: "Заказ № 72".to_owned(),
        pays: Pays::OnPage { return_url: "https://shop.example/thanks".to_owned(), save_method: false },
        capture: Capture::AtOnce,
        buyer: Buyer::default(),
        receipt: None,
    }
}

fn receipt(minor: i64) -> Receipt {
    Receipt {
        buyer: Buyer { email: Some("payer@example.com".to_owned()), phone: None },
        tax_system_code: Some(2),
        items: vec![ReceiptItem {
            description: "Подписка".to_owned(),
            quantity: 2,
            price: roubles(minor / 2),
            vat_code: 1,
            payment_subject: "service".to_owned(),
            payment_mode: "full_prepayment".to_owned(),
        }],
    }
}

async fn paid(emulator: &YooKassaEmulator, yookassa: &YooKassa, order: &NewPayment) -> Payment {
    let created = yookassa.create(order).await.expect("created");
    emulator.pay(&created.external_id).expect("waits for its payer");
    current(yookassa, &created).await
}

async fn current(yookassa: &YooKassa, payment: &Payment) -> Payment {
    yookassa.payment(&payment.external_id).await.expect("read").expect("there is one")
}

fn is_held(payment: &Payment) -> bool {
    matches!(payment.outcome, Outcome::Authorized { expires_at: Some(_) })
}

fn no_violations(emulator: &YooKassaEmulator) {
    let violations = emulator.violations();
    assert!(violations.is_empty(), "{violations:#?}");
}
