use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use test_support::{Child, command, signal};

#[tokio::test]
async fn a_child_ends_with_the_process_that_started_it() -> Result<()> {
    let mut parent = Command::new(std::env::current_exe()?)
        .args(["--exact", "child::starts_a_child_and_waits", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(parent.stdout.take().context("its output is piped")?);
    let line = output.lines().map_while(Result::ok).find(|line| line.contains("child="));
    let pid = line.as_deref().and_then(|line| line.split_once("child=")).context("it names its child")?.1.to_owned();
    let process = PathBuf::from("/proc").join(pid.trim());
    anyhow::ensure!(process.exists(), "the child runs");

    parent.kill()?;
    parent.wait()?;

    for _ in 0..200 {
        if !process.exists() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("{} outlived its parent", process.display())
}

#[test]
#[ignore = "the other half of a_child_ends_with_the_process_that_started_it"]
#[expect(clippy::print_stdout, reason = "that is how the parent learns the number")]
fn starts_a_child_and_waits() -> Result<()> {
    let mut sleep = command("sleep");
    sleep.arg("60");
    let child = Child::spawn(sleep)?;
    println!("child={}", child.id());
    std::thread::sleep(Duration::from_secs(60));
    Ok(())
}

#[tokio::test]
async fn a_child_ends_by_a_signal() -> Result<()> {
    let mut sleep = command("sleep");
    sleep.arg("60");
    let mut child = Child::spawn(sleep)?;
    assert_eq!(child.status()?, None);

    child.signal(signal::TERM)?;

    assert!(!child.wait(Duration::from_secs(5)).await?.success());
    Ok(())
}
