//! A bar for people who wait for a backfill.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Shorter ways are gone before a bar is read.
const WORTH_A_BAR: u64 = 200;

/// The bar of one network, on standard error, and only where that is a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    bars: MultiProgress,
    network: String,
    bar: Option<(ProgressBar, i64)>,
}

impl Progress {
    pub(crate) fn new(bars: &MultiProgress, network: &str) -> Self {
        Self { bars: bars.clone(), network: network.to_owned(), bar: None }
    }

    /// The mirror goes from `from` to `to`; a bar that is shown stays.
    pub(crate) fn begin(&mut self, from: i64, to: i64) {
        let blocks = u64::try_from(to - from + 1).unwrap_or_default();
        if self.bar.is_none() && blocks >= WORTH_A_BAR {
            let bar = self.bars.add(ProgressBar::new(blocks).with_prefix(self.network.clone()).with_style(style()));
            self.bar = Some((bar, from));
        }
    }

    pub(crate) fn reached(&self, block: i64) {
        if let Some((bar, from)) = &self.bar {
            bar.set_position(u64::try_from(block - from + 1).unwrap_or_default());
        }
    }

    pub(crate) fn done(&mut self) {
        if let Some((bar, _)) = self.bar.take() {
            bar.finish();
        }
    }
}

fn style() -> ProgressStyle {
    let template = "{prefix:>12} [{bar:30}] {human_pos}/{human_len} blocks, {per_sec}, {eta} left";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}
