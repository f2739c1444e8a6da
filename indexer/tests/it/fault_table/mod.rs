//! What becomes of the mirror behind nodes that misbehave: a table. `docs/indexer-faults.md` has what was seen.
//!
//! The rows of one test share a chain, each with a node, a database and an indexer of its own.

mod row;
mod rows;
mod run;

use anyhow::Result;

use run::run;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_leave_logs_out() -> Result<()> {
    run(rows::logs()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_are_behind_or_know_too_little() -> Result<()> {
    run(rows::blocks()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_refuse() -> Result<()> {
    run(rows::refusals()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_break() -> Result<()> {
    run(rows::breakage()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_are_not_what_they_seem() -> Result<()> {
    run(rows::strangers()).await
}

#[test]
fn every_row_is_in_the_document() {
    let document = include_str!("../../../../docs/indexer-faults.md");
    let rows = [rows::logs(), rows::blocks(), rows::refusals(), rows::breakage(), rows::strangers()].concat();
    assert!(rows.len() >= 20);
    for row in rows {
        assert!(document.contains(&format!("| {} |", row.name)), "the document lacks: {}", row.name);
    }
}
