//! What a node answers that has only some of the blocks.

use anyhow::Result;
use serde_json::{Value, json};

use super::{
    call::{Answer, Call, error, hex, is_newest, quantity},
    upstream::Upstream,
};

/// The block that a question names.
enum Named {
    Number(u64),
    Newest,
    Hash(Value),
    /// Older ones by a tag.
    Other,
}

fn named(block: &Value) -> Named {
    if is_newest(block) {
        return Named::Newest;
    }
    // A hash stands by itself or in an object.
    let hash = if block.as_str().is_some_and(|text| text.len() == 66) { block } else { &block["blockHash"] };
    if !hash.is_null() {
        return Named::Hash(hash.clone());
    }
    let number = quantity(block).or_else(|| quantity(&block["blockNumber"]));
    number.map_or(Named::Other, Named::Number)
}

async fn is_above(upstream: &Upstream, named: &Named, top: u64) -> Result<bool> {
    Ok(match named {
        Named::Number(number) => *number > top,
        Named::Hash(hash) => upstream.number_of(hash).await?.is_some_and(|number| number > top),
        Named::Newest | Named::Other => false,
    })
}

/// Lets a question see the blocks up to `top`; gives the answer where it is about others.
pub(super) async fn up_to(upstream: &Upstream, call: &mut Call, top: u64) -> Result<Option<Answer>> {
    let hidden = match call.method.as_str() {
        "eth_blockNumber" => Some(Ok(hex(top))),
        "eth_getLogs" => logs_up_to(upstream, call, top).await?,
        "eth_getBlockByNumber" | "eth_getBlockReceipts" => match named(&call.params[0]) {
            Named::Newest => {
                call.set(0, hex(top));
                None
            }
            other => is_above(upstream, &other, top).await?.then_some(Ok(Value::Null)),
        },
        "eth_getBlockByHash" => {
            is_above(upstream, &Named::Hash(call.params[0].clone()), top).await?.then_some(Ok(Value::Null))
        }
        _ => state_up_to(upstream, call, top).await?,
    };
    call.spoiled |= hidden.is_some();
    Ok(hidden)
}

async fn state_up_to(upstream: &Upstream, call: &mut Call, top: u64) -> Result<Option<Answer>> {
    let Some(at) = call.state_block() else { return Ok(None) };
    let block = named(&call.params[at]);
    if is_above(upstream, &block, top).await? {
        let text = if matches!(block, Named::Hash(_)) { "header for hash not found" } else { "header not found" };
        return Ok(Some(Err(error(-32_000, text))));
    }
    if matches!(block, Named::Newest) {
        call.set(at, hex(top));
    }
    Ok(None)
}

async fn logs_up_to(upstream: &Upstream, call: &mut Call, top: u64) -> Result<Option<Answer>> {
    let filter = &call.params[0];
    if !filter["blockHash"].is_null() {
        let above = is_above(upstream, &Named::Hash(filter["blockHash"].clone()), top).await?;
        return Ok(above.then(|| Err(error(-32_000, "unknown block"))));
    }
    let bound = |name: &str| match named(&filter[name]) {
        Named::Number(number) => number,
        _ => u64::MAX,
    };
    let (from, to) = (bound("fromBlock"), bound("toBlock"));
    if from > top && from < u64::MAX {
        return Ok(Some(Ok(json!([]))));
    }
    if to > top {
        call.set_bound("toBlock", top);
        if from > top {
            call.set_bound("fromBlock", top);
        }
    }
    Ok(None)
}

/// Takes transactions of hidden blocks out of an answer.
pub(super) fn hide_above(call: &mut Call, answer: &mut Answer, top: u64) {
    let about_transactions = matches!(call.method.as_str(), "eth_getTransactionReceipt" | "eth_getTransactionByHash");
    if let (true, Ok(found)) = (about_transactions, answer)
        && quantity(&found["blockNumber"]).is_some_and(|number| number > top)
    {
        *found = Value::Null;
        call.spoiled = true;
    }
}

/// Whether a question about state is about a block below `bottom`.
pub(super) async fn is_state_below(upstream: &Upstream, call: &Call, bottom: u64) -> Result<bool> {
    let Some(at) = call.state_block() else { return Ok(false) };
    Ok(match named(&call.params[at]) {
        Named::Number(number) => number < bottom,
        Named::Hash(hash) => upstream.number_of(&hash).await?.is_some_and(|number| number < bottom),
        Named::Newest | Named::Other => false,
    })
}

/// What of a question about logs is below `bottom`.
pub(super) enum Below {
    Nothing,
    Some,
    All,
}

pub(super) async fn logs_below(upstream: &Upstream, call: &Call, bottom: u64) -> Result<Below> {
    let filter = &call.params[0];
    if !call.is_logs() {
        return Ok(Below::Nothing);
    }
    if !filter["blockHash"].is_null() {
        let number = upstream.number_of(&filter["blockHash"]).await?;
        return Ok(if number.is_some_and(|number| number < bottom) { Below::All } else { Below::Nothing });
    }
    let below = |name: &str| quantity(&filter[name]).is_some_and(|number| number < bottom);
    Ok(match (below("fromBlock"), below("toBlock")) {
        (_, true) => Below::All,
        (true, false) => Below::Some,
        (false, false) => Below::Nothing,
    })
}
