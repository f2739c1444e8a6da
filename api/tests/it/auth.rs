use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::server::{ADMIN, INTERNAL, SUPPORT, Server};

const HASH: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

#[tokio::test]
async fn each_role_reaches_its_routes_only() {
    let server = Server::start().await;
    let freeze = format!("/v1/billing/admin/plans/{HASH}/freeze");
    let (plans, charge) = ("/v1/billing/admin/plans", "/internal/billing/charge");
    // What the routes say of these bodies to whom they let in: no such plan, invalid fields, a run.
    let bodies =
        [(plans, json!({})), (freeze.as_str(), json!({ "frozen": true })), (charge, json!({ "dry_run": true }))];
    let let_in = [422, 404, 200];
    for (token, expected) in [
        (None, [401, 401, 401]),
        (Some("somebody's"), [401, 401, 401]),
        (Some(ADMIN), let_in),
        (Some(SUPPORT), [403, let_in[1], 403]),
        (Some(INTERNAL), [403, 403, let_in[2]]),
    ] {
        for ((path, body), status) in bodies.iter().zip(expected) {
            let answer = server.post(token, path, body).await;
            assert_eq!(answer.status.as_u16(), status, "{token:?} {path}: {}", answer.text);
            if status == 401 {
                answer.is_problem(401, "unauthorized");
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
        }
    }
    assert_eq!(server.count("chain_tx").await, 0);
}

#[tokio::test]
async fn public_routes_need_no_token_and_take_no_unknown_one() {
    let server = Server::start().await;
    for path in ["/v1/billing/plans", "/v1/billing/subscriptions", "/health", "/ready", "/metrics", "/openapi.json"] {
        assert_eq!(server.get(path).await.status, StatusCode::OK, "{path}");
    }
    for value in ["Bearer nobody's", "Basic YTpi", "Bearer", ""] {
        let request = server.request(Method::GET, "/v1/billing/plans").header("authorization", value);
        server.send(request).await.is_problem(401, "unauthorized");
    }
}
