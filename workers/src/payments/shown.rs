//! Payments in words and digits.

use std::io::Write;

use billing_core::payments::{Difference, Payment, Purpose, Refund, Trouble};
use billing_fiat::Money;
use comfy_table::CellAlignment::{self, Left, Right};
use serde_json::{Map, Value};

use crate::{instant::shown as instant, report::Report};

type Header = &'static [(&'static str, CellAlignment)];

const PAYMENTS: Header = &[
    ("payment", Left),
    ("provider", Left),
    ("status", Left),
    ("amount", Right),
    ("owner", Left),
    ("asked for (UTC)", Left),
];
const PAYMENT: Header = &[("what", Left), ("is", Left)];
const REFUNDS: Header = &[
    ("refund", Left),
    ("status", Left),
    ("amount", Right),
    ("credits", Right),
    ("reason", Left),
    ("asked for (UTC)", Left),
];
const TROUBLES: Header =
    &[("payment", Left), ("provider", Left), ("owner", Left), ("what", Left), ("seen (UTC)", Left)];
const DIFFERENCES: Header =
    &[("kind", Left), ("payment", Left), ("provider's id", Left), ("here", Right), ("there", Right)];

pub(super) fn payments(payments: &[Payment]) -> Report {
    let mut report = Report::new(PAYMENTS, "No payments.");
    for payment in payments {
        report.push(vec![
            payment.id.to_string(),
            payment.provider.clone(),
            payment.status.as_str().to_owned(),
            payment.amount.to_string(),
            payment.owner.clone(),
            instant(payment.created_at),
        ]);
    }
    report
}

/// What there is of a payment, a line each, and its refunds below.
pub(super) fn payment(payment: &Payment, refunds: &[Refund], json: bool, mut out: impl Write) -> anyhow::Result<()> {
    let facts = facts(payment);
    let refunds = self::refunds(refunds);
    if json {
        let facts = facts.into_iter().map(|(name, fact)| (name.replace(' ', "_"), Value::from(fact)));
        let mut object: Map<String, Value> = facts.collect();
        object.insert("refunds".to_owned(), refunds.json());
        writeln!(out, "{}", Value::Object(object))?;
        return Ok(());
    }
    let mut report = Report::new(PAYMENT, "");
    for (name, fact) in facts {
        report.push(vec![name.to_owned(), fact]);
    }
    report.write(false, &mut out)?;
    writeln!(out)?;
    refunds.write(false, out)
}

/// Those that there are.
fn facts(payment: &Payment) -> Vec<(&'static str, String)> {
    let bought = match &payment.purpose {
        Purpose::TopUp(bought) => Some(format!("{} {} (pack {})", bought.credits, bought.asset, bought.pack)),
        Purpose::Period => None,
    };
    let receipt = payment.receipt_status.map(|status| format!("{status:?}").to_lowercase());
    let canceled = payment.canceled.as_ref().map(|why| format!("{} ({})", why.reason.as_str(), why.code));
    let known = [
        ("payment", Some(payment.id.to_string())),
        ("provider", Some(payment.provider.clone())),
        ("provider's id", payment.external_id.clone()),
        ("provider's charge", payment.charge_id.clone()),
        ("owner", Some(payment.owner.clone())),
        ("amount", Some(payment.amount.to_string())),
        ("status", Some(payment.status.as_str().to_owned())),
        ("canceled for", canceled),
        ("trouble", payment.trouble.clone()),
        ("description", Some(payment.description.clone())),
        ("credits", bought),
        ("kept method", payment.method.map(|id| id.to_string())),
        ("held money", Some(payment.intent.as_str().to_owned())),
        ("fee", payment.fee_minor.map(|minor| fee(payment, minor))),
        ("receipt", receipt),
        ("test", payment.test.then(|| "no real money".to_owned())),
        ("asked for (UTC)", Some(instant(payment.created_at))),
        ("sent (UTC)", payment.sent_at.map(instant)),
        ("booked (UTC)", payment.succeeded_at.map(instant)),
    ];
    known.into_iter().filter_map(|(name, fact)| fact.map(|fact| (name, fact))).collect()
}

fn fee(payment: &Payment, minor: i64) -> String {
    Money::new(minor, payment.amount.currency()).map_or_else(|_| "nothing".to_owned(), |fee| fee.to_string())
}

fn refunds(refunds: &[Refund]) -> Report {
    let mut report = Report::new(REFUNDS, "No refunds.");
    for refund in refunds {
        let code = refund.cancel_code.as_deref().or(refund.trouble.as_deref());
        let status = refund.status.as_str();
        report.push(vec![
            refund.id.to_string(),
            code.map_or_else(|| status.to_owned(), |code| format!("{status} ({code})")),
            refund.amount.to_string(),
            refund.credits.to_string(),
            refund.reason.clone(),
            instant(refund.created_at),
        ]);
    }
    report
}

pub(super) fn troubles(troubles: &[Trouble]) -> Report {
    let mut report = Report::new(TROUBLES, "No troubles.");
    for trouble in troubles {
        let what = trouble.refund.map_or_else(|| trouble.what.clone(), |id| format!("refund {id}: {}", trouble.what));
        report.push(vec![
            trouble.payment.to_string(),
            trouble.provider.clone(),
            trouble.owner.clone(),
            what,
            instant(trouble.seen_at),
        ]);
    }
    report
}

pub(super) fn differences(differences: &[Difference]) -> Report {
    let mut report = Report::new(DIFFERENCES, "No differences.");
    for found in differences {
        report.push(vec![
            found.kind.as_str().to_owned(),
            found.payment.map(|id| id.to_string()).unwrap_or_default(),
            found.external_id.clone().unwrap_or_default(),
            found.ours.clone().unwrap_or_default(),
            found.theirs.clone().unwrap_or_default(),
        ]);
    }
    report
}

#[cfg(test)]
mod tests {
    use billing_core::{
        ids::{PaymentId, RefundId},
        payments::DifferenceKind,
    };
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn tables_fit_a_terminal_of_120_columns() {
        let long = "cs_test_".to_owned() + &"a1B2".repeat(15);
        let difference = Difference {
            kind: DifferenceKind::MissingThere,
            payment: Some(PaymentId::new()),
            external_id: Some(long.clone()),
            ours: Some("9999999999.99 RUB".to_owned()),
            theirs: Some("9999999999.99 RUB".to_owned()),
        };
        let trouble = Trouble {
            provider: "yookassa".to_owned(),
            owner: long.clone(),
            payment: PaymentId::new(),
            refund: Some(RefundId::new()),
            what: format!("10.00 RUB was asked for, 10.00 USD is succeeded, {long}"),
            seen_at: OffsetDateTime::UNIX_EPOCH,
        };
        for report in [differences(&[difference]), troubles(&[trouble])] {
            let text = report.table().to_string();
            assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        }
    }
}
