use serde_json::json;

use crate::server::{INTERNAL, Server};

const CHARGE: &str = "/internal/billing/charge";

#[tokio::test]
async fn a_run_with_nothing_due_says_so() {
    let server = Server::start().await;
    for dry_run in [true, false] {
        let answer = server.post(Some(INTERNAL), CHARGE, &json!({ "dry_run": dry_run, "network": "main" })).await;
        let body = answer.json();
        assert_eq!(body["dry_run"], dry_run, "{body}");
        assert_eq!(body["networks"][0]["network"], "main");
        assert_eq!(body["networks"][0]["totals"]["processed"], 0);
        assert_eq!(
            (&body["processed"], &body["skipped"], &body["errors"]),
            (&json!(0), &json!(0), &json!(0)),
            "{body}"
        );
        assert_eq!(body["networks"][0]["errors"], json!([]), "{body}");
    }
    server.post(Some(INTERNAL), CHARGE, &json!({ "network": "other" })).await.is_problem(422, "invalid-request");
    server.post(Some(INTERNAL), CHARGE, &json!({ "limit": 0 })).await.is_problem(422, "invalid-request");
}

#[tokio::test]
async fn charging_needs_a_key() {
    let server = Server::start_with(&[]).await;
    server.post(Some(INTERNAL), CHARGE, &json!({})).await.is_problem(503, "not-configured");
}
