//! Blocks, logs and receipts as nodes write them.

use alloy::primitives::{B64, B256, Bytes, hex, keccak256};
use serde_json::{Value, json};

use super::block::{Block, BlockLog};

pub(super) fn quantity(number: u64) -> Value {
    Value::String(format!("{number:#x}"))
}

/// With hashes of transactions only.
pub(super) fn block(block: &Block) -> Value {
    let transactions: Vec<_> = block.transactions.iter().map(|transaction| transaction.hash).collect();
    json!({
        "number": quantity(block.number),
        "hash": block.hash,
        "parentHash": block.parent,
        "timestamp": quantity(block.time),
        "logsBloom": hex::encode_prefixed(block.bloom()),
        "transactions": transactions,
        "nonce": B64::ZERO,
        "sha3Uncles": keccak256([0xc0]),
        "transactionsRoot": keccak256(block.hash),
        "stateRoot": keccak256(block.parent),
        "receiptsRoot": B256::ZERO,
        "miner": "0x0000000000000000000000000000000000000000",
        "difficulty": "0x0",
        "extraData": Bytes::new(),
        "size": "0x220",
        "gasLimit": "0x1c9c380",
        "gasUsed": quantity(50_000 * block.transactions.len() as u64),
        "baseFeePerGas": "0x3b9aca00",
        "mixHash": B256::ZERO,
        "uncles": [],
    })
}

pub(super) fn log(block: &Block, log: &BlockLog, with_time: bool) -> Value {
    let mut written = json!({
        "address": log.address,
        "topics": log.data.topics(),
        "data": log.data.data,
        "blockNumber": quantity(block.number),
        "blockHash": block.hash,
        "transactionHash": log.tx_hash,
        "transactionIndex": quantity(log.tx_index),
        "logIndex": quantity(log.index),
        "removed": false,
    });
    if with_time {
        written["blockTimestamp"] = quantity(block.time);
    }
    written
}

/// One receipt of each transaction; those without logs reverted.
pub(super) fn receipts(block: &Block) -> Value {
    let receipts = (0_u64..).zip(&block.transactions).map(|(index, transaction)| {
        let logs: Vec<_> = block.logs.iter().filter(|log| log.tx_index == index).collect();
        let mut bloom = alloy::primitives::Bloom::ZERO;
        for log in &logs {
            bloom.accrue_raw_log(log.address, log.data.topics());
        }
        json!({
            "type": "0x2",
            "status": if logs.is_empty() { "0x0" } else { "0x1" },
            "transactionHash": transaction.hash,
            "transactionIndex": quantity(index),
            "blockHash": block.hash,
            "blockNumber": quantity(block.number),
            "from": "0x0000000000000000000000000000000000000001",
            "to": "0x0000000000000000000000000000000000000002",
            "contractAddress": null,
            "cumulativeGasUsed": quantity(50_000 * (index + 1)),
            "gasUsed": "0xc350",
            "effectiveGasPrice": "0x3b9aca00",
            "logsBloom": hex::encode_prefixed(bloom),
            "logs": logs.into_iter().map(|of| log(block, of, true)).collect::<Vec<_>>(),
        })
    });
    receipts.collect()
}
