//! One question of a request, and its answer.

use serde_json::{Value, json};

/// A result, or an error with its code and text.
pub(super) type Answer = Result<Value, Value>;

#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: Value,
    pub(super) method: String,
    pub(super) params: Value,
    /// The answer is or will be another than the good node's.
    pub(super) spoiled: bool,
}

impl Call {
    pub(super) fn new(request: &Value) -> Self {
        let method = request["method"].as_str().unwrap_or_default().to_owned();
        Self { id: request["id"].clone(), method, params: request["params"].clone(), spoiled: false }
    }

    pub(super) fn request(&self, id: usize) -> Value {
        json!({ "jsonrpc": "2.0", "id": id, "method": self.method, "params": self.params })
    }

    pub(super) fn answered(&self, answer: Answer) -> Value {
        match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": self.id, "result": result }),
            Err(error) => json!({ "jsonrpc": "2.0", "id": self.id, "error": error }),
        }
    }

    pub(super) fn is_logs(&self) -> bool {
        self.method == "eth_getLogs"
    }

    /// Asks for the header of the latest block.
    pub(super) fn is_latest(&self) -> bool {
        self.method == "eth_getBlockByNumber" && is_newest(&self.params[0])
    }

    /// Where the block stands among the parameters, for questions about state.
    pub(super) fn state_block(&self) -> Option<usize> {
        match self.method.as_str() {
            "eth_call" | "eth_estimateGas" | "eth_getBalance" | "eth_getCode" | "eth_getTransactionCount" => Some(1),
            "eth_getStorageAt" => Some(2),
            _ => None,
        }
    }

    /// Replaces a parameter, also one that was left out.
    pub(super) fn set(&mut self, at: usize, value: Value) {
        if let Some(params) = self.params.as_array_mut() {
            while params.len() <= at {
                params.push(Value::Null);
            }
            params[at] = value;
            self.spoiled = true;
        }
    }

    /// Replaces a bound of a filter.
    pub(super) fn set_bound(&mut self, name: &str, block: u64) {
        if let Some(filter) = self.params.get_mut(0).and_then(Value::as_object_mut) {
            filter.insert(name.to_owned(), hex(block));
            self.spoiled = true;
        }
    }
}

/// A tag of a block that is as new as there is, or none.
pub(super) fn is_newest(block: &Value) -> bool {
    block.is_null() || block == "latest" || block == "pending"
}

pub(super) fn error(code: i64, message: impl Into<String>) -> Value {
    json!({ "code": code, "message": message.into() })
}

pub(super) fn hex(number: u64) -> Value {
    json!(format!("{number:#x}"))
}

pub(super) fn quantity(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}
