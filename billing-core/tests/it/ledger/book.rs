//! `docs/ledger.md`, executed: each example is run, and its tables are compared with what was written.

mod clerk;

use anyhow::{Context, Result, ensure};
use billing_core::ledger;
use test_support::Database;

use self::clerk::Clerk;

const DOCUMENT: &str = include_str!("../../../../docs/ledger.md");

/// A piece of the document that is executed.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Commands(Vec<&'a str>),
    /// Rows below a header, each its cells.
    Table(Vec<&'a str>, Vec<Vec<&'a str>>),
}

#[tokio::test]
async fn every_example_writes_what_the_document_says() -> Result<()> {
    let database = Database::new().await;
    let mut clerk = Clerk::begin(database.pool()).await?;
    let mut verbs = 0;
    let mut last: Vec<&str> = Vec::new();
    for piece in pieces(DOCUMENT) {
        match piece {
            Piece::Commands(commands) => {
                for command in &commands {
                    clerk.run(command).await.with_context(|| (*command).to_owned())?;
                    verbs += 1;
                }
                // So that reads meet what is sealed and what is not.
                if verbs % 2 == 0 {
                    ledger::seal(database.pool(), 1_000).await?;
                }
                last = commands;
            }
            Piece::Table(header, rows) if header[0] == "debit" => {
                let written: Vec<String> = clerk.written().await?;
                let told: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
                ensure!(written == told, "{last:?} writes\n{}", written.join("\n"));
            }
            Piece::Table(header, rows) if header == ["account", "balance"] => {
                for row in rows {
                    let there = clerk.balance(row[0]).await?;
                    ensure!(there == row[1], "after {last:?}, {} has {there}", row[0]);
                }
            }
            Piece::Table(_, rows) => {
                let told: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
                ensure!(told == clerk::chart(), "the chart of accounts is {:?}", clerk::chart());
            }
        }
    }
    ensure!(verbs >= 12, "{verbs} commands were found");
    Ok(())
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut lines) = (Vec::new(), text.lines().peekable());
    while let Some(line) = lines.next() {
        if line == "```ledger" {
            pieces.push(Piece::Commands(lines.by_ref().take_while(|line| *line != "```").collect()));
        } else if line.starts_with('|') {
            lines.next();
            let mut rows = Vec::new();
            while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                rows.push(cells(row));
            }
            pieces.push(Piece::Table(cells(line), rows));
        }
    }
    pieces
}

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}
