//! One JSON-RPC question, one answer.

use alloy::primitives::{Address, B256, Bytes};
use serde_json::{Value, json};

use super::{
    block::Block,
    call::call,
    chain::SimulatedChain,
    contract::{CORE_SYSTEM, Contract},
    fault::NodeFault,
    json,
    view::{View, Wanted},
};

/// An error that a node answers with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal(i64, &'static str);

impl Refusal {
    pub(super) const INVALID: Self = Self(-32_602, "invalid params");
    pub(super) const REVERTED: Self = Self(3, "execution reverted");
    const UNKNOWN_METHOD: Self = Self(-32_601, "the method does not exist or is not available");
    const UNKNOWN_BLOCK: Self = Self(-32_001, "unknown block");
    const NO_HEADER: Self = Self(-32_000, "header not found");
    const TOO_MANY: Self = Self(-32_005, "query returned more than 10000 results");
    const PRUNED: Self = Self(-32_000, "missing trie node: state is not available");
}

/// The node that answers, at this moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mood {
    /// What is wrong with it, if that shows now.
    pub(super) fault: Option<NodeFault>,
    /// Whether logs tell their block's time.
    pub(super) log_times: bool,
}

/// Answers one question of a request.
pub(super) fn answer(chain: &SimulatedChain, question: &Value, mood: Mood) -> Value {
    let (method, params) = (question["method"].as_str().unwrap_or_default(), &question["params"]);
    match result(chain, method, params, mood) {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": question["id"], "result": result }),
        Err(Refusal(code, message)) => {
            json!({ "jsonrpc": "2.0", "id": question["id"], "error": { "code": code, "message": message } })
        }
    }
}

fn result(chain: &SimulatedChain, method: &str, params: &Value, mood: Mood) -> Result<Value, Refusal> {
    let chain = chain.lock();
    let view = View::new(&chain, mood.fault);
    let blind = matches!(mood.fault, Some(NodeFault::Blind { .. }));
    let written = |block: &Block| {
        let mut written = json::block(block);
        if blind && let Some(fields) = written.as_object_mut() {
            fields.remove("logsBloom");
        }
        written
    };
    let text = |place: usize| params[place].as_str().ok_or(Refusal::INVALID);
    Ok(match method {
        "eth_chainId" => json::quantity(chain.chain_id),
        "net_version" => Value::String(chain.chain_id.to_string()),
        "eth_blockNumber" => json::quantity(view.head),
        "eth_getBlockByNumber" => view.by_tag(text(0)?).map_or(Value::Null, |block| written(block)),
        "eth_getBlockByHash" => view.by_hash(hash(text(0)?)?).map_or(Value::Null, |block| written(block)),
        "eth_getBlockReceipts" if blind => return Err(Refusal::UNKNOWN_METHOD),
        "eth_getBlockReceipts" => view.block(&params[0]).map_or(Value::Null, |block| json::receipts(block)),
        "eth_getLogs" => logs(&view, &params[0], mood)?,
        "eth_getCode" => json!(code(text(0)?)?),
        "eth_call" if mood.fault.is_some_and(NodeFault::has_no_state) && params[0]["to"] != json!(CORE_SYSTEM) => {
            return Err(Refusal::PRUNED);
        }
        "eth_call" => json!(call(&params[0], view.block(&params[1]).ok_or(Refusal::NO_HEADER)?)?),
        _ => return Err(Refusal::UNKNOWN_METHOD),
    })
}

fn hash(text: &str) -> Result<B256, Refusal> {
    text.parse().map_err(|_| Refusal::INVALID)
}

fn code(address: &str) -> Result<Bytes, Refusal> {
    let address: Address = address.parse().map_err(|_| Refusal::INVALID)?;
    let ours = address == CORE_SYSTEM || Contract::at(address).is_some();
    // The code of a contract is its own.
    Ok(if ours { Bytes::copy_from_slice(&[&[0x60, 0x80], address.as_slice()].concat()) } else { Bytes::new() })
}

fn logs(view: &View<'_>, filter: &Value, mood: Mood) -> Result<Value, Refusal> {
    let blocks: Vec<_> = if let Some(hash_text) = filter["blockHash"].as_str() {
        vec![view.by_hash(hash(hash_text)?).ok_or(Refusal::UNKNOWN_BLOCK)?]
    } else {
        let bound = |name: &str| view.number(filter[name].as_str().unwrap_or("latest")).ok_or(Refusal::INVALID);
        view.range(bound("fromBlock")?, bound("toBlock")?).collect()
    };
    let wanted = Wanted::of(filter);
    let found = blocks.iter().flat_map(|block| block.logs.iter().map(move |log| (block, log)));
    let mut found: Vec<_> = found.filter(|(_, log)| wanted.holds(log)).collect();
    match mood.fault {
        Some(NodeFault::TooMany { logs }) if found.len() > logs => return Err(Refusal::TOO_MANY),
        Some(NodeFault::NoLogs { .. } | NodeFault::Blind { .. }) => found.clear(),
        Some(NodeFault::OneLogLess { .. }) if !found.is_empty() => drop(found.remove(found.len() / 2)),
        _ => {}
    }
    Ok(found.into_iter().map(|(block, log)| json::log(block, log, mood.log_times)).collect())
}
