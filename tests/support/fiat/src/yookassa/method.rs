//! Methods that can be used again without the payer.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{refusal::Refusal, shop::Shop};

#[derive(Debug)]
pub(super) struct Method {
    pub(super) id: String,
    pub(super) saved: bool,
    pub(super) revoked: bool,
    /// What comes of the next charges; `None` for a good one.
    pub(super) script: VecDeque<Option<String>>,
}

impl Method {
    pub(super) const fn new(id: String, saved: bool) -> Self {
        Self { id, saved, revoked: false, script: VecDeque::new() }
    }

    /// Why a charge of it is declined.
    pub(super) fn charged(&mut self) -> Option<String> {
        if self.revoked { Some("permission_revoked".to_owned()) } else { self.script.pop_front().flatten() }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "type": "bank_card",
            "id": self.id,
            "saved": self.saved,
            "status": if self.saved && !self.revoked { "active" } else { "inactive" },
            "title": "Bank card *4444",
            "card": {
                "first6": "555555",
                "last4": "4444",
                "expiry_year": "2032",
                "expiry_month": "12",
                "card_type": "MasterCard",
                "issuer_country": "RU",
            },
        })
    }
}

impl Shop {
    pub(super) fn saved_method(&self, id: &str) -> Result<Value, Refusal> {
        let method = self.methods.get(id).ok_or_else(|| Refusal::not_found("Payment method"))?;
        let mut method = method.json();
        method["holder"] = self.recipient();
        Ok(method)
    }
}
