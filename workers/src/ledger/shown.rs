//! What the ledger answers, in words and digits.

use billing_core::ledger::{Balance, Explained, Net, OpenHold, OwnerBalance, Page, TrialLine, grants::Holding};
use comfy_table::CellAlignment::{self, Left, Right};

use crate::{instant::shown as instant, report::Report};

type Header = &'static [(&'static str, CellAlignment)];

const BALANCE: Header =
    &[("asset", Left), ("posted", Right), ("pending out", Right), ("pending in", Right), ("available", Right)];
const STATEMENT: Header = &[
    ("position", Right),
    ("happened (UTC)", Left),
    ("written (UTC)", Left),
    ("what", Left),
    ("code", Left),
    ("reference", Left),
    ("posted", Right),
    ("pending out", Right),
    ("pending in", Right),
    ("balance", Right),
];
const HOLDS: Header =
    &[("hold", Left), ("for account", Left), ("remaining", Right), ("in parts", Left), ("expires (UTC)", Left)];
const OWNER: Header =
    &[("asset", Left), ("accounts", Right), ("posted", Right), ("pending out", Right), ("pending in", Right)];
const GRANTS: Header = &[
    ("grant", Left),
    ("asset", Left),
    ("category", Left),
    ("priority", Right),
    ("from (UTC)", Left),
    ("until (UTC)", Left),
    ("for", Left),
    ("granted", Right),
    ("left", Right),
    ("held", Right),
];
const TRIAL: Header = &[
    ("asset", Left),
    ("kind", Left),
    ("accounts", Right),
    ("debits posted", Right),
    ("credits posted", Right),
    ("debits pending", Right),
    ("credits pending", Right),
];
const EXPLAINED: Header = &[
    ("volume", Right),
    ("explained", Right),
    ("share", Right),
    ("open references", Right),
    ("open net", Right),
    ("oldest (UTC)", Left),
    ("age in seconds", Right),
];

pub(super) fn balance(balance: &Balance) -> Report {
    let mut report = Report::new(BALANCE, "");
    let amounts = [balance.posted, balance.pending_out, balance.pending_in, balance.available()];
    let mut row = vec![balance.asset.clone()];
    row.extend(amounts.map(|net| amount(net, balance.scale)));
    report.push(row);
    report
}

pub(super) fn statement() -> Report {
    Report::new(STATEMENT, "No transfers.")
}

pub(super) fn add_lines(report: &mut Report, page: &Page) {
    for line in &page.lines {
        let mut row = vec![line.position.to_string(), instant(line.event_at), instant(line.created_at)];
        row.extend([line.kind.to_owned(), line.code.clone(), line.reference.clone().unwrap_or_default()]);
        let amounts = [line.posted, line.pending_out, line.pending_in, line.balance];
        row.extend(amounts.map(|net| amount(net, page.scale)));
        report.push(row);
    }
}

pub(super) fn owner(balances: &[OwnerBalance]) -> Report {
    let mut report = Report::new(OWNER, "No accounts.");
    for balance in balances {
        let mut row = vec![balance.asset.clone(), balance.accounts.to_string()];
        let amounts = [balance.posted, balance.pending_out, balance.pending_in];
        row.extend(amounts.map(|net| amount(net, balance.scale)));
        report.push(row);
    }
    report
}

pub(super) fn grants(holdings: &[Holding]) -> Report {
    let mut report = Report::new(GRANTS, "No grants.");
    for grant in holdings {
        let mut row = vec![grant.id.to_string(), grant.asset.clone(), grant.category.as_str().to_owned()];
        row.push(grant.priority.to_string());
        row.push(grant.effective_at.map(instant).unwrap_or_default());
        row.push(grant.expires_at.map_or_else(|| "never".to_owned(), instant));
        row.push(if grant.applies_to.is_empty() { "all".to_owned() } else { grant.applies_to.join(", ") });
        row.extend([grant.granted, grant.left, grant.held].map(|units| amount(units.into(), grant.scale)));
        report.push(row);
    }
    report
}

pub(super) fn holds(holds: &[OpenHold], scale: i16) -> Report {
    let mut report = Report::new(HOLDS, "Nothing is held.");
    for hold in holds {
        report.push(vec![
            hold.id.to_string(),
            hold.credit.to_string(),
            amount(hold.remaining.into(), scale),
            if hold.partly { "yes" } else { "no" }.to_owned(),
            hold.expires_at.map_or_else(|| "never".to_owned(), instant),
        ]);
    }
    report
}

/// The kinds of an asset, then their sums.
pub(super) fn trial_balance(lines: &[TrialLine]) -> Report {
    let mut report = Report::new(TRIAL, "No accounts.");
    for of_asset in lines.chunk_by(|line, next| line.asset == next.asset) {
        let (mut accounts, mut sums) = (0, [Net::ZERO; 4]);
        for line in of_asset {
            let amounts = [line.debits_posted, line.credits_posted, line.debits_pending, line.credits_pending];
            accounts += line.accounts;
            for (sum, more) in sums.iter_mut().zip(amounts) {
                *sum = *sum + more;
            }
            report.push(trial_row(line, &line.kind, line.accounts, amounts));
        }
        if let Some(line) = of_asset.first() {
            report.push(trial_row(line, "(all)", accounts, sums));
        }
    }
    report
}

fn trial_row(line: &TrialLine, kind: &str, accounts: i64, amounts: [Net; 4]) -> Vec<String> {
    let mut row = vec![line.asset.clone(), kind.to_owned(), accounts.to_string()];
    row.extend(amounts.map(|net| amount(net, line.scale)));
    row
}

pub(super) fn explained(explained: &Explained, scale: i16) -> Report {
    let mut report = Report::new(EXPLAINED, "");
    let share = explained.share_bps.map(|bps| format!("{}.{:02} %", bps / 100, bps % 100));
    report.push(vec![
        amount(explained.volume, scale),
        amount(explained.explained, scale),
        share.unwrap_or_default(),
        explained.open.to_string(),
        amount(explained.open_net, scale),
        explained.oldest.map(instant).unwrap_or_default(),
        explained.oldest_age_secs.map(|secs| secs.to_string()).unwrap_or_default(),
    ]);
    report
}

/// With the asset's digits behind the point.
fn amount(net: Net, scale: i16) -> String {
    let scale = usize::from(scale.unsigned_abs());
    let sign = if net.units() < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", net.units().unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

#[cfg(test)]
mod tests {
    use billing_core::{
        ids::{AccountId, TransferId},
        ledger::{Amount, Line},
    };
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn amounts_have_the_digits_of_their_asset() {
        let shown = |units: i128, scale| amount(Net::from(units), scale);
        assert_eq!(shown(123_456, 2), "1234.56");
        assert_eq!(shown(-5, 2), "-0.05");
        assert_eq!(shown(0, 18), format!("0.{}", "0".repeat(18)));
        assert_eq!(shown(-7, 0), "-7");
    }

    #[test]
    fn tables_fit_a_terminal_of_120_columns() {
        let net = Net::from(-99_999_999_999_999_999_i128);
        let line = Line {
            position: 123_456_789,
            id: TransferId::new(),
            other: AccountId::new(),
            kind: "post_pending",
            code: "subscription charge".to_owned(),
            reference: Some("a reference of somebody else's system, which may be long".to_owned()),
            posted: net,
            pending_out: net,
            pending_in: net,
            balance: net,
            event_at: OffsetDateTime::UNIX_EPOCH,
            created_at: OffsetDateTime::UNIX_EPOCH,
        };
        let mut report = statement();
        add_lines(&mut report, &Page { asset: "RUB".to_owned(), scale: 2, lines: vec![line], next: None });
        let hold = OpenHold {
            id: TransferId::new(),
            debit: AccountId::new(),
            credit: AccountId::new(),
            remaining: Amount::MAX,
            partly: true,
            expires_at: None,
        };
        for report in [report, holds(&[hold], 18)] {
            let text = report.table().to_string();
            assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        }
    }
}
