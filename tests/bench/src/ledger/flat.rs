//! Whether one more costs what it cost when there were few.

use std::time::Duration;

use anyhow::Result;
use bench::figures::{Goal, Report, float, median};

use crate::ways::{Books, Spread, Way};

/// Transfers that are few.
const FEW: u64 = 10_000;
const TURN: Duration = Duration::from_secs(3);
const TURNS: usize = 5;

/// Fills one ledger to `stored` and has one with few beside it; turns alternate.
pub async fn measure(stored: u64, report: &mut Report) -> Result<()> {
    let (few, many) = (Books::open().await?, Books::open().await?);
    while many.stored().await? < stored {
        many.turn(Way::Batched, Spread::Many, 2, TURN).await?;
    }
    while few.stored().await? < FEW {
        few.turn(Way::Direct, Spread::Many, 8, Duration::from_millis(200)).await?;
    }
    let (mut few_paces, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let one = few.turn(Way::Direct, Spread::Many, 8, Duration::from_millis(500)).await?.per_second;
        let other = many.turn(Way::Direct, Spread::Many, 8, TURN).await?.per_second;
        few_paces.push(one);
        ratios.push(one / other);
    }
    report.tell("stored", float(many.stored().await?), "");
    report.tell("stored_few", float(few.stored().await?), "");
    report.tell("stored_few_pace", median(&few_paces), "per s");
    report.hold("stored_cost_ratio", median(&ratios), "", Goal::AtMost(1.15));
    few.close().await?;
    many.close().await
}
