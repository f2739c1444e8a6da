//! Whatever is sent, nothing breaks.

use alloy::primitives::Address;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{fiat::Shop, server::ADMIN};

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(31_337)),
        any::<String>().prop_map(Value::from),
        "0x[0-9a-f]{40}".prop_map(Value::from),
        "0x[0-9a-f]{64}".prop_map(Value::from),
        "0x[0-9a-f]{130}".prop_map(Value::from),
        "[0-9]{1,90}".prop_map(Value::from),
        prop_oneof![
            "approval",
            "native",
            "permit",
            "active",
            "closed",
            "9999-12-31T23:59:59Z",
            "-?[0-9]{4}-01-01T00:00:00Z"
        ]
        .prop_map(Value::from),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{0,8}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Field names that routes know, with a good value or any other.
fn body(terms: Value) -> impl Strategy<Value = Value> {
    let hash = json!(format!("0x{}", "ab".repeat(32)));
    let mut good = terms.as_object().expect("terms").clone();
    good.extend([
        ("signature".to_owned(), json!(format!("0x{}", "1b".repeat(65)))),
        ("expiry_at".to_owned(), json!("2999-01-01T00:00:00Z")),
        ("plan_hash".to_owned(), good.get("plan").unwrap_or(&hash).clone()),
        ("chain_id".to_owned(), json!(31_337)),
        ("subscriber".to_owned(), good["merchant"].clone()),
        ("authorization".to_owned(), json!("permit")),
        ("permit".to_owned(), json!({ "value": "1", "deadline": "1", "signature": hash })),
        ("periods".to_owned(), json!(3)),
        ("frozen".to_owned(), json!(true)),
        ("status".to_owned(), json!("closed")),
        ("dry_run".to_owned(), json!(true)),
        ("limit".to_owned(), json!(5)),
        ("seller".to_owned(), good["merchant"].clone()),
        ("buyer".to_owned(), good["merchant"].clone()),
        ("sku".to_owned(), json!(format!("0x{}", "cd".repeat(32)))),
        ("quantity".to_owned(), json!(2)),
        ("discount_bps".to_owned(), json!(100)),
        ("payment_token".to_owned(), json!(Address::ZERO)),
        ("slippage_bps".to_owned(), json!(50)),
        ("scope".to_owned(), json!("sku")),
        ("title".to_owned(), json!("a pack")),
        ("asset".to_owned(), json!("credits")),
        ("credits".to_owned(), json!("1000")),
        ("expires_days".to_owned(), json!(30)),
        ("prices".to_owned(), json!([{ "currency": "RUB", "amount_minor": 100 }])),
        ("receipt".to_owned(), json!({ "vat_code": 1, "payment_subject": "service", "payment_mode": "full_payment" })),
        ("retired".to_owned(), json!(false)),
        ("pack_id".to_owned(), json!("small")),
        ("provider".to_owned(), json!("stripe")),
        ("currency".to_owned(), json!("USD")),
        ("owner".to_owned(), json!("telegram:42")),
        ("return_url".to_owned(), json!("https://shop.example/")),
        ("email".to_owned(), json!("a@example.org")),
        ("phone".to_owned(), json!("79001234567")),
        ("save_method".to_owned(), json!(true)),
        ("amount_minor".to_owned(), json!(100)),
        ("payment_method_id".to_owned(), json!("01890000-0000-7000-8000-000000000000")),
        ("policy".to_owned(), json!("unused")),
        ("reason".to_owned(), json!("asked for")),
    ]);
    let names: Vec<String> = good.keys().cloned().collect();
    let chosen = prop::sample::subsequence(names.clone(), 0..=names.len());
    (chosen, prop::sample::select(names), json_value()).prop_map(move |(chosen, odd, value)| {
        let mut body: Map<String, Value> = chosen.into_iter().map(|name| (name.clone(), good[&name].clone())).collect();
        body.insert(odd, value);
        Value::Object(body)
    })
}

/// One route's own fields, one of them replaced: reaches what lies behind the parser.
fn request_for(fields: &'static [&'static str], terms: Value) -> impl Strategy<Value = Value> {
    (body(terms.clone()), body(terms), prop::sample::select(fields), json_value()).prop_map(
        move |(a, b, odd, value)| {
            let mut request = Map::new();
            for field in fields {
                if let Some(known) = a.get(field).or_else(|| b.get(field)) {
                    request.insert((*field).to_owned(), known.clone());
                }
            }
            request.insert(odd.to_owned(), value);
            Value::Object(request)
        },
    )
}

const SUBSCRIBE: &[&str] = &["plan_hash", "chain_id", "subscriber", "authorization", "permit", "periods"];
const BUY: &[&str] = &["chain_id", "buyer", "quantity", "payment_token", "authorization", "permit", "slippage_bps"];
const LISTING: &[&str] = &[
    "chain_ids",
    "seller",
    "token",
    "price",
    "sku",
    "quantity",
    "max_fee_bps",
    "discount_bps",
    "salt",
    "expiry_at",
    "signature",
];
const PACK: &[&str] = &["title", "asset", "credits", "expires_days", "prices", "receipt", "retired"];
const TOPUP: &[&str] = &["pack_id", "provider", "currency", "owner", "return_url", "email", "phone", "save_method"];
const FIAT_SUBSCRIPTION: &[&str] =
    &["plan_hash", "provider", "currency", "owner", "return_url", "email", "phone", "receipt"];
const FALLBACK: &[&str] =
    &["chain_id", "plan_hash", "subscriber", "owner", "payment_method_id", "currency", "email", "phone", "receipt"];
const REFUND: &[&str] = &["amount_minor", "policy", "reason"];
const PLAN: &[&str] = &[
    "chain_ids",
    "merchant",
    "token",
    "price",
    "period_secs",
    "trial_secs",
    "max_fee_bps",
    "salt",
    "expiry_at",
    "uri",
    "signature",
];

#[tokio::test(flavor = "multi_thread")]
async fn random_requests_never_break_the_service() {
    let shop = Shop::open_with(&[
        "--operator-key",
        &test_support::Role::Operator.key(),
        "--automation-key",
        &test_support::Role::Automation.key(),
        "--client-rps",
        "0",
        "--token-rps",
        "0",
    ])
    .await;
    let paid = shop.paid("order-1", "stripe").await;
    let (server, payment) = (&shop.server, paid["payment_id"].as_str().expect("an id").to_owned());
    let refunds = format!("/v1/billing/payments/{payment}/refunds");
    let terms = server.terms();
    let hash = server.plan().await;
    let price = format!("/v1/billing/admin/plans/{hash}/fiat-price");
    let listing = crate::listings::native(server).await;
    let buy = format!("/v1/billing/listings/{listing}/buy");
    let paths = prop_oneof![
        Just("/v1/billing/admin/plans".to_owned()),
        Just(format!("/v1/billing/admin/plans/{hash}")),
        Just(format!("/v1/billing/admin/plans/{hash}/freeze")),
        Just("/v1/billing/subscribe".to_owned()),
        Just("/v1/billing/unsubscribe".to_owned()),
        Just("/internal/billing/charge".to_owned()),
        Just("/v1/billing/admin/listings".to_owned()),
        Just(format!("/v1/billing/admin/listings/{listing}/revoke")),
        Just(buy.clone()),
        Just("/v1/billing/topups".to_owned()),
        Just(refunds.clone()),
        Just("/v1/billing/fiat-subscriptions".to_owned()),
        Just("/v1/billing/fallbacks".to_owned()),
        Just(price.clone()),
        "/v1/billing/fiat-subscriptions\\?owner=[ -~é]{0,40}&?(limit|cursor)?=?[ -~é]{0,40}",
        "/v1/billing/fiat-subscriptions/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(/cancel|/method)?",
        "/v1/billing/fallbacks\\?chain_id=-?[0-9]{1,20}&plan_hash=0x[0-9a-f]{64}&subscriber=0x[0-9a-f]{40}",
        "/v1/billing/(packs|payments|payment-methods|providers)/?[ -~é]{0,40}",
        "/v1/billing/(payments|payment-methods)\\?owner=[ -~é]{0,40}&?(limit|cursor)?=?[ -~é]{0,40}",
        "/v1/billing/payments/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(/refunds)?",
        Just("/v1/billing/payments?owner=%00".to_owned()),
        Just("/v1/billing/payment-methods?owner=%00".to_owned()),
        "/v1/billing/admin/packs/[ -~é]{1,70}",
        "/webhooks/(stripe|yookassa|[a-z]{1,10})",
        "/v1/billing/(listings|sales)\\?(chain_id|seller|buyer|sku|listing_hash|limit|cursor)=[ -~é]{0,70}",
        "/v1/billing/sales\\?cursor=-?[0-9]{1,20}.[0-9]{1,20}.[0-9]{1,20}",
        "/v1/billing/(plans|subscriptions)/?[ -~é]{0,40}",
        "/[ -~é]{0,40}",
        "/v1/billing/(plans|subscriptions)\\?(chain_id|merchant|status|limit|cursor|subscriber|plan_hash)=[ -~é]{0,70}",
        "/v1/billing/subscriptions\\?cursor=[0-9]{1,20}.0x[0-9a-f]{64}.0x[0-9a-f]{40}&chain_id=-?[0-9]{1,19}",
        Just("/v1/billing/plans?status=%00".to_owned()),
    ];
    // Where it has no other value, the plan is a real one.
    let mut of_plan = terms.clone();
    of_plan["plan"] = json!(hash);
    let methods = prop::sample::select(vec![
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::HEAD,
        Method::OPTIONS,
    ]);
    let anything = (methods, paths, prop_oneof![json_value().boxed(), body(terms.clone()).boxed()]);
    let aimed = prop_oneof![
        (Just(Method::POST), Just("/v1/billing/subscribe".to_owned()), request_for(SUBSCRIBE, terms.clone())).boxed(),
        (Just(Method::POST), Just("/v1/billing/admin/plans".to_owned()), request_for(PLAN, terms.clone())).boxed(),
        (Just(Method::POST), Just("/v1/billing/admin/listings".to_owned()), request_for(LISTING, terms.clone()))
            .boxed(),
        (Just(Method::POST), Just(buy), request_for(BUY, terms.clone())).boxed(),
        (Just(Method::PUT), Just("/v1/billing/admin/packs/small".to_owned()), request_for(PACK, terms.clone())).boxed(),
        (Just(Method::POST), Just("/v1/billing/topups".to_owned()), request_for(TOPUP, terms.clone())).boxed(),
        (Just(Method::POST), Just(refunds), request_for(REFUND, terms.clone())).boxed(),
        (Just(Method::PUT), Just(price), request_for(&["currency", "amount_minor"], terms.clone())).boxed(),
        (
            Just(Method::POST),
            Just("/v1/billing/fiat-subscriptions".to_owned()),
            request_for(FIAT_SUBSCRIPTION, of_plan.clone()),
        )
            .boxed(),
        (Just(Method::PUT), Just("/v1/billing/fallbacks".to_owned()), request_for(FALLBACK, of_plan)).boxed(),
        anything.boxed(),
    ];
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let mut runner =
            TestRunner::new(ProptestConfig { cases: 900, failure_persistence: None, ..ProptestConfig::default() });
        let result = runner.run(&(aimed, any::<u64>()), |((method, path, body), key)| {
            let request = server.request(method, &path).bearer_auth(ADMIN).header("idempotency-key", key).json(&body);
            let answer = handle.block_on(server.send(request));
            prop_assert!(answer.status.as_u16() < 500, "{}: {}", answer.status, answer.text);
            if answer.status.is_client_error() && !answer.text.is_empty() {
                prop_assert_eq!(answer.header("content-type"), "application/problem+json");
            }
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{error}"));
    });
}
