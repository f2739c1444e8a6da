//! Notifications on their way to a server, until it says 2xx or the schedule ends.

use std::sync::Arc;

use serde_json::Value;

use super::{shared::Shared, signature::sign};

pub(super) async fn deliver(shared: Arc<Shared>, url: String, event: Value) {
    let body = event.to_string();
    let waits = shared.retries.iter().copied().map(Some).chain([None]);
    for wait in waits {
        let signature = sign(&shared.webhook_secret, shared.account().now(), body.as_bytes());
        let request = shared.http.post(&url).header("Stripe-Signature", signature);
        let answer = request.header("Content-Type", "application/json").body(body.clone()).send().await;
        let (true, Some(wait)) = (!answer.is_ok_and(|answer| answer.status().is_success()), wait) else { return };
        tokio::time::sleep(wait).await;
    }
}
