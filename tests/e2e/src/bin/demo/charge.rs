//! The prediction, the charge by two workers at once, and the comparison of both.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use e2e::Stack;
use serde_json::Value;
use test_support::Child;

use crate::{
    cast::Member,
    offer::{self, Offer},
};

/// Names of the networks, as the networks file has them.
pub const NAMES: [&str; 2] = ["alpha", "beta"];

/// One subscription: network, plan hash, subscriber.
pub type Key = (String, String, String);

/// What was predicted or happened: outcome and reason.
pub type Outcomes = BTreeMap<Key, (String, Option<String>)>;

/// A member's subscription.
pub fn key(member: &Member, offers: &[Offer]) -> Result<Key> {
    let wallet = member.role.address().to_string().to_lowercase();
    Ok((NAMES[member.chain].to_owned(), offer::find(offers, member.plan)?.hash.clone(), wallet))
}

/// The dry run's table, and its rows.
pub async fn predict(stack: &Stack) -> Result<(String, Outcomes)> {
    let table = stack.run_ok("billing-charge", &["--dry-run"]).await?;
    let rows = stack.run_ok("billing-charge", &["--dry-run", "--json"]).await?;
    let rows = distinct(&[rows])?;
    let outcomes = rows.iter().map(|(key, row)| Ok((key.clone(), outcome(row)?))).collect::<Result<_>>()?;
    Ok((table, outcomes))
}

/// Starts two workers at the same moment and gives what both did together.
pub async fn charge(stack: &Stack) -> Result<(Outcomes, Vec<Value>)> {
    let mut running = Vec::new();
    for name in ["worker-1", "worker-2"] {
        let out = stack.folder().join(format!("{name}.json"));
        let mut command = stack.command("billing-charge", name)?;
        command.args(["--once", "--json"]).stdout(Stdio::from(std::fs::File::create(&out)?));
        running.push((name, out, Child::spawn(command)?));
    }
    let mut reports = Vec::new();
    for (name, out, mut child) in running {
        let status = child.wait(Duration::from_secs(120)).await?;
        ensure!(status.success(), "{name} ended with {status}\n{}", stack.log(name));
        reports.push(std::fs::read_to_string(out)?);
    }
    let rows = distinct(&reports)?;
    let outcomes = rows.iter().map(|(key, row)| Ok((key.clone(), outcome(row)?))).collect::<Result<_>>()?;
    Ok((outcomes, rows.into_values().collect()))
}

fn rows(report: &str) -> Result<Vec<Value>> {
    let report: Value = serde_json::from_str(report).with_context(|| format!("not a report: {report}"))?;
    report["rows"].as_array().cloned().context("a report has rows")
}

/// The rows of several reports. A worker also reports what another one sent and it found mined; the same transaction told
/// twice is one charge, two transactions for one subscription are an error.
fn distinct(reports: &[String]) -> Result<BTreeMap<Key, Value>> {
    let mut all: BTreeMap<Key, Value> = BTreeMap::new();
    for row in reports.iter().map(|text| rows(text)).collect::<Result<Vec<_>>>()?.concat() {
        let text = |field: &str| row[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in {row}"));
        let key = (text("network")?, text("plan_hash")?, text("subscriber")?.to_lowercase());
        if let Some(other) = all.get(&key)
            && (other["tx_hash"] != row["tx_hash"] || row["tx_hash"].is_null())
        {
            bail!("{key:?} was handled twice: {other} and {row}");
        }
        all.insert(key, row);
    }
    Ok(all)
}

fn outcome(row: &Value) -> Result<(String, Option<String>)> {
    let outcome = row["outcome"].as_str().with_context(|| format!("no outcome in {row}"))?;
    Ok((outcome.to_owned(), row["reason"].as_str().map(str::to_owned)))
}
