//! Calls of contracts at a block.

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::{SolCall, SolValue},
};
use billing_bindings::{CoreSystem::serviceOfCall, PlanManager::eventCountCall};
use serde_json::Value;

use super::{
    answer::Refusal,
    block::Block,
    contract::{CORE_SYSTEM, Contract},
};

/// Addresses of one deployless call at most.
const MOST_ADDRESSES: usize = 16;

/// What a call gives at a block.
pub(super) fn call(request: &Value, block: &Block) -> Result<Bytes, Refusal> {
    let data = request["input"].as_str().or(request["data"].as_str()).unwrap_or("0x");
    let data: Bytes = data.parse().map_err(|_| Refusal::INVALID)?;
    let Some(to) = request["to"].as_str() else {
        let addresses = trailing_addresses(&data).ok_or(Refusal::REVERTED)?;
        let counts: Vec<U256> = addresses.into_iter().map(|address| U256::from(count(address, block))).collect();
        return Ok(counts.abi_encode().into());
    };
    let to: Address = to.parse().map_err(|_| Refusal::INVALID)?;
    if to == CORE_SYSTEM && data.starts_with(&serviceOfCall::SELECTOR) {
        let wanted = data.get(4..36).unwrap_or_default();
        let found = Contract::ALL.into_iter().find(|contract| contract.service().as_slice() == wanted);
        return Ok(found.map_or(Address::ZERO, Contract::address).abi_encode().into());
    }
    if Contract::at(to).is_some() && data.starts_with(&eventCountCall::SELECTOR) {
        return Ok(U256::from(count(to, block)).abi_encode().into());
    }
    Err(Refusal::REVERTED)
}

fn count(address: Address, block: &Block) -> u64 {
    Contract::at(address).map_or(0, |contract| block.state.count(contract))
}

/// A constructor's argument, which follows the code: addresses, encoded.
fn trailing_addresses(data: &[u8]) -> Option<Vec<Address>> {
    (1..=MOST_ADDRESSES).find_map(|length| {
        let argument = &data[data.len().checked_sub(64 + 32 * length)?..];
        let word = |at: usize| U256::from_be_slice(&argument[32 * at..32 * (at + 1)]);
        let fits = word(0) == U256::from(32) && word(1) == U256::from(length);
        fits.then(|| Vec::<Address>::abi_decode(argument).ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_behind_any_code() {
        for count in 1..=MOST_ADDRESSES {
            let addresses: Vec<_> =
                (1..=count).map(|n| Address::with_last_byte(u8::try_from(n).expect("few"))).collect();
            for code in [vec![0x60; 7], vec![0; 100], 32_u64.abi_encode()] {
                let data = [code, addresses.abi_encode()].concat();
                assert_eq!(trailing_addresses(&data), Some(addresses.clone()));
            }
        }
        assert_eq!(trailing_addresses(&[0x60; 500]), None);
    }
}
