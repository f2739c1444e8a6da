//! What a transaction may cost (EIP-1559).

use alloy::providers::Provider;

use super::{ChainError, Rpc};

const GWEI: u128 = 1_000_000_000;
/// Nodes refuse a replacement below 10 % more; some ask for 12.5 %.
const BUMP_PER_THOUSAND: u128 = 125;

/// Highest fee and tip, in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// Base fee and tip together, at most.
    pub max_fee: u128,
    /// Tip at most.
    pub priority: u128,
}

/// Fees under which a transaction is included even if the base fee doubles, never above the network's cap.
///
/// # Errors
/// `FeeAboveCap` when inclusion now would already cost more than the cap; a node's.
pub async fn current(rpc: &Rpc) -> Result<Fees, ChainError> {
    let estimate = rpc.provider.estimate_eip1559_fees().await.map_err(|e| rpc.error(&e))?;
    let base =
        rpc.provider.get_block_by_number(alloy::eips::BlockNumberOrTag::Latest).await.map_err(|e| rpc.error(&e))?;
    let base = u128::from(base.and_then(|block| block.header.base_fee_per_gas).unwrap_or_default());
    let cap = u128::from(rpc.network.max_fee_gwei) * GWEI;
    let least = base + estimate.max_priority_fee_per_gas;
    if least > cap {
        return Err(ChainError::FeeAboveCap {
            network: rpc.network.name.clone(),
            price_wei: least,
            cap_gwei: rpc.network.max_fee_gwei,
        });
    }
    Ok(Fees {
        max_fee: (base * 2 + estimate.max_priority_fee_per_gas).min(cap),
        priority: estimate.max_priority_fee_per_gas,
    })
}

impl Fees {
    /// Fees that replace these in a node's pool: the current ones, or an eighth more than before. `None` past `cap_gwei`.
    #[must_use]
    pub fn replacing(self, current: Self, cap_gwei: u64) -> Option<Self> {
        let more = |fee: u128| fee + fee * BUMP_PER_THOUSAND / 1_000 + 1;
        let fees = Self {
            max_fee: current.max_fee.max(more(self.max_fee)),
            priority: current.priority.max(more(self.priority)),
        };
        (fees.max_fee <= u128::from(cap_gwei) * GWEI).then_some(fees)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_pays_an_eighth_more_and_never_above_the_cap() {
        let old = Fees { max_fee: 1_000, priority: 80 };
        let low = Fees { max_fee: 10, priority: 10 };
        assert_eq!(old.replacing(low, 1), Some(Fees { max_fee: 1_126, priority: 91 }));
        let high = Fees { max_fee: 5_000, priority: 500 };
        assert_eq!(old.replacing(high, 1), Some(high));
        assert_eq!(Fees { max_fee: GWEI, priority: 1 }.replacing(low, 1), None);
    }
}
