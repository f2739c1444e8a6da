use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use billing_core::{
    catalog::{self, Pack},
    ids::PaymentId,
    payments::{self, Asked, Bought, Order, Payment, PaymentError, Pays, Purpose, ReceiptTerms, Status},
};
use billing_fiat::Currency;
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout_at};
use utoipa::ToSchema;

use super::{
    packs::{is_pack_id, no_pack},
    payer::{buyer, return_url},
    payments::{PaymentAnswer, no_payment, owner},
};
use crate::{
    auth::{Internal, Service},
    extract::{Body, IdempotencyKey},
    problem::{self, Problem},
    state::AppState,
};

/// For the provider's first answer; within a request's time.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Between two looks whether another process has it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Credits for a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TopUp {
    pack_id: String,
    /// `yookassa` or `stripe`.
    provider: String,
    /// ISO 4217; the pack must have a price in it.
    currency: String,
    /// Who is given the credits: `telegram:42`, a wallet's address, ...; up to 128 characters.
    owner: String,
    /// Where the provider sends the payer afterwards; https, or http.
    return_url: String,
    /// For the receipt and the provider's letters.
    email: Option<String>,
    /// As above; E.164 digits without a plus.
    phone: Option<String>,
    /// Whether the method is kept, so that later payments need nobody.
    #[serde(default)]
    save_method: bool,
}

/// Asks for a payment that gives credits
///
/// The payment is written before the provider is asked for it, and booked when the provider says that it is paid. With the same key
/// and the same body it is the same payment, whatever died in between. 202: the provider was not heard yet; ask again with
/// the same key, or read the payment, until it is no longer `created`.
#[utoipa::path(post, path = "/v1/billing/topups", tag = "payments", request_body = TopUp, security(("service_token" = [])),
    params(("Idempotency-Key" = String, Header, description = "The caller's own, 1 to 255 visible ASCII characters")),
    responses(
        (status = CREATED, body = PaymentAnswer),
        (status = ACCEPTED, body = PaymentAnswer),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn create_topup(
    State(state): State<AppState>,
    Internal(service): Internal,
    IdempotencyKey(key): IdempotencyKey,
    Body(request): Body<TopUp>,
) -> Result<(StatusCode, Json<PaymentAnswer>), Problem> {
    let order = order(&state, &service, key, request).await?;
    let mut conn = state.pool.acquire().await?;
    let id = payments::start_in_tx(&mut conn, &state.providers, &order).await?;
    drop(conn);
    tracing::info!(target: "audit", service = %service.name, payment.id = %id, provider = order.provider,
        owner = order.owner, amount = %order.amount, "top-up");
    let payment = sent(&state, id).await?;
    let status = if payment.status == Status::Created { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    Ok((status, Json(payment.into())))
}

async fn order(state: &AppState, service: &Service, key: String, request: TopUp) -> Result<Order, Problem> {
    let can = state.providers.get(&request.provider)?.capabilities();
    let currency: Currency = request.currency.parse().map_err(|error| Problem::field("currency", error))?;
    owner(&request.owner)?;
    let buyer = buyer(request.email, request.phone)?;
    return_url(&request.return_url)?;
    let pack = pack(state, &request.pack_id).await?;
    let amount = pack.price(currency).ok_or_else(|| Problem::field("currency", "the pack has no price in it"))?;
    let receipt = (can.receipts && (buyer.email.is_some() || buyer.phone.is_some())).then_some(ReceiptTerms {
        vat_code: pack.vat_code,
        payment_subject: pack.payment_subject,
        payment_mode: pack.payment_mode,
    });
    let bought = Bought { pack: pack.id, asset: pack.asset, credits: pack.credits, expires_days: pack.expires_days };
    Ok(Order {
        asked: Asked { by: service.name.clone(), key },
        provider: request.provider,
        owner: request.owner,
        amount,
        purpose: Purpose::TopUp(bought),
        pays: Pays::OnPage { return_url: request.return_url, save_method: request.save_method },
        description: pack.title,
        buyer,
        receipt,
    })
}

async fn pack(state: &AppState, id: &str) -> Result<Pack, Problem> {
    let found = if is_pack_id(id) { catalog::find(&state.pool, id).await? } else { None };
    let pack = found.ok_or_else(no_pack)?;
    if pack.retired {
        return Err(Problem::new(StatusCode::CONFLICT, "pack-retired", "This pack is not sold any more"));
    }
    Ok(pack)
}

/// Sends it, or waits for who does, as long as a caller waits.
pub(super) async fn sent(state: &AppState, id: PaymentId) -> Result<Payment, Problem> {
    let deadline = Instant::now() + ANSWER_WAIT;
    let (pool, providers) = (state.pool.clone(), state.providers.clone());
    let payment = find(state, id).await?;
    if payment.status != Status::Created {
        return Ok(payment);
    }
    // On a task of its own: what was begun is finished when the caller leaves, or its time is over.
    let advance =
        tokio::spawn(async move { payments::advance(&pool, &providers, id, OffsetDateTime::now_utc()).await });
    match timeout_at(deadline, advance).await {
        Err(_) => {}
        Ok(Err(panicked)) => return Err(problem::logged(&panicked)),
        Ok(Ok(Ok(_))) => {
            while find(state, id).await?.status == Status::Created && Instant::now() < deadline {
                sleep(LOOK_EVERY).await;
            }
        }
        Ok(Ok(Err(PaymentError::Provider(error)))) => {
            tracing::warn!(payment.id = %id, %error, "a payment is sent again later");
        }
        Ok(Ok(Err(error))) => return Err(error.into()),
    }
    find(state, id).await
}

async fn find(state: &AppState, id: PaymentId) -> Result<Payment, Problem> {
    payments::find(&state.pool, id).await?.ok_or_else(no_payment)
}
