//! What the demo came to, for people and as one line of JSON.

use std::{collections::BTreeMap, time::Duration};

use alloy::primitives::{Address, U256};
use anyhow::Result;
use billing_core::money::TokenAmount;
use e2e::Stack;
use serde_json::{Value, json};

use crate::{
    books::{Books, Totals},
    charge::Outcomes,
    scenes::{fiat::Taken, gasless::Relayed},
};

/// Printed only when every check held: each of them ends the demo with an error otherwise.
#[derive(Debug)]
pub struct Summary<'a> {
    pub stack: &'a Stack,
    pub happened: Outcomes,
    /// Rows of the workers' reports.
    pub rows: Vec<Value>,
    /// Second charges through Permit2.
    pub permit2_charged: usize,
    pub relayed: Vec<Relayed>,
    pub books: Books,
    /// What came in by card.
    pub taken: Taken,
    pub took: Duration,
}

/// Relays of one kind.
#[derive(Debug, Default)]
struct Relays {
    count: u64,
    gas: u64,
    fee: U256,
}

impl Summary<'_> {
    /// Prints it.
    pub fn print(&self) -> Result<()> {
        let due = self.happened.len();
        let charged = self.happened.values().filter(|(_, reason)| reason.is_none()).count();
        let gas: u64 = self.rows.iter().filter_map(|row| row["gas"].as_u64()).sum();
        let gas_per_charge = gas.checked_div(u64::try_from(charged)?);
        println!(
            "\nCharged {charged} of {due} due subscriptions, {} through Permit2; the others as predicted:",
            self.permit2_charged
        );
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for reason in self.happened.values().filter_map(|(_, reason)| reason.as_deref()) {
            *reasons.entry(reason).or_default() += 1;
        }
        for (reason, count) in &reasons {
            println!("  {count:>3}  {reason}");
        }
        println!("Of these, {} were paid by a saved card in the same cycle.", self.taken.periods);
        println!("Gas per charge: {}", gas_per_charge.unwrap_or_default());

        println!("Sent for wallets that own no coin:");
        let relays = self.relays();
        for (kind, all) in &relays {
            println!(
                "  {:>3}  {kind:<9}  {:>7} gas each  {} gwei of the relayer's",
                all.count,
                all.gas / all.count,
                shown(all.fee, 9)
            );
        }

        println!("Books equal balances:");
        lines(&self.books.charges, "charged");
        lines(&self.books.sales, "sold");
        for (chain_id, wei) in &self.books.relays {
            println!("  chain {chain_id}  the relayer paid {} gwei for gas", shown(*wei, 9));
        }

        println!("By card: {} credits sold; the providers have for us, their fees taken off:", self.taken.credits);
        for (currency, minor) in &self.taken.money {
            println!("  {:>9}.{:02} {currency}", minor / 100, minor % 100);
        }

        let relays: BTreeMap<_, _> = relays
            .iter()
            .map(|(kind, all)| {
                (kind, json!({ "sent": all.count, "gas_each": all.gas / all.count, "fee_wei": all.fee.to_string() }))
            })
            .collect();
        let line = json!({
            "chains": self.stack.chains.len(),
            "due": due,
            "charged": charged,
            "charged_through_permit2": self.permit2_charged,
            "skipped": reasons,
            "predictions_wrong": 0,
            "charged_twice": 0,
            "gas_per_charge": gas_per_charge,
            "relays": relays,
            "sales": self.books.sales.values().map(|sums| sums.count).sum::<u64>(),
            "paid_by_card": self.taken.periods,
            "credits_sold": self.taken.credits,
            "ledger_verified": true,
            "books_equal_balances": true,
            "mirror_equals_chain": true,
            "seconds": self.took.as_secs(),
        });
        println!("{line}");
        Ok(())
    }

    fn relays(&self) -> BTreeMap<&str, Relays> {
        let mut relays: BTreeMap<&str, Relays> = BTreeMap::new();
        for relayed in &self.relayed {
            let all = relays.entry(&relayed.kind).or_default();
            all.count += 1;
            all.gas += relayed.gas;
            all.fee += relayed.fee;
        }
        relays
    }
}

fn lines(totals: &Totals, what: &str) {
    for ((chain_id, token), sums) in totals {
        let (symbol, decimals) = unit(*token);
        println!(
            "  chain {chain_id}  {:>3} {what:<7}  {:>8} {symbol:<4}  of which fee {} {symbol}",
            sums.count,
            shown(sums.gross, decimals),
            shown(sums.fee, decimals)
        );
    }
}

fn unit(token: Address) -> (&'static str, u8) {
    if token.is_zero() { ("ETH", 18) } else { ("USDT", 6) }
}

fn shown(amount: U256, decimals: u8) -> String {
    TokenAmount(amount).display(decimals)
}
