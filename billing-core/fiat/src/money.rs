//! Amounts of fiat money: whole numbers of a currency's smallest unit.

use std::{fmt, str::FromStr};

/// A currency of ISO 4217 that a provider of ours takes. All have two digits behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Currency {
    /// Dram.
    Amd,
    /// Manat.
    Azn,
    /// Belarusian rouble.
    Byn,
    /// Euro.
    Eur,
    /// Indian rupee.
    Inr,
    /// Tenge.
    Kzt,
    /// Leu.
    Mdl,
    /// Rouble.
    Rub,
    /// Lira.
    Try,
    /// Hryvnia.
    Uah,
    /// US dollar.
    Usd,
    /// Sum.
    Uzs,
}

impl Currency {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Amd,
        Self::Azn,
        Self::Byn,
        Self::Eur,
        Self::Inr,
        Self::Kzt,
        Self::Mdl,
        Self::Rub,
        Self::Try,
        Self::Uah,
        Self::Usd,
        Self::Uzs,
    ];

    /// Digits behind the point.
    pub const DIGITS: u8 = 2;

    /// ISO 4217's three capital letters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Amd => "AMD",
            Self::Azn => "AZN",
            Self::Byn => "BYN",
            Self::Eur => "EUR",
            Self::Inr => "INR",
            Self::Kzt => "KZT",
            Self::Mdl => "MDL",
            Self::Rub => "RUB",
            Self::Try => "TRY",
            Self::Uah => "UAH",
            Self::Usd => "USD",
            Self::Uzs => "UZS",
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    /// In either case: providers do not agree on it.
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        let known = Self::ALL.into_iter().find(|currency| currency.code().eq_ignore_ascii_case(code));
        known.ok_or(MoneyError::Currency)
    }
}

/// What is wrong with an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// No currency that a provider of ours takes.
    #[error("must be one of AMD, AZN, BYN, EUR, INR, KZT, MDL, RUB, TRY, UAH, USD, UZS")]
    Currency,
    /// Below the smallest unit, or past [`Money::MAX`].
    #[error("must be from 0.01 to 9999999999.99")]
    Range,
    /// No decimal number with two digits at most behind the point.
    #[error("must be a decimal number with two digits at most behind the point")]
    Number,
}

/// More than nothing of a currency, in its smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// The most that one payment can be, in the smallest unit: ten digits before the point.
    pub const MAX: i64 = 999_999_999_999;

    /// So many of the smallest unit.
    ///
    /// # Errors
    /// `Range` below 1 and past [`Money::MAX`].
    pub const fn new(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        if minor < 1 || minor > Self::MAX { Err(MoneyError::Range) } else { Ok(Self { minor, currency }) }
    }

    /// Reads `1000.00`, `1000.5` or `1000`.
    ///
    /// # Errors
    /// `Number`, `Range`.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        Self::new(minor_units(text).ok_or(MoneyError::Number)?, currency)
    }

    /// In the smallest unit.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// As providers write it: `1000.00`.
    #[must_use]
    pub fn decimal(self) -> String {
        decimal(self.minor)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

/// `1000.00` of 100000.
fn decimal(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", minor.unsigned_abs() / 100, minor.unsigned_abs() % 100)
}

/// Of a decimal number of zero or more, without sign, with two digits at most behind the point.
pub(crate) fn minor_units(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole, 16) || !digits(part, 2) {
        return None;
    }
    let part: i64 = format!("{part:0<2}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_written() {
        for (text, minor) in
            [("1000.00", 100_000), ("0.01", 1), ("7", 700), ("7.5", 750), ("9999999999.99", Money::MAX)]
        {
            let money = Money::parse(text, Currency::Rub).expect(text);
            assert_eq!(money.minor(), minor);
            assert_eq!(Money::parse(&money.decimal(), Currency::Rub), Ok(money));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,00", "1.005", " 1", "0x1", "１"] {
            assert_eq!(Money::parse(text, Currency::Usd), Err(MoneyError::Number), "{text:?}");
        }
        for text in ["0", "0.00", "10000000000.00"] {
            assert_eq!(Money::parse(text, Currency::Usd), Err(MoneyError::Range), "{text:?}");
        }
        assert_eq!("XXX".parse::<Currency>(), Err(MoneyError::Currency));
    }
}
