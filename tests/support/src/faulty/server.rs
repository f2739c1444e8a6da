//! HTTP.

use std::{convert::Infallible, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use serde_json::Value;

use super::{
    Active, Shared,
    before::{Turn, refused_range},
    call::{Answer, Call},
    fault::{Fault, Garbage},
};

/// Until the beginning of an answer is on its way.
const FLUSHED: Duration = Duration::from_millis(10);

pub(super) async fn answer(State(node): State<Arc<Shared>>, body: Bytes) -> Result<Response, Infallible> {
    let Ok(packet) = serde_json::from_slice::<Value>(&body) else {
        return Ok((StatusCode::BAD_REQUEST, "not JSON").into_response());
    };
    let batch = packet.is_array();
    let mut calls: Vec<Call> = match &packet {
        Value::Array(requests) => requests.iter().map(Call::new).collect(),
        request => vec![Call::new(request)],
    };
    node.counts.request();
    for call in &calls {
        node.counts.asked(&call.method);
    }
    let active = node.active();
    let response = match refused(&node, &active, &mut calls).await {
        Some(response) => response,
        // As a proxy whose backend is away.
        None => match answered(&node, active, &mut calls, batch).await {
            Ok(response) => response,
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        },
    };
    count_spoiled(&node, &calls);
    Ok(response)
}

fn count_spoiled(node: &Shared, calls: &[Call]) {
    for call in calls.iter().filter(|call| call.spoiled) {
        node.counts.spoiled(&call.method);
    }
}

/// What a request meets before anybody reads it.
async fn refused(node: &Shared, active: &[Active], calls: &mut [Call]) -> Option<Response> {
    for each in active {
        let spoil = |calls: &mut [Call]| calls.iter_mut().for_each(|call| call.spoiled = true);
        match each.fault {
            Fault::RateLimit { per_second, retry_after } if node.is_too_many(per_second) => {
                spoil(calls);
                let mut response = StatusCode::TOO_MANY_REQUESTS.into_response();
                response.headers_mut().extend(retry_after.map(|secs| (header::RETRY_AFTER, secs.into())));
                return Some(response);
            }
            Fault::Status { status, when } if node.is_due(each, when) => {
                spoil(calls);
                return Some(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY).into_response());
            }
            Fault::Hang { when } if node.is_due(each, when) => {
                spoil(calls);
                count_spoiled(node, calls);
                std::future::pending::<()>().await;
            }
            Fault::Slow(time) => {
                spoil(calls);
                tokio::time::sleep(time).await;
            }
            _ => {}
        }
    }
    None
}

async fn answered(node: &Shared, active: Vec<Active>, calls: &mut [Call], batch: bool) -> Result<Response> {
    let head = if active.iter().any(|each| each.fault.needs_head()) { node.upstream.head().await? } else { 0 };
    let lags = active.iter().any(|each| match each.fault {
        Fault::Balancer { when, splits_batches: false, .. } => node.is_due(each, when),
        _ => false,
    });
    let turn = Turn { node, active, head, lags };
    let status = refusal_status(&turn, calls, batch);
    let answers = ask(&turn, calls).await?;
    let mut bodies: Vec<Value> = calls.iter().zip(answers).map(|(call, answer)| call.answered(answer)).collect();
    let body = if batch { Value::Array(bodies) } else { bodies.remove(0) };
    Ok(sent(&turn, calls, status, body.to_string()))
}

/// The answers in the order of the questions; those for the good node go there as one request.
async fn ask(turn: &Turn<'_>, calls: &mut [Call]) -> Result<Vec<Answer>> {
    let mut answers: Vec<Option<Answer>> = Vec::with_capacity(calls.len());
    for call in &mut *calls {
        answers.push(turn.before(call).await?);
    }
    let open: Vec<usize> = (0..calls.len()).filter(|at| answers[*at].is_none()).collect();
    let mut asked: Vec<Value> = open.iter().map(|at| calls[*at].request(*at)).collect();
    let told = match asked.len() {
        0 => Vec::new(),
        1 => vec![turn.node.upstream.post(&asked.remove(0)).await?],
        _ => match turn.node.upstream.post(&Value::Array(asked)).await? {
            Value::Array(told) => told,
            other => anyhow::bail!("no answers to a batch: {other}"),
        },
    };
    for mut one in told {
        let at = one["id"].as_u64().and_then(|id| usize::try_from(id).ok()).filter(|at| *at < calls.len());
        let at = at.context("an answer to another question")?;
        let mut answer = if one["error"].is_null() { Ok(one["result"].take()) } else { Err(one["error"].take()) };
        turn.after(&mut calls[at], &mut answer);
        answers[at] = Some(answer);
    }
    answers.into_iter().map(|answer| answer.context("a question without an answer")).collect()
}

/// Some providers refuse with a status of their own; in a batch each part has its own error.
fn refusal_status(turn: &Turn<'_>, calls: &[Call], batch: bool) -> StatusCode {
    let refused = turn.active.iter().find_map(|active| match active.fault {
        Fault::MostBlocks { blocks, provider } if !batch => {
            let (from, to) = refused_range(&calls[0], blocks, turn.head)?;
            StatusCode::from_u16(provider.refusal(blocks, from, to).0).ok()
        }
        _ => None,
    });
    refused.unwrap_or(StatusCode::OK)
}

/// The answer, or what comes of it on the way.
fn sent(turn: &Turn<'_>, calls: &mut [Call], status: StatusCode, body: String) -> Response {
    let spoil = turn.active.iter().find_map(|active| match active.fault {
        Fault::Garbage { garbage, when } if turn.node.is_due(active, when) => Some(Some(garbage)),
        Fault::BreaksOff { when } if turn.node.is_due(active, when) => Some(None),
        _ => None,
    });
    if spoil.is_some() {
        calls.iter_mut().for_each(|call| call.spoiled = true);
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    let half = || body.as_bytes()[..body.len() / 2].to_vec();
    match spoil {
        None => (status, json, body).into_response(),
        Some(Some(Garbage::Html)) => {
            let page = "<html><head><title>Attention required</title></head><body>One more step</body></html>";
            (StatusCode::OK, [(header::CONTENT_TYPE, "text/html")], page).into_response()
        }
        Some(Some(Garbage::HalfJson)) => (StatusCode::OK, json, half()).into_response(),
        Some(Some(Garbage::Empty)) => (StatusCode::OK, json).into_response(),
        Some(None) => {
            let parts = [Ok(Bytes::from(half())), Err(std::io::Error::other("the connection is reset"))];
            let length = [(header::CONTENT_LENGTH, body.len())];
            // Without a pause the connection would end before its first byte.
            let parts = futures::stream::iter(parts).then(async |part| {
                tokio::time::sleep(if part.is_err() { FLUSHED } else { Duration::ZERO }).await;
                part
            });
            (StatusCode::OK, json, length, Body::from_stream(parts)).into_response()
        }
    }
}
