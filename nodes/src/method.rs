//! Kinds of questions: what they cost, what a hedge may repeat.

use alloy::rpc::json_rpc::RequestPacket;

/// What is asked, as coarse as latencies and metrics need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Number of the latest block, chain id: what a node answers from memory.
    Head,
    /// Logs.
    Logs,
    /// Blocks, transactions, receipts.
    Block,
    /// State and simulations.
    Call,
    /// A signed transaction.
    Send,
    /// Several at once.
    Batch,
}

impl Kind {
    pub(crate) const COUNT: usize = 6;

    pub(crate) fn of(packet: &RequestPacket) -> Self {
        if packet.requests().iter().any(|request| is_send(request.method())) {
            return Self::Send;
        }
        match packet {
            RequestPacket::Batch(_) => Self::Batch,
            RequestPacket::Single(request) => match request.method() {
                "eth_blockNumber" | "eth_chainId" | "eth_gasPrice" | "eth_maxPriorityFeePerGas" => Self::Head,
                "eth_getLogs" => Self::Logs,
                method if method.starts_with("eth_getBlock") || method.starts_with("eth_getTransactionBy") => {
                    Self::Block
                }
                "eth_getTransactionReceipt" => Self::Block,
                _ => Self::Call,
            },
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Label of metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Logs => "logs",
            Self::Block => "block",
            Self::Call => "call",
            Self::Send => "send",
            Self::Batch => "batch",
        }
    }
}

pub(crate) fn is_send(method: &str) -> bool {
    method.starts_with("eth_sendRawTransaction")
}
