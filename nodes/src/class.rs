//! What an error of a node says about asking again.

use std::time::Duration;

use alloy::transports::{RpcError, TransportError, TransportErrorKind};

use crate::limits::{self, AtMost};

/// Kinds of trouble, by what helps against them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// The answer would be too large, or takes too long: a smaller question helps.
    TooLarge {
        /// What the node says it would take.
        at_most: Option<AtMost>,
    },
    /// Too many questions: another node, or later.
    RateLimited {
        /// How long the node wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// Trouble of the node or the way to it: another node, or later.
    Transient,
    /// The node does not have the block yet: another node, or soon.
    Lagging,
    /// The node no longer has the state or the history: only another node helps.
    Pruned,
    /// No answer to what was asked: not JSON, cut short, of another question.
    Garbage,
    /// Every node would say the same: reverted, invalid, nonce too low.
    Refused,
}

impl Class {
    /// Label of metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::RateLimited { .. } => "rate_limited",
            Self::Transient => "transient",
            Self::Lagging => "lagging",
            Self::Pruned => "pruned",
            Self::Garbage => "garbage",
            Self::Refused => "refused",
        }
    }
}

// Each list is looked for in a text in lower case, in the order in which `by_text` names them: "rate limit exceeded" is
// no size, and "execution reverted: rate limit" is a contract's own word.
const REFUSED: [&str; 15] = [
    "execution reverted",
    "vm exception while processing",
    "vm execution error",
    "nonce too low",
    "nonce too high",
    "already known",
    "already imported",
    "replacement transaction underpriced",
    "transaction underpriced",
    "insufficient funds",
    "intrinsic gas too low",
    "exceeds block gas limit",
    "max fee per gas less than block base fee",
    "invalid sender",
    "invalid block range",
];
const RATE: [&str; 13] = [
    "rate limit",
    "rate-limit",
    "ratelimit",
    "too many requests",
    "request limit",
    "credits limited",
    "compute units per second",
    "rate exceeded",
    "request count exceeded",
    "requests per",
    "concurrent requests",
    "exceeded the quota",
    "capacity exceeded",
];
const PRUNED: [&str; 11] = [
    "missing trie node",
    "missingtrienodeexception",
    "is pruned",
    "been pruned",
    "pruned history",
    "historical state",
    "state is not available",
    "state not available",
    "world state unavailable",
    "history is not available",
    "older than the oldest",
];
const LAGGING: [&str; 9] = [
    "unknown block",
    "header not found",
    "block not found",
    "header for hash not found",
    "future block",
    "block is not available",
    "beyond current head",
    "beyond the latest",
    "greater than latest block",
];
const TOO_LARGE: [&str; 29] = [
    "query returned more than",
    "exceeds max results",
    "exceeds limit of",
    "block range",
    "blocks range",
    "too many blocks",
    "max range",
    "number of requested blocks",
    "response size",
    "response too large",
    "response is too big",
    "is too large, max is",
    "limited to a ",
    "limited to ",
    "for your plan",
    "at most",
    "smaller than size",
    "blocks distance",
    "exceeds maximum rpc range",
    "ranges over",
    "query timeout",
    "query timed out",
    "query duration",
    "request timed out",
    "execution timeout",
    "execution aborted (timeout",
    "too many results",
    "too many logs",
    "limit exceeded",
];
const TRANSIENT: [&str; 8] = [
    "no backend is currently healthy",
    "temporarily unavailable",
    "try again",
    "internal error",
    "internal server error",
    "upstream",
    "connection re",
    "service unavailable",
];

/// The class of an error.
///
/// `status` is the HTTP status; `code` the JSON-RPC error's, `None` where the body was no JSON-RPC; `message` the error's
/// text, with its data where that is a text.
#[must_use]
pub fn classify(status: u16, code: Option<i64>, message: &str) -> Class {
    let Some(code) = code else { return by_status(status) };
    let text = message.to_lowercase();
    // EIP-1474 means a size by it, some providers a rate: the text decides first.
    by_text(&text, &[REFUSED.as_slice()], &Class::Refused)
        .or_else(|| by_text(&text, &[&RATE], &Class::RateLimited { retry_after: try_again_in(&text) }))
        .or_else(|| by_text(&text, &[&PRUNED], &Class::Pruned))
        .or_else(|| by_text(&text, &[&LAGGING], &Class::Lagging))
        .or_else(|| by_text(&text, &[&TOO_LARGE], &Class::TooLarge { at_most: limits::at_most(&text) }))
        .unwrap_or_else(|| by_code(status, code, &text))
}

fn by_text(text: &str, lists: &[&[&str]], class: &Class) -> Option<Class> {
    lists.iter().any(|list| list.iter().any(|words| text.contains(words))).then(|| class.clone())
}

fn by_code(status: u16, code: i64, text: &str) -> Class {
    match (status, code) {
        (413, _) | (_, -32_005) => Class::TooLarge { at_most: None },
        (429, _) | (_, 429 | -32_029 | -32_097 | 1_008) => Class::RateLimited { retry_after: None },
        (_, 4_444) => Class::Pruned,
        (_, -32_001) => Class::Lagging,
        (_, 3 | -32_700 | -32_601..=-32_600 | -32_602 | -32_604) => Class::Refused,
        (_, -32_603 | -32_002 | -32_011 | -32_055) => Class::Transient,
        _ if status >= 500 || TRANSIENT.iter().any(|words| text.contains(words)) => Class::Transient,
        _ => Class::Refused,
    }
}

const fn by_status(status: u16) -> Class {
    match status {
        413 => Class::TooLarge { at_most: None },
        429 => Class::RateLimited { retry_after: None },
        // A key that is refused is this node's trouble: another may serve.
        401 | 402 | 403 | 408 | 500.. => Class::Transient,
        _ => Class::Garbage,
    }
}

/// "try again in 4ms", "try again in 1s".
fn try_again_in(text: &str) -> Option<Duration> {
    let after = text.split_once("try again in ")?.1;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let number = after[..digits].parse().ok()?;
    if after[digits..].starts_with("ms") {
        Some(Duration::from_millis(number))
    } else {
        after[digits..].starts_with('s').then(|| Duration::from_secs(number))
    }
}

/// The class of an error that a [`crate::Pool`] gave.
#[must_use]
pub fn class_of(error: &TransportError) -> Class {
    match error {
        RpcError::ErrorResp(answer) => {
            let data = answer.data.as_ref().map_or("", |data| data.get());
            classify(200, Some(answer.code), &format!("{} {data}", answer.message))
        }
        RpcError::Transport(TransportErrorKind::HttpError(error)) => classify(error.status, None, ""),
        RpcError::DeserError { .. } | RpcError::NullResp => Class::Garbage,
        RpcError::SerError(_) | RpcError::LocalUsageError(_) => Class::Refused,
        _ => Class::Transient,
    }
}
