//! What questions and answers tell of blocks.

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use serde_json::Value;

/// The highest block that the answers show the node to have.
pub(crate) fn head(packet: &RequestPacket, answer: &ResponsePacket) -> Option<u64> {
    let answered = answer.responses().iter().filter_map(|response| {
        let request = packet.requests().iter().find(|request| *request.id() == response.id)?;
        let result = response.payload.as_success()?.get();
        match request.method() {
            "eth_blockNumber" => quantity(&serde_json::from_str(result).ok()?),
            "eth_getBlockByNumber" | "eth_getBlockByHash" => {
                quantity(serde_json::from_str::<Value>(result).ok()?.get("number")?)
            }
            _ => None,
        }
    });
    answered.max()
}

/// Blocks that the question for logs among these spans, both ends counted; `None` for one by hash or by tag.
pub(crate) fn span(packet: &RequestPacket) -> Option<u64> {
    let request = packet.requests().iter().find(|request| request.method() == "eth_getLogs")?;
    let params: Value = serde_json::from_str(request.params()?.get()).ok()?;
    let bound = |name| quantity(params.get(0)?.get(name)?);
    bound("toBlock")?.checked_sub(bound("fromBlock")?)?.checked_add(1)
}

pub(crate) fn quantity(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}
