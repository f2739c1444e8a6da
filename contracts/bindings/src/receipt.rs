use alloy::primitives::{Address, U256};

/// The two packed words of `SubscriptionCharged` (`docs/decisions/0001`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeReceipt {
    /// Number of the event among all of the contract.
    pub sequence: u64,
    /// First second paid, unix time.
    pub period_start: u64,
    /// First second not paid any more, unix time.
    pub period_end: u64,
    /// What the subscriber paid, smallest unit; 96 bits.
    pub gross: U256,
    /// Who got `gross - fee`.
    pub merchant: Address,
    /// The platform's part; 96 bits.
    pub fee: U256,
}

impl ChargeReceipt {
    /// Takes `receipt = sequence << 192 | periodStart << 144 | periodEnd << 96 | gross` and
    /// `settlement = merchant << 96 | fee` apart.
    #[must_use]
    pub fn unpack(receipt: U256, settlement: U256) -> Self {
        let bits = |word: U256, shift: usize, width: usize| (word >> shift) & ((U256::ONE << width) - U256::ONE);
        Self {
            sequence: bits(receipt, 192, 64).to(),
            period_start: bits(receipt, 144, 48).to(),
            period_end: bits(receipt, 96, 48).to(),
            gross: bits(receipt, 0, 96),
            merchant: Address::from_word(bits(settlement, 96, 160).into()),
            fee: bits(settlement, 0, 96),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_words_come_apart_as_they_were_put_together() {
        let merchant = Address::repeat_byte(0xab);
        let word = |value: u64, shift: usize| U256::from(value) << shift;
        let receipt = word(u64::MAX, 192) | word(1, 144) | word((1 << 48) - 1, 96) | word(10_000_000, 0);
        let settlement = (U256::from_be_bytes(merchant.into_word().0) << 96) | word(250_000, 0);
        let expected = ChargeReceipt {
            sequence: u64::MAX,
            period_start: 1,
            period_end: (1 << 48) - 1,
            gross: U256::from(10_000_000),
            merchant,
            fee: U256::from(250_000),
        };
        assert_eq!(ChargeReceipt::unpack(receipt, settlement), expected);
    }
}
