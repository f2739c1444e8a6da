use alloy::dyn_abi::TypedData;
use proptest::prelude::*;
use time::{Duration, macros::datetime};

use super::*;

const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

fn terms() -> ListingTerms {
    ListingTerms {
        chain_ids: vec![ChainId(1), ChainId(137)],
        seller: Address::repeat_byte(1),
        buyer: None,
        token: Address::ZERO,
        price: TokenAmount(U256::from(10_000_000)),
        sku: B256::repeat_byte(7),
        quantity: 5,
        max_fee_bps: 250,
        discount_bps: 0,
        discount_min_quantity: 0,
        discount_ends_at: None,
        salt: U256::MAX,
        expiry_at: None,
    }
}

proptest! {
    #[test]
    fn a_wallet_that_signs_the_typed_data_signs_the_listing_hash(
        chains in prop::collection::vec(1..=i64::MAX, 1..=32),
        accounts in any::<[[u8; 20]; 4]>(),
        words in any::<[[u8; 32]; 2]>(),
        price in 1..1_u128 << 96,
        (quantity, from) in (1..u32::MAX, any::<u32>()),
        (fee, discount) in (0..=MAX_BPS, 0..=MAX_BPS),
        times in any::<[Option<u32>; 2]>(),
    ) {
        let [seller, buyer, token, marketplace] = accounts.map(Address::from);
        let [discount_ends_at, expiry_at] = times.map(|at| at.map(|at| NOW + Duration::seconds(i64::from(at))));
        let terms = ListingTerms {
            chain_ids: chains.into_iter().map(ChainId).collect(),
            seller,
            buyer: Some(buyer),
            token,
            price: TokenAmount(U256::from(price)),
            sku: words[0].into(),
            quantity,
            max_fee_bps: fee,
            discount_bps: discount,
            discount_min_quantity: from,
            discount_ends_at,
            salt: U256::from_be_bytes(words[1]),
            expiry_at,
        };
        let typed: TypedData = serde_json::from_value(typed_data(&terms, marketplace)).expect("typed data");
        prop_assert_eq!(typed.eip712_signing_hash().expect("a hash"), hash(&terms, marketplace));
    }
}

#[test]
fn terms_that_cannot_be_are_refused_by_field() {
    let fields = |change: fn(&mut ListingTerms)| {
        let mut terms = terms();
        change(&mut terms);
        match check(&terms, NOW) {
            Err(ListingError::Invalid(list)) => list.into_iter().map(|invalid| invalid.field).collect::<Vec<_>>(),
            _ => Vec::new(),
        }
    };
    assert!(fields(|_| ()).is_empty());
    assert!(fields(|terms| terms.quantity = u32::MAX - 1).is_empty());
    assert!(fields(|terms| terms.price = TokenAmount((U256::ONE << 96) - U256::ONE)).is_empty());
    assert_eq!(fields(|terms| terms.chain_ids.clear()), ["chain_ids"]);
    assert_eq!(fields(|terms| terms.chain_ids = (1..=33).map(ChainId).collect()), ["chain_ids"]);
    assert_eq!(fields(|terms| terms.chain_ids.push(ChainId(1))), ["chain_ids"]);
    assert_eq!(fields(|terms| terms.chain_ids.push(ChainId(0))), ["chain_ids"]);
    assert_eq!(fields(|terms| terms.seller = Address::ZERO), ["seller"]);
    assert_eq!(fields(|terms| terms.buyer = Some(Address::ZERO)), ["buyer"]);
    assert_eq!(fields(|terms| terms.price = TokenAmount::ZERO), ["price"]);
    assert_eq!(fields(|terms| terms.price = TokenAmount(U256::ONE << 96)), ["price"]);
    assert_eq!(fields(|terms| terms.quantity = 0), ["quantity"]);
    assert_eq!(fields(|terms| terms.quantity = u32::MAX), ["quantity"]);
    assert_eq!(fields(|terms| terms.max_fee_bps = 10_001), ["max_fee_bps"]);
    assert_eq!(fields(|terms| terms.discount_bps = 10_001), ["discount_bps"]);
    assert_eq!(fields(|terms| terms.discount_ends_at = Some(NOW)), ["discount_ends_at"]);
    assert_eq!(fields(|terms| terms.expiry_at = Some(NOW)), ["expiry_at"]);
}

#[test]
fn a_discount_holds_from_its_quantity_until_its_last_second() {
    let mut terms = terms();
    (terms.discount_bps, terms.discount_min_quantity) = (500, 3);
    terms.discount_ends_at = Some(NOW);
    let end = NOW.unix_timestamp().unsigned_abs();
    assert_eq!(terms.discount_at(3, end), 500);
    assert_eq!(terms.discount_at(2, end), 0);
    assert_eq!(terms.discount_at(3, end + 1), 0);
    terms.expiry_at = Some(NOW);
    assert!(!terms.expired_at(end) && terms.expired_at(end + 1));
}
