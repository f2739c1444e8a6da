use std::time::{Duration, Instant};

use fiat_emulators::yookassa::{Effect, Fault, Operation};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{OWNER, Shop, external, pack, top_up};
use crate::server::{INTERNAL, SUPPORT};

#[tokio::test]
async fn a_top_up_through_yookassa_is_asked_for_paid_told_and_booked() {
    let shop = Shop::open().await;
    let answer = shop.top_up("order-1", &top_up("yookassa")).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let payment = answer.json();
    assert_eq!((&payment["status"], &payment["purpose"]), (&json!("pending"), &json!("topup")), "{payment}");
    assert_eq!((&payment["amount_minor"], &payment["amount"]), (&json!(100_000), &json!("1000.00")));
    assert_eq!(payment["bought"]["credits"], "1000");
    assert_eq!(shop.credits().await, 0);

    shop.yookassa.pay(external(&payment)).expect("a payment that waits");
    let paid = shop.until(&payment, "succeeded").await;
    assert_eq!((shop.credits().await, &paid["fee_minor"]), (1_000, &json!(3_500)), "{paid}");
    assert!(paid["confirmation_url"].is_null() && paid["succeeded_at"].is_string() && paid["test"] == true, "{paid}");
    let page = shop.get(&format!("/v1/billing/payments?owner={OWNER}")).await;
    assert_eq!(page["payments"][0]["payment_id"], payment["payment_id"]);
    assert!(shop.yookassa.payments()[0]["receipt_registration"].is_string(), "the pack's codes made a receipt");
    assert_eq!(shop.yookassa.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_top_up_through_stripe_is_asked_for_paid_told_and_booked() {
    let shop = Shop::open().await;
    let payment = shop.top_up("order-1", &top_up("stripe")).await.json();
    assert_eq!((&payment["status"], &payment["currency"]), (&json!("pending"), &json!("USD")), "{payment}");
    shop.stripe.pay(external(&payment)).expect("a page that waits");
    let paid = shop.until(&payment, "succeeded").await;
    assert_eq!((shop.credits().await, &paid["fee_minor"]), (1_000, &json!(59)), "{paid}");
    assert!(paid["receipt_status"].is_null(), "Stripe registers none");
    assert_eq!(shop.webhooks("stripe", "bad-signature").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_asked_at_once_makes_one_payment_and_another_body_is_told_apart() {
    let shop = Shop::open().await;
    let body = top_up("yookassa");
    let answers = futures::future::join_all((0..8).map(|_| shop.top_up("order-1", &body))).await;
    let first = answers[0].json();
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        assert_eq!(answer.json(), first);
    }
    assert_eq!((shop.server.count("payment").await, shop.yookassa.payments().len()), (1, 1));
    let mut other = body.clone();
    other["owner"] = json!("telegram:43");
    shop.top_up("order-1", &other).await.is_problem(409, "idempotency-key-reused");
    assert_eq!(shop.top_up("order-2", &body).await.status, StatusCode::CREATED);
    assert_eq!((shop.server.count("payment").await, shop.yookassa.payments().len()), (2, 2));
}

#[tokio::test]
async fn a_payment_whose_answer_was_lost_is_found_and_goes_on_by_itself() {
    let shop = Shop::open().await;
    shop.yookassa.fault_on(Operation::CreatePayment, Fault::Cut(Effect::Done));
    let answer = shop.top_up("order-1", &top_up("yookassa")).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    let payment = answer.json();
    assert!(payment["status"] == "created" && payment["confirmation_url"].is_null(), "{payment}");
    let found = shop.until(&payment, "pending").await;
    shop.yookassa.pay(external(&found)).expect("the payment that was made at first");
    shop.until(&payment, "succeeded").await;
    assert_eq!((shop.yookassa.payments().len(), shop.credits().await), (1, 1_000));
    let again = shop.top_up("order-1", &top_up("yookassa")).await;
    assert_eq!((again.status, again.json()["status"].clone()), (StatusCode::CREATED, json!("succeeded")));
}

#[tokio::test]
async fn a_provider_that_hangs_keeps_the_other_one_waiting_no_second() {
    let shop = Shop::open().await;
    let hanging = shop.top_up("order-1", &top_up("yookassa")).await.json();
    let other = shop.top_up("order-2", &top_up("stripe")).await.json();
    let never = Fault::Delay { before: Duration::from_secs(60), after: Duration::ZERO };
    shop.yookassa.faults_by(move |operation| (operation == Operation::GetPayment).then(|| never.clone()));
    shop.yookassa.pay(external(&hanging)).expect("a payment that waits");
    // Its notification was kept, and is being looked into.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    shop.stripe.pay(external(&other)).expect("a page that waits");
    shop.until(&other, "succeeded").await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_card_that_is_declined_says_why_and_gives_nothing() {
    let shop = Shop::open().await;
    let payment = shop.top_up("order-1", &top_up("yookassa")).await.json();
    shop.yookassa.decline(external(&payment), "insufficient_funds").expect("a payment that waits");
    let canceled = shop.until(&payment, "canceled").await;
    assert_eq!((&canceled["cancel_reason"], shop.credits().await), (&json!("insufficient_funds"), 0), "{canceled}");
}

#[tokio::test]
async fn a_kept_method_is_shown_to_its_owner_until_it_is_ended() {
    let shop = Shop::open().await;
    let mut body = top_up("yookassa");
    body["save_method"] = json!(true);
    let payment = shop.top_up("order-1", &body).await.json();
    shop.yookassa.pay(external(&payment)).expect("a payment that waits");
    shop.until(&payment, "succeeded").await;
    let list = format!("/v1/billing/payment-methods?owner={OWNER}");
    let methods = shop.get(&list).await;
    let id = methods["payment_methods"][0]["payment_method_id"].as_str().expect("a kept method").to_owned();
    let end = async |token: &str, owner: &str| {
        let path = format!("/v1/billing/payment-methods/{id}?owner={owner}");
        shop.server.send(shop.server.request(Method::DELETE, &path).bearer_auth(token)).await
    };
    end(SUPPORT, OWNER).await.is_problem(403, "forbidden");
    end(INTERNAL, "telegram:43").await.is_problem(404, "payment-method-not-found");
    assert_eq!(end(INTERNAL, OWNER).await.status, StatusCode::NO_CONTENT);
    end(INTERNAL, OWNER).await.is_problem(404, "payment-method-not-found");
    assert_eq!(shop.get(&list).await["payment_methods"], json!([]));
}

#[tokio::test]
async fn packs_are_sold_as_they_were_put_until_they_are_retired() {
    let shop = Shop::open().await;
    let shown = shop.server.get("/v1/billing/packs").await.json();
    let small = &shown["packs"][0];
    assert_eq!(
        (&small["pack_id"], &small["asset"], &small["credits"]),
        (&json!("small"), &json!("credits"), &json!("1000"))
    );
    assert_eq!(small["prices"][1], json!({ "currency": "USD", "amount_minor": 1_000, "amount": "10.00" }));
    let bought = shop.top_up("order-1", &top_up("stripe")).await.json();
    let mut retired = pack();
    retired["retired"] = json!(true);
    assert_eq!(shop.put_pack("small", &retired).await.status, StatusCode::OK);
    assert_eq!(shop.server.get("/v1/billing/packs").await.json()["packs"], json!([]));
    shop.top_up("order-2", &top_up("stripe")).await.is_problem(409, "pack-retired");
    shop.stripe.pay(external(&bought)).expect("what was sold is sold");
    shop.until(&bought, "succeeded").await;
}

#[tokio::test]
async fn pages_of_an_owners_payments_follow_each_other() {
    let shop = Shop::open().await;
    for order in 0..3 {
        shop.top_up(&format!("order-{order}"), &top_up("stripe")).await;
    }
    let path = format!("/v1/billing/payments?owner={OWNER}&limit=2");
    let first = shop.get(&path).await;
    let next = first["next_cursor"].as_str().expect("there are more");
    let second = shop.get(&format!("{path}&cursor={next}")).await;
    assert_eq!(first["payments"].as_array().map(Vec::len), Some(2));
    assert_eq!((second["payments"].as_array().map(Vec::len), &second["next_cursor"]), (Some(1), &json!(null)));
    assert_eq!(shop.get("/v1/billing/payments?owner=nobody").await["payments"], json!([]));
}

#[tokio::test]
async fn every_rail_is_listed_with_what_it_can_do() {
    let shop = Shop::open().await;
    let listed = shop.get("/v1/billing/providers").await;
    let rails = listed["providers"].as_array().expect("a list");
    let kinds: Vec<_> = rails.iter().map(|rail| (rail["kind"].as_str(), rail["provider_id"].as_str())).collect();
    assert_eq!(kinds.first().map(|kind| kind.0), Some(Some("chain")), "{listed}");
    assert_eq!(&kinds[kinds.len() - 2..], [(Some("fiat"), Some("yookassa")), (Some("fiat"), Some("stripe"))]);
    let of = |name: &str| rails.iter().find(|rail| rail["provider_id"] == name).expect("listed");
    assert_eq!((&of("yookassa")["receipts"], &of("yookassa")["disputes"]), (&json!(true), &json!(false)));
    assert_eq!((&of("stripe")["receipts"], &of("stripe")["disputes"]), (&json!(false), &json!(true)));
}
