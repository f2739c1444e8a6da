use billing_core::{
    ids::AccountId,
    ledger::{Limited, NewAccount},
};
use uuid::Uuid;

/// All that the clients share.
pub(super) const ACCOUNTS: u32 = 100;

/// The accounts of a drill, half of either asset: of ten one is the house's, one is of what is owed to us, and the others
/// are customers'.
pub fn accounts() -> Vec<NewAccount> {
    let account = |number: u32| {
        let (kind, limited) = match number / 2 % 10 {
            0 => ("house", None),
            1 => ("owed", Some(Limited::Credits)),
            _ => ("customer", Some(Limited::Debits)),
        };
        let asset = if number.is_multiple_of(2) { "credits" } else { "RUB" };
        NewAccount { id: id(number), asset: asset.to_owned(), kind: kind.to_owned(), owner: None, limited }
    };
    (0..ACCOUNTS).map(account).collect()
}

/// The same for all, so that nobody has to be told.
pub(super) const fn id(number: u32) -> AccountId {
    AccountId(Uuid::from_u128(number as u128 + 1))
}

/// One of the five houses of an asset.
pub(super) const fn house(asset: u32, number: u32) -> u32 {
    number % 5 * 20 + asset % 2
}
