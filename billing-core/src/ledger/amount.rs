//! Amounts: whole numbers of an asset's smallest unit.

use std::fmt;

use bigdecimal::BigDecimal;
use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef},
};

/// A number of an asset's smallest unit, from 0 to 10^38 - 1; `NUMERIC(38,0)` in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest.
    pub const MAX: Self = Self(10_u128.pow(38) - 1);

    /// `None` past [`Amount::MAX`].
    #[must_use]
    pub const fn new(units: u128) -> Option<Self> {
        if units <= Self::MAX.0 { Some(Self(units)) } else { None }
    }

    /// As a number.
    #[must_use]
    pub const fn units(self) -> u128 {
        self.0
    }

    /// Sum, or `None` past [`Amount::MAX`].
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::new)
    }

    /// Difference, or `None` below zero.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Sum, [`Amount::MAX`] at most.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        self.checked_add(other).unwrap_or(Self::MAX)
    }

    /// Difference, zero at least.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<u64> for Amount {
    fn from(units: u64) -> Self {
        Self(units.into())
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A digit of PostgreSQL's numeric.
const BASE: u128 = 10_000;
/// The sign of what is below zero.
const NEGATIVE: i16 = 0x4000;

impl Type<Postgres> for Amount {
    fn type_info() -> PgTypeInfo {
        <BigDecimal as Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for Amount {
    fn array_type_info() -> PgTypeInfo {
        <BigDecimal as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for Amount {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        encode_number(self.0, false, buffer)
    }
}

/// Writes the binary form: number of digits to the base 10,000, weight of the first, sign, scale, digits.
pub(super) fn encode_number(
    units: u128,
    is_negative: bool,
    buffer: &mut PgArgumentBuffer,
) -> Result<IsNull, BoxDynError> {
    let (mut digits, mut count, mut rest) = ([0_i16; 10], 0, units);
    while rest > 0 {
        digits[count] = i16::try_from(rest % BASE)?;
        rest /= BASE;
        count += 1;
    }
    let length = i16::try_from(count)?;
    for field in [length, (length - 1).max(0), if is_negative { NEGATIVE } else { 0 }, 0] {
        buffer.extend_from_slice(&field.to_be_bytes());
    }
    for digit in digits[..count].iter().rev() {
        buffer.extend_from_slice(&digit.to_be_bytes());
    }
    Ok(IsNull::No)
}

impl Decode<'_, Postgres> for Amount {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let units = match value.format() {
            PgValueFormat::Text => value.as_str()?.parse::<u128>()?,
            PgValueFormat::Binary => from_binary(value.as_bytes()?).ok_or("not a whole number of zero or more")?,
        };
        Self::new(units).ok_or_else(|| "an amount past 10^38".into())
    }
}

fn from_binary(bytes: &[u8]) -> Option<u128> {
    let mut fields = bytes.chunks_exact(2).map(|field| i16::from_be_bytes([field[0], field[1]]));
    let (count, weight, sign) = (fields.next()?, fields.next()?, fields.next()?);
    let _scale = fields.next()?;
    if sign != 0 || count < 0 || count > weight + 1 {
        return (count == 0 && sign == 0).then_some(0);
    }
    let mut units = 0_u128;
    for digit in fields {
        units = units.checked_mul(BASE)?.checked_add(u128::try_from(digit).ok()?)?;
    }
    // Zeros at the end are not written.
    units.checked_mul(BASE.checked_pow(u32::try_from(weight + 1 - count).ok()?)?)
}
