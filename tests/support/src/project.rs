//! The checkout and the tools `script/env` finds.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

/// The root of the checkout.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().nth(2).expect("tests/support is two folders below the root").to_path_buf()
    })
}

/// The program behind a variable of `script/env`, such as `ANVIL_BIN`: from the environment, else as the script finds it.
pub fn tool(variable: &str) -> Result<String> {
    if let Some(set) = std::env::var(variable).ok().filter(|value| !value.is_empty()) {
        return Ok(set);
    }
    static FOUND: OnceLock<HashMap<String, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| script_env().unwrap_or_default());
    found
        .get(variable)
        .filter(|value| !value.is_empty())
        .cloned()
        .with_context(|| format!("{variable} was not found; run `script/setup --test`"))
}

fn script_env() -> Result<HashMap<String, String>> {
    let printed = output(Command::new("bash").args(["-c", ". script/env && env"]))?;
    Ok(printed
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// Runs a command in the root and gives its standard output; an error carries everything it said.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let ran = command.current_dir(root()).output().with_context(|| format!("cannot run {command:?}"))?;
    let stdout = String::from_utf8_lossy(&ran.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", ran.status);
    Ok(stdout)
}
