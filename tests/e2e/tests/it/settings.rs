//! What `.env.example` says there is to set, against what the programs take.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use e2e::{Stack, StackOptions};
use test_support::{Chain, root};

/// Those that no program reads: the tests do.
const OF_TESTS: [&str; 3] = ["ABONO_TEST_DATABASE_URL", "ABONO_DRILL_SECONDS", "ABONO_DRILL_SEED"];

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_settings_has_every_setting_of_every_program_and_no_other() -> Result<()> {
    let stack = Stack::new(vec![Chain::start(31_337).await?], StackOptions::default()).await?;
    let mut taken: BTreeSet<String> = OF_TESTS.map(str::to_owned).into();
    for arguments in [
        &["billing", "migrate", "--help"][..],
        &["billing-indexer", "--help"],
        &["billing-charge", "--help"],
        &["billing-ledger", "--help"],
        &["billing-worker", "--help"],
        &["billing", "payments", "reconcile", "--help"],
        &["billing-api", "--help"],
    ] {
        let help = stack.run_ok(arguments[0], &arguments[1..]).await?;
        let named = help.split("[env: ").skip(1).filter_map(|rest| rest.split(['=', ']']).next());
        taken.extend(named.map(str::to_owned));
    }
    let example = std::fs::read_to_string(root().join(".env.example"))?;
    let setting = |line: &str| line.trim_start_matches('#').split_once('=').map(|(name, _)| name.to_owned());
    let is_name = |name: &String| name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
    let shown: BTreeSet<String> = example.lines().filter_map(setting).filter(is_name).collect();
    let missing: Vec<_> = taken.difference(&shown).collect();
    let unknown: Vec<_> = shown.difference(&taken).collect();
    ensure!(missing.is_empty() && unknown.is_empty(), "not in .env.example: {missing:?}; of no program: {unknown:?}");
    Ok(())
}
