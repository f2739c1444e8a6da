use std::collections::BTreeSet;

use serde_json::Value;

use crate::server::Server;

#[tokio::test]
async fn every_route_is_described() {
    let server = Server::start().await;
    let description = server.get("/openapi.json").await.json();
    let paths = description["paths"].as_object().expect("paths");
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |(verb, _)| format!("{verb} {path}")))
        .collect();
    let routes = [
        "delete /v1/billing/fallbacks",
        "delete /v1/billing/payment-methods/{payment_method_id}",
        "get /health",
        "get /metrics",
        "get /openapi.json",
        "get /ready",
        "get /v1/billing/fallbacks",
        "get /v1/billing/fiat-subscriptions",
        "get /v1/billing/fiat-subscriptions/{fiat_subscription_id}",
        "get /v1/billing/listings",
        "get /v1/billing/listings/{listing_hash}",
        "get /v1/billing/packs",
        "get /v1/billing/payment-methods",
        "get /v1/billing/payments",
        "get /v1/billing/payments/{payment_id}",
        "get /v1/billing/payments/{payment_id}/refunds",
        "get /v1/billing/plans",
        "get /v1/billing/plans/{plan_hash}",
        "get /v1/billing/sales",
        "get /v1/billing/providers",
        "get /v1/billing/relays/{relay_id}",
        "get /v1/billing/subscriptions",
        "get /v1/billing/subscriptions/events",
        "patch /v1/billing/admin/plans/{plan_hash}",
        "post /internal/billing/charge",
        "post /v1/billing/admin/listings",
        "post /v1/billing/admin/listings/{listing_hash}/revoke",
        "post /v1/billing/admin/plans",
        "post /v1/billing/admin/plans/{plan_hash}/freeze",
        "post /v1/billing/fiat-subscriptions",
        "post /v1/billing/fiat-subscriptions/{fiat_subscription_id}/cancel",
        "post /v1/billing/fiat-subscriptions/{fiat_subscription_id}/method",
        "post /v1/billing/listings/{listing_hash}/buy",
        "post /v1/billing/payments/{payment_id}/refunds",
        "post /v1/billing/pause",
        "post /v1/billing/resume",
        "post /v1/billing/subscribe",
        "post /v1/billing/switch",
        "post /v1/billing/topups",
        "post /v1/billing/unsubscribe",
        "post /v1/billing/withdraw",
        "post /webhooks/{provider}",
        "put /v1/billing/admin/packs/{pack_id}",
        "put /v1/billing/admin/plans/{plan_hash}/fiat-price",
        "put /v1/billing/fallbacks",
    ];
    assert_eq!(described, routes.map(str::to_owned).into());
}

#[tokio::test]
async fn a_plan_is_shown_as_described() {
    let server = Server::start().await;
    let hash = server.plan().await;
    let description = server.get("/openapi.json").await.json();
    let shown = server.get(&format!("/v1/billing/plans/{hash}")).await.json();
    let fields = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(fields(&description["components"]["schemas"]["Plan"]["properties"]), fields(&shown));
    assert_eq!(fields(&description["components"]["schemas"]["PlanChain"]["properties"]), fields(&shown["chains"][0]));
}
