//! `Marketplace`.

use alloy::primitives::{Address, B256, U256, keccak256};
use billing_bindings::Marketplace::{ListingRevoked, MarketplaceSale, SkuRevoked};

use super::{
    account::person,
    contract::{Contract, TOKEN},
    state::Call,
};

const MARKET: Contract = Contract::Marketplace;

impl Call<'_> {
    pub(super) fn sell(&mut self, number: u64) {
        let high = |address: Address| U256::from_be_slice(address.as_slice()) << 96;
        let (quantity, gross) = (U256::from(number % 5 + 1), U256::from(1_000 + number % 1_000));
        let sequence = self.next(MARKET);
        let sale = MarketplaceSale {
            listingHash: listing(number),
            seller: person(number % 4),
            buyer: person(number % 11),
            sku: sku(number),
            order: (U256::from(sequence) << 192) | (quantity << 160) | U256::from(number % 17),
            receipt: high(person(number % 13)) | gross,
            settlement: high(if number.is_multiple_of(3) { Address::ZERO } else { TOKEN }) | (gross >> 5),
        };
        self.emit(MARKET, &sale);
    }

    pub(super) fn revoke(&mut self, number: u64) {
        let (sequence, seller, salt) = (self.next(MARKET), person(number % 4), U256::from(number));
        if number.is_multiple_of(2) {
            self.emit(MARKET, &ListingRevoked { seller, salt, sequence });
        } else {
            self.emit(MARKET, &SkuRevoked { seller, sku: sku(number), minSalt: salt, sequence });
        }
    }
}

fn listing(number: u64) -> B256 {
    keccak256((number % 32).to_be_bytes())
}

fn sku(number: u64) -> B256 {
    keccak256((number % 8).to_le_bytes())
}
