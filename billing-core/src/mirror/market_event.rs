//! Events of `Marketplace`.

use billing_bindings::{Marketplace::MarketplaceEvents, SaleReceipt};

use super::event::{Event, Fault, number};
use crate::{
    marketplace::{MarketplaceEvent, RevocationEvent, Revoked, SaleEvent},
    money::TokenAmount,
};

pub(super) fn market_event(event: MarketplaceEvents) -> Result<(i64, Event), Fault> {
    use MarketplaceEvents as E;
    let (sequence, event) = match event {
        E::MarketplaceSale(e) => {
            let words = SaleReceipt::unpack(e.order, e.receipt, e.settlement);
            if words.fee > words.gross || words.quantity == 0 {
                return Err(Fault(format!("{} units, fee {} of {}", words.quantity, words.fee, words.gross)));
            }
            let sale = SaleEvent {
                listing_hash: e.listingHash,
                seller: e.seller,
                buyer: e.buyer,
                recipient: words.recipient,
                sku: e.sku,
                quantity: words.quantity,
                payment_token: words.payment_token,
                gross: TokenAmount(words.gross),
                discount: TokenAmount(words.discount),
                fee: TokenAmount(words.fee),
            };
            (words.sequence, MarketplaceEvent::Sale(sale))
        }
        E::ListingRevoked(e) => {
            let revoked = Revoked::Listing { salt: e.salt };
            (e.sequence, MarketplaceEvent::Revocation(RevocationEvent { seller: e.seller, revoked }))
        }
        E::SkuRevoked(e) => {
            let revoked = Revoked::Sku { sku: e.sku, min_salt: e.minSalt };
            (e.sequence, MarketplaceEvent::Revocation(RevocationEvent { seller: e.seller, revoked }))
        }
    };
    Ok((number(sequence)?, Event::Marketplace(event)))
}

#[cfg(test)]
mod tests {
    use alloy::{
        primitives::{Address, B256, U256},
        sol_types::{SolEvent, SolEventInterface},
    };
    use billing_bindings::Marketplace::{ListingRevoked, MarketplaceSale, SkuRevoked};
    use proptest::prelude::*;

    use super::*;

    fn read(event: &impl SolEvent) -> Result<(i64, Event), Fault> {
        let log = event.encode_log_data();
        market_event(MarketplaceEvents::decode_raw_log(log.topics(), &log.data).expect("an event of the marketplace"))
    }

    fn sale(sequence: u64, gross: u128, fee: u128) -> MarketplaceSale {
        let word = |address: u8| U256::from_be_slice(Address::repeat_byte(address).as_slice()) << 96;
        MarketplaceSale {
            listingHash: B256::repeat_byte(1),
            seller: Address::repeat_byte(2),
            buyer: Address::repeat_byte(3),
            sku: B256::repeat_byte(5),
            order: (U256::from(sequence) << 192) | (U256::from(7) << 160) | U256::from(9),
            receipt: word(4) | U256::from(gross),
            settlement: word(6) | U256::from(fee),
        }
    }

    proptest! {
        #[test]
        fn a_sale_is_read_as_it_was_written(sequence in 1..=i64::MAX, gross in 0..1_u128 << 96, fee in 0..1_u128 << 96) {
            let (gross, fee) = (gross.max(fee), gross.min(fee));
            let (number, event) = read(&sale(sequence.unsigned_abs(), gross, fee)).expect("a sale");
            prop_assert_eq!(number, sequence);
            let expected = SaleEvent {
                listing_hash: B256::repeat_byte(1),
                seller: Address::repeat_byte(2),
                buyer: Address::repeat_byte(3),
                recipient: Address::repeat_byte(4),
                sku: B256::repeat_byte(5),
                quantity: 7,
                payment_token: Address::repeat_byte(6),
                gross: TokenAmount(U256::from(gross)),
                discount: TokenAmount(U256::from(9)),
                fee: TokenAmount(U256::from(fee)),
            };
            prop_assert_eq!(event, Event::Marketplace(MarketplaceEvent::Sale(expected)));
        }
    }

    #[test]
    fn what_cannot_be_is_told() {
        assert!(read(&sale(1, 5, 6)).is_err(), "a fee above what was paid");
        assert!(read(&sale(u64::MAX, 6, 5)).is_err(), "a number no counter reaches");
    }

    #[test]
    fn revocations_name_what_is_gone() {
        let seller = Address::repeat_byte(2);
        let revoked = |event| match event {
            Ok((3, Event::Marketplace(MarketplaceEvent::Revocation(event)))) if event.seller == seller => event.revoked,
            _ => panic!("not a revocation"),
        };
        let listing = read(&ListingRevoked { seller, salt: U256::MAX, sequence: 3 });
        assert_eq!(revoked(listing), Revoked::Listing { salt: U256::MAX });
        let sku = read(&SkuRevoked { seller, sku: B256::repeat_byte(5), minSalt: U256::from(8), sequence: 3 });
        assert_eq!(revoked(sku), Revoked::Sku { sku: B256::repeat_byte(5), min_salt: U256::from(8) });
    }
}
