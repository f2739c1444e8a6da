use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::server::{ADMIN, Server};

#[tokio::test]
async fn every_refusal_is_a_problem_with_a_request_id() {
    let server = Server::start().await;
    let nowhere = server.get("/nowhere?a=1").await.is_problem(404, "not-found");
    assert_eq!(nowhere["instance"], "/nowhere");
    server.get("/v1/billing/plans/0x12").await.is_problem(404, "not-found");
    let unknown = format!("/v1/billing/plans/0x{}", "00".repeat(32));
    server.get(&unknown).await.is_problem(404, "plan-not-found");
    let answer = server.send(server.request(Method::DELETE, "/v1/billing/plans")).await;
    answer.is_problem(405, "method-not-allowed");
    assert_eq!(answer.header("allow"), "GET,HEAD");
    let post = |kind: &'static str, body: Vec<u8>| {
        server.send(server.request(Method::POST, "/v1/billing/subscribe").header("content-type", kind).body(body))
    };
    post("text/plain", b"{}".to_vec()).await.is_problem(415, "unsupported-media-type");
    post("application/json", b"{".to_vec()).await.is_problem(400, "malformed-request");
    post("application/json", b"{} {}".to_vec()).await.is_problem(422, "invalid-request");
    post("application/json", vec![b' '; 64 * 1024 + 1]).await.is_problem(413, "body-too-large");
}

#[tokio::test]
async fn refused_fields_are_named() {
    let server = Server::start().await;
    let mut terms = server.terms();
    terms["price"] = json!("0");
    terms["period_secs"] = json!(60);
    let body = server.post(Some(ADMIN), "/v1/billing/admin/plans", &terms).await.is_problem(422, "invalid-request");
    let fields: Vec<_> =
        body["errors"].as_array().expect("errors").iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, ["price", "period_secs"]);
    terms["merchant"] = json!("0x12");
    let body = server.post(Some(ADMIN), "/v1/billing/admin/plans", &terms).await.is_problem(422, "invalid-request");
    assert_eq!(body["errors"][0]["field"], "merchant");
    for query in ["limit=0", "limit=x", "cursor=x", "status=x", "merchant=x", "unknown=1"] {
        server.get(&format!("/v1/billing/plans?{query}")).await.is_problem(422, "invalid-request");
    }
}

#[tokio::test]
async fn a_request_id_of_the_caller_is_kept_where_it_can_stand_in_a_log() {
    let server = Server::start().await;
    let ask = |id: &'static str| server.send(server.request(Method::GET, "/health").header("x-request-id", id));
    assert_eq!(ask("order-7").await.header("x-request-id"), "order-7");
    let long = "x".repeat(65).leak();
    for id in ["two words", long] {
        let answer = ask(id).await;
        assert_eq!(answer.header("x-request-id").len(), 36);
    }
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let server =
        Server::start_with(&["--client-rps", "1", "--client-burst", "3", "--token-rps", "1", "--token-burst", "9"])
            .await;
    for _ in 0..3 {
        assert_eq!(server.get("/v1/billing/plans").await.status, StatusCode::OK);
    }
    let answer = server.get("/v1/billing/plans").await;
    answer.is_problem(429, "too-many-requests");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(server.get("/health").await.status, StatusCode::OK);
    let known = server.request(Method::GET, "/v1/billing/plans").bearer_auth(ADMIN);
    assert_eq!(server.send(known).await.status, StatusCode::OK, "a token has a bucket of its own");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(server.get("/v1/billing/plans").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_hanging_node_ends_a_request_in_time() {
    let server = Server::start().await;
    server.chain.freeze().expect("a frozen node");
    let request = json!({
        "plan_hash": format!("0x{}", "00".repeat(32)),
        "chain_id": server.chain.chain_id(),
        "subscriber": test_support::Role::Subscriber(0).address(),
        "authorization": "approval",
    });
    server.post(None, "/v1/billing/subscribe", &request).await.is_problem(504, "timeout");
    server.chain.thaw().expect("a node that goes on");
}

#[tokio::test]
async fn a_dead_node_is_a_bad_gateway() {
    let mut server = Server::start().await;
    let signed = server.signed(&server.terms(), test_support::Role::Merchant(0)).await;
    server.chain.kill().await.expect("a dead node");
    let request = json!({
        "plan_hash": format!("0x{}", "00".repeat(32)),
        "chain_id": 31_337,
        "subscriber": test_support::Role::Subscriber(0).address(),
        "authorization": "approval",
    });
    server.post(None, "/v1/billing/subscribe", &request).await.is_problem(502, "chain-unavailable");
    let created = server.post(Some(ADMIN), "/v1/billing/admin/plans", &signed).await;
    assert_eq!(created.status, StatusCode::ACCEPTED);
    assert_eq!(created.json()["transactions"][0]["status"], "failed", "{}", created.text);
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let server = Server::start().await;
    server.get("/v1/billing/plans/0x12").await;
    let metrics = server.get("/metrics").await.text;
    let line = r#"http_requests_total{method="GET",path="/v1/billing/plans/{plan_hash}",status="404"}"#;
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains("http_request_duration_seconds_count"));
    assert!(metrics.contains(r#"billing_plan_cache_total{result="hit"}"#));
}
