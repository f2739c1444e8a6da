//! The page on which a payer pays: no more than what a demo or a test needs.

use std::{collections::HashMap, sync::Arc};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use super::{server::query, shared::Shared};

pub(super) async fn show(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let Some(payment) = shared.with_shop(|shop| shop.payment(&id)) else {
        return (StatusCode::NOT_FOUND, "There is no such payment.\n").into_response();
    };
    let word = |pointer: &str| payment.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let text = format!(
        "{} {} for {:?}: {}\nPOST card=ok pays; card=declined, or a reason of the vendor's, does not.\n",
        word("/amount/value"),
        word("/amount/currency"),
        word("/description"),
        word("/status"),
    );
    text.into_response()
}

/// Pays, or is declined, and sends the payer back to the shop.
pub(super) async fn pay(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(card) = card(&body) else {
        return (StatusCode::BAD_REQUEST, "Which card? Send card=ok or card=declined.\n").into_response();
    };
    let Some(before) = shared.with_shop(|shop| shop.payment(&id)) else {
        return (StatusCode::NOT_FOUND, "There is no such payment.\n").into_response();
    };
    let decided = shared.with_shop(|shop| match card.as_str() {
        "ok" => shop.pay(&id),
        "declined" => shop.decline(&id, "general_decline"),
        reason => shop.decline(&id, reason),
    });
    if !decided {
        return (StatusCode::CONFLICT, "The payment is decided already.\n").into_response();
    }
    match before.pointer("/confirmation/return_url").and_then(|url| url.as_str()) {
        Some(url) => (StatusCode::SEE_OTHER, [(header::LOCATION, url)]).into_response(),
        None => "Done.\n".into_response(),
    }
}

/// Of JSON or of a form.
fn card(body: &[u8]) -> Option<String> {
    if let Ok(mut json) = serde_json::from_slice::<HashMap<String, String>>(body) {
        return json.remove("card");
    }
    let form: Uri = format!("/?{}", str::from_utf8(body).ok()?).parse().ok()?;
    query(&form).into_iter().find(|(name, _)| name == "card").map(|(_, card)| card)
}
