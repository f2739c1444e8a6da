//! Token amounts: unsigned 256-bit integers in a token's smallest unit, stored as `NUMERIC(78,0)`.

use std::{fmt, str::FromStr};

use alloy::primitives::U256;
use bigdecimal::BigDecimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef},
};

/// Denominator of rates in basis points.
pub const MAX_BPS: u16 = 10_000;

/// An amount of one token in its smallest unit. Which token is told by the place it stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenAmount(pub U256);

impl TokenAmount {
    /// Nothing.
    pub const ZERO: Self = Self(U256::ZERO);

    /// Sum, or `None` past 2^256 - 1.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Difference, or `None` below zero.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// `amount * bps / 10,000`, rounded down; the remainder stays with the merchant.
    #[must_use]
    pub fn mul_bps_down(self, bps: u16) -> Option<Self> {
        let product = self.0.checked_mul(U256::from(bps))?;
        Some(Self(product / U256::from(MAX_BPS)))
    }

    /// Decimal text with the point placed `decimals` digits from the right, trailing zeros dropped: for people only.
    #[must_use]
    pub fn display(self, decimals: u8) -> String {
        let digits = format!("{:0>width$}", self.0, width = usize::from(decimals) + 1);
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(decimals));
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }
}

impl fmt::Display for TokenAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<U256> for TokenAmount {
    fn from(value: U256) -> Self {
        Self(value)
    }
}

impl FromStr for TokenAmount {
    type Err = alloy::primitives::ruint::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        U256::from_str_radix(text, 10).map(Self)
    }
}

/// A decimal string: JSON numbers lose digits past 2^53.
impl Serialize for TokenAmount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TokenAmount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Type<Postgres> for TokenAmount {
    fn type_info() -> PgTypeInfo {
        <BigDecimal as Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for TokenAmount {
    fn array_type_info() -> PgTypeInfo {
        <BigDecimal as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for TokenAmount {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        BigDecimal::from_str(&self.0.to_string())?.encode_by_ref(buffer)
    }
}

impl Decode<'_, Postgres> for TokenAmount {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let number = <BigDecimal as Decode<Postgres>>::decode(value)?;
        Ok(number.with_scale(0).to_plain_string().parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_with_the_tokens_decimals() {
        for (amount, decimals, shown) in
            [(0, 6, "0"), (1, 6, "0.000001"), (10_000_000, 6, "10"), (1_250, 2, "12.5"), (7, 0, "7")]
        {
            assert_eq!(TokenAmount(U256::from(amount)).display(decimals), shown);
        }
    }

    #[test]
    fn the_fee_is_rounded_down() {
        assert_eq!(TokenAmount(U256::from(399)).mul_bps_down(250), Some(TokenAmount(U256::from(9))));
        assert_eq!(TokenAmount(U256::MAX).mul_bps_down(2), None);
    }
}
