//! What a merchant signs, and whether it can be.

use alloy::{
    primitives::{Address, B256, U256, aliases::U96},
    sol_types::{Eip712Domain, SolStruct},
};
use billing_bindings::IPlanManager::Plan;
use time::OffsetDateTime;

use super::{Invalid, PlanError};
use crate::{
    ids::ChainId,
    money::{MAX_BPS, TokenAmount},
};

/// Terms of a plan. Other terms are another plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanTerms {
    /// Chains on which the plan may be created; 1 to 32, each once.
    pub chain_ids: Vec<ChainId>,
    /// Receiver of every charge net of fee; the signer.
    pub merchant: Address,
    /// Zero for the native coin.
    pub token: Address,
    /// One charge, smallest unit; 1 to 2^96 - 1.
    pub price: TokenAmount,
    /// Length of a period in seconds; at least an hour.
    pub period_secs: u32,
    /// Seconds from the first subscription to the first charge; zero for none.
    pub trial_secs: u32,
    /// Highest fee the merchant accepts, in 1/10,000 of the price.
    pub max_fee_bps: u16,
    /// Makes otherwise equal plans distinct.
    pub salt: U256,
    /// Last instant at which it may be created on a chain, whole seconds; `None` for no limit.
    pub expiry_at: Option<OffsetDateTime>,
}

/// Chains of one plan at most, as in the contract.
const MAX_CHAINS: usize = 32;
/// Shortest period in seconds, as in the contract.
const MIN_PERIOD_SECS: u32 = 3_600;
/// Longest description's address in bytes.
const MAX_URI: usize = 2_048;

/// Every field at fault; an empty list never comes back.
///
/// # Errors
/// `Invalid`, with what to change.
pub fn check(terms: &PlanTerms, uri: &str, now: OffsetDateTime) -> Result<(), PlanError> {
    let mut invalid = Vec::new();
    let mut require = |good: bool, field: &'static str, problem: &str| {
        if !good {
            invalid.push(Invalid { field, problem: problem.to_owned() });
        }
    };
    let mut chains = terms.chain_ids.clone();
    chains.sort_unstable();
    chains.dedup();
    require((1..=MAX_CHAINS).contains(&terms.chain_ids.len()), "chain_ids", "list 1 to 32 chains");
    require(chains.len() == terms.chain_ids.len(), "chain_ids", "list each chain once");
    require(terms.chain_ids.iter().all(|id| id.0 > 0), "chain_ids", "chain ids are positive");
    require(!terms.merchant.is_zero(), "merchant", "must not be the zero address");
    require(!terms.price.0.is_zero(), "price", "must be at least 1");
    require(terms.price.0.bit_len() <= 96, "price", "must be below 2^96");
    require(terms.period_secs >= MIN_PERIOD_SECS, "period_secs", "must be at least 3600");
    require(terms.max_fee_bps <= MAX_BPS, "max_fee_bps", "must be at most 10000");
    require(terms.expiry_at.is_none_or(|at| at > now), "expiry_at", "must be in the future");
    require(uri.len() <= MAX_URI, "uri", "must be at most 2048 bytes");
    if invalid.is_empty() { Ok(()) } else { Err(PlanError::Invalid(invalid)) }
}

impl PlanTerms {
    /// As the contract takes them. Terms that [`check`] refuses may lose digits here.
    #[must_use]
    pub fn to_contract(&self) -> Plan {
        Plan {
            chainIds: self.chain_ids.iter().map(|id| U256::from(id.as_u64())).collect(),
            merchant: self.merchant,
            token: self.token,
            price: self.price.0.wrapping_to::<U96>(),
            period: self.period_secs,
            trial: self.trial_secs,
            maxFeeBps: self.max_fee_bps,
            salt: self.salt,
            expiry: self.expiry_at.map_or(0, |at| at.unix_timestamp().unsigned_abs()),
        }
    }
}

/// The domain that merchants sign under: no chain id, so that one signature serves every chain that the message lists.
#[must_use]
pub fn domain(plan_manager: Address) -> Eip712Domain {
    Eip712Domain::new(Some("Abono".into()), Some("1".into()), None, Some(plan_manager), None)
}

/// The plan's hash: the EIP-712 digest of its terms, equal on every chain.
#[must_use]
pub fn hash(terms: &PlanTerms, plan_manager: Address) -> B256 {
    terms.to_contract().eip712_signing_hash(&domain(plan_manager))
}

/// What `eth_signTypedData_v4` takes. Numbers are decimal strings: wallets read JSON numbers as doubles.
#[must_use]
pub fn typed_data(terms: &PlanTerms, plan_manager: Address) -> serde_json::Value {
    let plan = terms.to_contract();
    let chain_ids: Vec<String> = plan.chainIds.iter().map(ToString::to_string).collect();
    serde_json::json!({
        "types": {
            "EIP712Domain": [
                { "name": "name", "type": "string" },
                { "name": "version", "type": "string" },
                { "name": "verifyingContract", "type": "address" },
            ],
            "Plan": [
                { "name": "chainIds", "type": "uint256[]" },
                { "name": "merchant", "type": "address" },
                { "name": "token", "type": "address" },
                { "name": "price", "type": "uint96" },
                { "name": "period", "type": "uint32" },
                { "name": "trial", "type": "uint32" },
                { "name": "maxFeeBps", "type": "uint16" },
                { "name": "salt", "type": "uint256" },
                { "name": "expiry", "type": "uint64" },
            ],
        },
        "primaryType": "Plan",
        "domain": { "name": "Abono", "version": "1", "verifyingContract": plan_manager },
        "message": {
            "chainIds": chain_ids,
            "merchant": plan.merchant,
            "token": plan.token,
            "price": plan.price.to_string(),
            "period": plan.period.to_string(),
            "trial": plan.trial.to_string(),
            "maxFeeBps": plan.maxFeeBps.to_string(),
            "salt": plan.salt.to_string(),
            "expiry": plan.expiry.to_string(),
        },
    })
}

#[cfg(test)]
mod tests {
    use alloy::dyn_abi::TypedData;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn terms() -> PlanTerms {
        PlanTerms {
            chain_ids: vec![ChainId(1), ChainId(137)],
            merchant: Address::repeat_byte(1),
            token: Address::ZERO,
            price: TokenAmount(U256::from(10_000_000)),
            period_secs: 86_400,
            trial_secs: 0,
            max_fee_bps: 250,
            salt: U256::MAX,
            expiry_at: None,
        }
    }

    #[test]
    fn a_wallet_that_signs_the_typed_data_signs_the_plan_hash() {
        let manager = Address::repeat_byte(9);
        let typed: TypedData = serde_json::from_value(typed_data(&terms(), manager)).expect("typed data");
        assert_eq!(typed.eip712_signing_hash().expect("hash"), hash(&terms(), manager));
    }

    #[test]
    fn terms_that_cannot_be_are_refused_by_field() {
        let fields = |change: fn(&mut PlanTerms)| {
            let mut terms = terms();
            change(&mut terms);
            match check(&terms, "", NOW) {
                Err(PlanError::Invalid(list)) => list.into_iter().map(|invalid| invalid.field).collect::<Vec<_>>(),
                _ => Vec::new(),
            }
        };
        assert!(fields(|_| ()).is_empty());
        assert_eq!(fields(|terms| terms.chain_ids.clear()), ["chain_ids"]);
        assert_eq!(fields(|terms| terms.chain_ids.push(ChainId(1))), ["chain_ids"]);
        assert_eq!(fields(|terms| terms.merchant = Address::ZERO), ["merchant"]);
        assert_eq!(fields(|terms| terms.price = TokenAmount::ZERO), ["price"]);
        assert_eq!(fields(|terms| terms.price = TokenAmount(U256::ONE << 96)), ["price"]);
        assert_eq!(fields(|terms| terms.period_secs = 3_599), ["period_secs"]);
        assert_eq!(fields(|terms| terms.max_fee_bps = 10_001), ["max_fee_bps"]);
        assert_eq!(fields(|terms| terms.expiry_at = Some(NOW)), ["expiry_at"]);
    }
}
