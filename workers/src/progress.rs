//! A bar on standard error while a person waits.

use std::{io::IsTerminal, sync::Arc, time::Duration};

use billing_core::charges::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// Shown as long as this lives.
pub(crate) struct Watching {
    bar: ProgressBar,
    task: Option<tokio::task::JoinHandle<()>>,
}

/// Shows a run's progress on a terminal; elsewhere nothing.
pub(crate) fn watch(progress: Arc<Progress>) -> Watching {
    if !std::io::stderr().is_terminal() {
        return Watching { bar: ProgressBar::hidden(), task: None };
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("charging {bar:30} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    let drawn = bar.clone();
    let task = tokio::spawn(async move {
        loop {
            let (done, due) = progress.done_of();
            drawn.set_length(due);
            drawn.set_position(done);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    Watching { bar, task: Some(task) }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        self.bar.finish_and_clear();
    }
}
