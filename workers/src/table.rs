//! Reports as tables that fit a terminal.

use std::{collections::BTreeMap, fmt::Write};

use alloy::primitives::U256;
use billing_core::{
    chain::Networks,
    charges::{Row, RunReport},
    money::TokenAmount,
};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use time::macros::format_description;

/// One table over all networks, then a line of totals for each network and token.
pub(crate) fn render(reports: &[RunReport], networks: &Networks, dry_run: bool) -> String {
    let rows: Vec<&Row> = reports.iter().flat_map(|report| &report.rows).collect();
    let mut text = String::new();
    if rows.is_empty() {
        text.push_str("Nothing is due.\n");
    } else {
        let _ = writeln!(text, "{}", table(&rows, networks, dry_run));
    }
    for (line, totals) in totals(&rows, networks) {
        let _ = writeln!(text, "{line}: {totals}");
    }
    for report in reports {
        for error in &report.errors {
            let _ = writeln!(text, "{}: {error}", report.network);
        }
        if report.simulated_apart {
            let _ = writeln!(
                text,
                "{}: the node has no eth_simulateV1; batches were simulated each by itself",
                report.network
            );
        }
    }
    text
}

/// Columns beyond this are wrapped inside their cells.
const WIDTH: u16 = 120;

fn table(rows: &[&Row], networks: &Networks, dry_run: bool) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    let mut header = vec!["network", "subscriber", "plan", "amount", "due since (UTC)"];
    header.push(if dry_run { "predicted" } else { "outcome" });
    if !dry_run {
        header.extend(["tx", "gas"]);
    }
    table.set_header(header);
    for row in rows {
        let mut cells = vec![
            row.network.clone(),
            short(&row.subscriber.to_string()),
            short(&row.plan_hash.to_string()),
            amount(row, networks),
            row.due_at.format(format_description!("[year]-[month]-[day] [hour]:[minute]")).unwrap_or_default(),
            said(row),
        ];
        if !dry_run {
            cells.push(row.tx_hash.map(|hash| short(&hash.to_string())).unwrap_or_default());
            cells.push(row.gas.map(|gas| gas.to_string()).unwrap_or_default());
        }
        table.add_row(cells);
    }
    for right in [3, 7] {
        if let Some(column) = table.column_mut(right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// `charged`, `skipped: InsufficientBalance`, `error: …`.
fn said(row: &Row) -> String {
    let why = row.reason.map(|reason| reason.to_string()).or_else(|| row.error.clone());
    why.map_or_else(|| row.outcome.code().to_owned(), |why| format!("{}: {why}", row.outcome.code()))
}

/// Count and sum by outcome, for each network and token.
fn totals(rows: &[&Row], networks: &Networks) -> Vec<(String, String)> {
    let mut groups: BTreeMap<_, BTreeMap<&str, (usize, U256)>> = BTreeMap::new();
    for row in rows {
        let sums = groups.entry((row.network.clone(), row.token)).or_default();
        let (count, sum) = sums.entry(row.outcome.code()).or_default();
        *count += 1;
        *sum = sum.saturating_add(row.amount.0);
    }
    let lines = groups.into_iter().map(|((network, token), sums)| {
        let parts = sums.iter().map(|(outcome, (count, sum))| {
            format!("{count} {outcome} ({})", shown(networks, &network, token, TokenAmount(*sum)))
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        (network, parts)
    });
    lines.collect()
}

fn amount(row: &Row, networks: &Networks) -> String {
    shown(networks, &row.network, row.token, row.amount)
}

fn shown(networks: &Networks, network: &str, token: alloy::primitives::Address, amount: TokenAmount) -> String {
    match networks.find(network).and_then(|network| network.token(token)) {
        Some(token) => format!("{} {}", amount.display(token.decimals), token.symbol),
        None if token.is_zero() => format!("{} native", amount.display(18)),
        None => format!("{amount} {}", short(&token.to_string())),
    }
}

/// `0x1234…abcd`.
fn short(hex: &str) -> String {
    format!("{}…{}", &hex[..6.min(hex.len())], &hex[hex.len().saturating_sub(4)..])
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256};
    use billing_core::{
        charges::{Outcome, Reason},
        ids::ChainId,
    };

    use super::*;

    fn row(outcome: Outcome, reason: Option<Reason>) -> Row {
        Row {
            network: "ethereum-mainnet".to_owned(),
            chain_id: ChainId(1),
            plan_hash: B256::repeat_byte(7),
            subscriber: Address::repeat_byte(9),
            amount: TokenAmount(U256::from(123_456_789_u64)),
            token: Address::repeat_byte(5),
            due_at: time::OffsetDateTime::UNIX_EPOCH,
            outcome,
            reason,
            retry_at: None,
            error: None,
            tx_hash: Some(B256::repeat_byte(1)),
            gas: Some(1_234_567),
            counts: true,
        }
    }

    #[test]
    fn tables_fit_a_terminal_of_120_columns() {
        let single = Networks::single("http://127.0.0.1:1", 1, Address::repeat_byte(1)).expect("a network");
        let mut unknown = row(Outcome::Error, None);
        unknown.error = Some("network ethereum-mainnet: no answer within 20 s, and a long text after it".repeat(2));
        let rows = vec![
            row(Outcome::Charged, None),
            row(Outcome::Skipped, Some(Reason::InsufficientAllowance)),
            row(Outcome::Failed, Some(Reason::InsufficientBalance)),
            unknown,
        ];
        let report = RunReport { network: "ethereum-mainnet".to_owned(), rows, ..RunReport::default() };
        for dry_run in [true, false] {
            let text = render(std::slice::from_ref(&report), &single, dry_run);
            let widest = text.lines().filter(|line| line.starts_with('|')).map(|line| line.chars().count()).max();
            assert!(widest.is_some_and(|width| width <= 120), "{text}");
            assert!(text.contains("1 charged") && text.contains("1 error"), "{text}");
        }
    }

    #[test]
    fn nothing_due_is_said_in_words() {
        let single = Networks::single("http://127.0.0.1:1", 1, Address::repeat_byte(1)).expect("a network");
        assert_eq!(render(&[RunReport::default()], &single, true), "Nothing is due.\n");
    }
}
