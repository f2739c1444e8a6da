//! Accounts and plans by number. Some share their first eight bytes, by which the mirror finds logs: each must still get
//! its own and nobody else's.

use alloy::primitives::{Address, B256, keccak256};

/// Different beginnings among accounts, and among plans.
const BEGINNINGS: u64 = 9;
/// Accounts that do something.
pub(super) const PEOPLE: u64 = 24;

/// The account of that number.
pub(super) fn person(number: u64) -> Address {
    let beginning = keccak256((number % BEGINNINGS).to_be_bytes());
    let mut address = [0; 20];
    address[..8].copy_from_slice(&beginning[..8]);
    address[12..].copy_from_slice(&(number + 1).to_be_bytes());
    Address::from(address)
}

/// Hash of the plan of that number.
pub(super) fn plan_hash(number: u64) -> B256 {
    let (beginning, end) = (keccak256((number % BEGINNINGS).to_le_bytes()), keccak256(number.to_be_bytes()));
    let mut hash = end.0;
    hash[..8].copy_from_slice(&beginning[..8]);
    B256::from(hash)
}
