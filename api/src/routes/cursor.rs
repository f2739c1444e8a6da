//! Cursors: where the next page begins, as text that callers hand back.

use std::str::FromStr;

use alloy::primitives::{Address, B256};

use billing_core::{
    ids::{ChainId, FiatSubscriptionId, PaymentId},
    marketplace::SalePlace,
};

use crate::problem::Problem;

/// Rows of a page when the caller does not say.
const LIMIT_DEFAULT: i64 = 50;
const LIMIT_MAX: i64 = 100;

/// After what a hash names: a plan, a listing.
pub(super) fn hash(text: Option<&str>) -> Result<Option<B256>, Problem> {
    text.map(|text| text.parse().map_err(|_| unknown())).transpose()
}

/// After a subscription: `chain_id.plan_hash.subscriber`.
pub(super) fn subscription(text: Option<&str>) -> Result<Option<(ChainId, B256, Address)>, Problem> {
    let read = |text: &str| {
        let mut parts = text.split('.');
        let position = (ChainId(part(parts.next())?), part(parts.next())?, part(parts.next())?);
        parts.next().is_none().then_some(position)
    };
    text.map(|text| read(text).ok_or_else(unknown)).transpose()
}

/// Before a payment.
pub(super) fn payment(text: Option<&str>) -> Result<Option<PaymentId>, Problem> {
    text.map(|text| text.parse().map(PaymentId).map_err(|_| unknown())).transpose()
}

/// Before a subscription that is paid in fiat money.
pub(super) fn fiat_subscription(text: Option<&str>) -> Result<Option<FiatSubscriptionId>, Problem> {
    text.map(|text| text.parse().map(FiatSubscriptionId).map_err(|_| unknown())).transpose()
}

/// After a sale: `chain_id.block_number.log_index`.
pub(super) fn sale(text: Option<&str>) -> Result<Option<SalePlace>, Problem> {
    let read = |text: &str| {
        let mut parts = text.split('.');
        let place = (ChainId(part(parts.next())?), part(parts.next())?, part(parts.next())?);
        parts.next().is_none().then_some(place)
    };
    text.map(|text| read(text).ok_or_else(unknown)).transpose()
}

fn part<T: FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}

fn unknown() -> Problem {
    Problem::field("cursor", "is not a next_cursor of this service")
}

pub(super) fn limit(limit: Option<i64>) -> Result<i64, Problem> {
    match limit.unwrap_or(LIMIT_DEFAULT) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        _ => Err(Problem::field("limit", format!("must be from 1 to {LIMIT_MAX}"))),
    }
}

/// Cuts off the row past the page, which was read to know whether there are more; gives the last row that stays.
pub(super) fn cut<T>(rows: &mut Vec<T>, limit: i64) -> Option<&T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    if more { rows.last() } else { None }
}
