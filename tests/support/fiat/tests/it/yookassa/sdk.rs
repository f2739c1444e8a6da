//! YooKassa's own client for Python against the emulator: what it understands is not only our reading of the protocol.

use std::{path::Path, process::Stdio};

use fiat_emulators::yookassa::{Options, YooKassaEmulator};
use tokio::process::Command;

#[tokio::test]
async fn the_vendor_s_own_client_gets_what_it_expects() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(3).expect("three folders below the root");
    let sdk = root.join(".tools/yookassa-sdk");
    assert!(sdk.join("yookassa").is_dir(), "YooKassa's client is not there; run `script/setup --test`");
    let emulator = YooKassaEmulator::start(Options::default()).await.expect("a free port");
    let ran = Command::new("python3")
        .arg(here.join("tests/sdk/yookassa_sdk.py"))
        .args([emulator.base_url(), emulator.shop_id(), emulator.secret_key()])
        .env("PYTHONPATH", &sdk)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "*")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("python3");
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(0), "{told}");
    // The one thing in which the vendor's client and the vendor's document differ.
    let quantity = r#"POST /payments: "2.0" is not of type "number" at /receipt/items/0/quantity"#;
    assert_eq!(emulator.violations(), [quantity]);
}
