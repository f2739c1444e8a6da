use alloy::primitives::{Address, U256};

/// The three packed words of `MarketplaceSale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaleReceipt {
    /// Number of the event among all of the contract.
    pub sequence: u64,
    /// Units.
    pub quantity: u32,
    /// What was taken off before `gross`, smallest unit; 160 bits.
    pub discount: U256,
    /// Whom the goods are for.
    pub recipient: Address,
    /// What the buyer paid, smallest unit; 96 bits.
    pub gross: U256,
    /// What was paid in; zero for the native coin.
    pub payment_token: Address,
    /// The platform's part of `gross`; 96 bits.
    pub fee: U256,
}

impl SaleReceipt {
    /// Takes `order = sequence << 192 | quantity << 160 | discount`, `receipt = recipient << 96 | gross` and
    /// `settlement = paymentToken << 96 | fee` apart.
    #[must_use]
    pub fn unpack(order: U256, receipt: U256, settlement: U256) -> Self {
        let bits = |word: U256, shift: usize, width: usize| (word >> shift) & ((U256::ONE << width) - U256::ONE);
        let address = |word: U256| Address::from_word(bits(word, 96, 160).into());
        Self {
            sequence: bits(order, 192, 64).to(),
            quantity: bits(order, 160, 32).to(),
            discount: bits(order, 0, 160),
            recipient: address(receipt),
            gross: bits(receipt, 0, 96),
            payment_token: address(settlement),
            fee: bits(settlement, 0, 96),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_words_come_apart_as_they_were_put_together() {
        let max = |bits: usize| (U256::ONE << bits) - U256::ONE;
        let (recipient, payment_token) = (Address::repeat_byte(0xab), Address::repeat_byte(0xff));
        let word = |address: Address| U256::from_be_slice(address.as_slice()) << 96;
        let order = (U256::from(7) << 192) | (max(32) << 160) | U256::from(9);
        let unpacked = SaleReceipt::unpack(order, word(recipient) | max(96), word(payment_token) | U256::from(250));
        let expected = SaleReceipt {
            sequence: 7,
            quantity: u32::MAX,
            discount: U256::from(9),
            recipient,
            gross: max(96),
            payment_token,
            fee: U256::from(250),
        };
        assert_eq!(unpacked, expected);
    }
}
