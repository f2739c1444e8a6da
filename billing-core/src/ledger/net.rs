//! Differences of amounts.

use std::{
    fmt,
    ops::{Add, Neg, Sub},
};

use bigdecimal::{BigDecimal, ToPrimitive};
use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef},
};

use super::{Amount, amount::encode_number};

/// What was put in less what was taken, of an asset's smallest unit: more than zero where credits are more. From -1.7 × 10^38
/// to 1.7 × 10^38; what one account has always fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Net(i128);

impl Net {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// As a number.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }
}

impl From<i128> for Net {
    fn from(units: i128) -> Self {
        Self(units)
    }
}

impl From<Amount> for Net {
    fn from(amount: Amount) -> Self {
        Self(i128::try_from(amount.units()).unwrap_or(i128::MAX))
    }
}

impl Add for Net {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Net {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Net {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Type<Postgres> for Net {
    fn type_info() -> PgTypeInfo {
        <BigDecimal as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Net {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        encode_number(self.0.unsigned_abs(), self.0 < 0, buffer)
    }
}

impl Decode<'_, Postgres> for Net {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let number = <BigDecimal as Decode<Postgres>>::decode(value)?;
        if !number.is_integer() {
            return Err("not a whole number".into());
        }
        number.to_i128().map(Self).ok_or_else(|| "a sum past 1.7 × 10^38".into())
    }
}
