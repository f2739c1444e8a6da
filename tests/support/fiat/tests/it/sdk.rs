use std::{path::Path, process::Stdio};

use anyhow::{Context, Result, ensure};
use fiat_emulators::stripe::{Options, StripeEmulator};
use tokio::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");

/// Runs a script of `tests/sdk` with an SDK of `.tools`.
async fn run(sdk: &str, script: &str, variables: &[(&str, &str)]) -> Result<()> {
    let packages = Path::new(ROOT).join(".tools").join(sdk);
    ensure!(packages.join("pins.txt").exists(), "{sdk} is not installed: script/setup --test");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(script);
    let mut python = Command::new("python3");
    python.arg(&script).env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1").kill_on_drop(true);
    for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        python.env_remove(proxy);
    }
    let output = python.envs(variables.iter().copied()).stdin(Stdio::null()).output().await.context("python3")?;
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{}: {}\n{told}\n{failed}", script.display(), output.status);
    Ok(())
}

#[tokio::test]
async fn the_official_sdk_of_stripe_is_understood() -> Result<()> {
    let emulator = StripeEmulator::start(Options::default()).await?;
    let variables = [
        ("STRIPE_URL", emulator.base_url()),
        ("STRIPE_KEY", emulator.secret_key()),
        ("STRIPE_WEBHOOK_SECRET", emulator.webhook_secret()),
    ];
    let webhook = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", webhook.local_addr()?);
    drop(webhook);
    emulator.set_webhook(Some(url.clone()));
    emulator.refuse_next_charge("insufficient_funds");
    run("stripe-sdk", "stripe_sdk.py", &[&variables[..], &[("WEBHOOK_URL", url.as_str())]].concat()).await
}
