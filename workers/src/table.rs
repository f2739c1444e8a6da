//! Reports as tables that fit a terminal.

use std::{collections::BTreeMap, fmt::Write};

use alloy::primitives::U256;
use billing_core::{
    chain::Networks,
    charges::{Outcome, Row, RunReport},
    money::TokenAmount,
};
use comfy_table::{CellAlignment, Table, presets};
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

fn table(rows: &[&Row], networks: &Networks, dry_run: bool) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let mut header = vec!["network", "subscriber", "plan", "amount", "due since (UTC)"];
    header.extend(if dry_run { ["predicted", "reason"] } else { ["outcome", "reason"] });
    if !dry_run {
        header.extend(["transaction", "gas"]);
    }
    table.set_header(header);
    for row in rows {
        let mut cells = vec![
            row.network.clone(),
            short(&row.subscriber.to_string()),
            short(&row.plan_hash.to_string()),
            amount(row, networks),
            row.due_at.format(format_description!("[year]-[month]-[day] [hour]:[minute]")).unwrap_or_default(),
            outcome(row.outcome).to_owned(),
            row.reason.map(|reason| reason.to_string()).unwrap_or_default(),
        ];
        if !dry_run {
            cells.push(row.tx_hash.map(|hash| short(&hash.to_string())).unwrap_or_default());
            cells.push(row.gas.map(|gas| gas.to_string()).unwrap_or_default());
        }
        table.add_row(cells);
    }
    for right in [3, 8] {
        if let Some(column) = table.column_mut(right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Count and sum by outcome, for each network and token.
fn totals(rows: &[&Row], networks: &Networks) -> Vec<(String, String)> {
    let mut groups: BTreeMap<_, BTreeMap<&str, (usize, U256)>> = BTreeMap::new();
    for row in rows {
        let sums = groups.entry((row.network.clone(), row.token)).or_default();
        let (count, sum) = sums.entry(outcome(row.outcome)).or_default();
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

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Charged => "charged",
        Outcome::Skipped => "skipped",
        Outcome::Failed => "failed",
        Outcome::Pending => "pending",
    }
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
