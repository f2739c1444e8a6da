//! A question and what became of it: the answer, or an error with its class.

use std::{collections::HashSet, time::Duration};

use alloy::{
    primitives::{hex, keccak256},
    rpc::json_rpc::{ErrorPayload, Id, RequestPacket, Response, ResponsePacket, ResponsePayload},
    transports::{RpcError, TransportError, TransportErrorKind},
};

use crate::{
    class::{Class, classify},
    method::is_send,
    wire::{Broken, Reply, Wire},
};

/// Characters of an answer that does not parse which are told.
const TOLD: usize = 200;

/// What a node made of a question.
pub(crate) type Outcome = Result<ResponsePacket, (Class, TransportError)>;

/// Asks one node once.
pub(crate) async fn ask(wire: &dyn Wire, packet: &RequestPacket) -> Outcome {
    let body = serde_json::to_vec(packet).map_err(|error| (Class::Refused, TransportError::ser_err(error)))?;
    match wire.post(body).await {
        Ok(reply) => read(&reply, packet),
        Err(broken @ Broken::TooLong(_)) => Err((Class::TooLarge { at_most: None }, lost(&broken))),
        Err(broken) => Err((Class::Transient, lost(&broken))),
    }
}

fn lost(broken: &Broken) -> TransportError {
    TransportErrorKind::custom_str(&broken.to_string())
}

fn read(reply: &Reply, packet: &RequestPacket) -> Outcome {
    let mut answers = match serde_json::from_slice(&reply.body) {
        Ok(ResponsePacket::Single(answer)) => vec![answer],
        Ok(ResponsePacket::Batch(answers)) => answers,
        Err(error) if reply.status < 300 => {
            let text: String = String::from_utf8_lossy(&reply.body).chars().take(TOLD).collect();
            return Err((Class::Garbage, TransportError::deser_err(error, text)));
        }
        // A page of HTML helps nobody.
        Err(_) => {
            let class = limited(classify(reply.status, None, ""), reply.retry_after);
            return Err((class, TransportErrorKind::http_error(reply.status, String::new())));
        }
    };
    for answer in &mut answers {
        forgive_known(answer, packet);
    }
    let errors = answers.iter().filter_map(|answer| error_of(answer, reply));
    if let Some((class, error)) = errors.max_by_key(|(class, _)| severity(class))
        && (answers.len() == 1 || spoils_a_batch(&class))
    {
        return Err((class, RpcError::ErrorResp(error)));
    }
    if let Some(id) = unmatched(&answers, packet) {
        return Err((Class::Garbage, TransportErrorKind::missing_batch_response(id)));
    }
    Ok(match packet {
        RequestPacket::Single(_) => ResponsePacket::Single(answers.remove(0)),
        RequestPacket::Batch(_) => ResponsePacket::Batch(answers),
    })
}

/// Answers of a batch are wanted together: what another node may answer better spoils all, and so does a size that the
/// caller must make smaller. Refusals stand beside the good answers.
const fn spoils_a_batch(class: &Class) -> bool {
    !matches!(class, Class::Refused)
}

const fn severity(class: &Class) -> u8 {
    match class {
        Class::Refused => 0,
        Class::TooLarge { .. } => 1,
        Class::Pruned => 2,
        Class::Lagging => 3,
        Class::Garbage => 4,
        Class::Transient => 5,
        Class::RateLimited { .. } => 6,
    }
}

fn error_of(answer: &Response, reply: &Reply) -> Option<(Class, ErrorPayload)> {
    let ResponsePayload::Failure(error) = &answer.payload else { return None };
    let data = error.data.as_ref().map_or("", |data| data.get());
    let class = classify(reply.status, Some(error.code), &format!("{} {data}", error.message));
    Some((limited(class, reply.retry_after), error.clone()))
}

fn limited(class: Class, header: Option<Duration>) -> Class {
    match class {
        Class::RateLimited { retry_after } => Class::RateLimited { retry_after: retry_after.or(header) },
        other => other,
    }
}

/// A transaction that the node has already is a transaction that was sent: its hash is the answer.
fn forgive_known(answer: &mut Response, packet: &RequestPacket) {
    let ResponsePayload::Failure(error) = &answer.payload else { return };
    let text = error.message.to_lowercase();
    if !["already known", "already imported", "known transaction"].iter().any(|words| text.contains(words)) {
        return;
    }
    let request = packet.requests().iter().find(|request| *request.id() == answer.id || packet.len() == 1);
    let Some(request) = request.filter(|request| is_send(request.method())) else { return };
    let params: Option<Vec<String>> = request.params().and_then(|params| serde_json::from_str(params.get()).ok());
    let raw = params.and_then(|params| hex::decode(params.first()?).ok());
    let hash = raw.and_then(|raw| serde_json::value::to_raw_value(&keccak256(raw)).ok());
    if let Some(hash) = hash {
        *answer = Response { id: request.id().clone(), payload: ResponsePayload::Success(hash) };
    }
}

/// An id that was asked and not answered, or answered and not asked.
fn unmatched(answers: &[Response], packet: &RequestPacket) -> Option<Id> {
    let asked: HashSet<&Id> = packet.requests().iter().map(|request| request.id()).collect();
    let answered: HashSet<&Id> = answers.iter().map(|answer| &answer.id).collect();
    asked.symmetric_difference(&answered).next().map(|id| (*id).clone())
}
