//! Waiting for what a running process does.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

pub async fn get(url: &str) -> Result<String> {
    Ok(reqwest::get(url).await?.text().await?)
}

pub async fn until<F: Future<Output = Result<bool>>>(what: &str, mut is: impl FnMut() -> F) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(40) {
        if is().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("{what}: not within 40 seconds")
}
