//! Two or more chains, a database, and the programs between them.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use alloy::hex;
use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use test_support::{Chain, Child, Database, Role, command, networks_toml};

use crate::Client;

/// The bearer token that the API of a stack takes for everything.
const TOKEN: &str = "a-token-for-nothing-but-this-run";

/// How a stack is set up.
#[derive(Debug, Default)]
pub struct StackOptions {
    /// Lines put in place of others in the networks file: `confirmations = 0`, say.
    pub replace: Vec<(String, String)>,
    /// Variables of the programs, beside those that every stack has.
    pub env: Vec<(String, String)>,
}

/// A database, a networks file, and how to start the programs on them. What it starts ends with it.
#[derive(Debug)]
pub struct Stack {
    /// The chains, in the order of the networks file: alpha, beta, …
    pub chains: Vec<Chain>,
    /// Migrated and empty.
    pub database: Database,
    folder: TempDir,
    env: Vec<(String, String)>,
}

impl Stack {
    /// Writes the networks file for these chains; starts no program.
    pub async fn new(chains: Vec<Chain>, options: StackOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("abono-").tempdir()?;
        let mut networks = networks_toml(&chains.iter().collect::<Vec<_>>());
        for (from, to) in &options.replace {
            ensure!(networks.contains(from), "the networks file has no {from:?}");
            networks = networks.replace(from, to);
        }
        std::fs::write(folder.path().join("networks.toml"), networks)?;
        Ok(Self { chains, database: Database::new().await, folder, env: options.env })
    }

    /// The networks file.
    pub fn networks(&self) -> PathBuf {
        self.folder.path().join("networks.toml")
    }

    /// Where logs and files of this stack lie, until it ends.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A program of ours with this stack's configuration. Its log goes to a file named `log`.
    pub fn command(&self, program: &str, log: &str) -> Result<Command> {
        let file = File::options().create(true).append(true).open(self.folder.path().join(format!("{log}.log")))?;
        let mut command = command(self::program(program)?);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BILLING_")) {
            command.env_remove(name);
        }
        command
            .env("DATABASE_URL", self.database.url())
            .env_remove("REDIS_URL")
            .env("BILLING_NETWORKS", self.networks())
            .env("BILLING_AUTOMATION_KEY", Role::Automation.key())
            .env("BILLING_LOG_FORMAT", "text")
            .env("BILLING_LOG", "info")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stderr(file);
        Ok(command)
    }

    /// What a program wrote to its log so far.
    pub fn log(&self, log: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{log}.log"))).unwrap_or_default()
    }

    /// Runs a program to its end and gives its exit code and standard output.
    pub async fn run(&self, program: &str, arguments: &[&str]) -> Result<(i32, String)> {
        let mut command = self.command(program, program)?;
        let out = tempfile::NamedTempFile::new_in(self.folder.path())?;
        command.args(arguments).stdout(out.reopen()?);
        let status = Child::spawn(command)?.wait(Duration::from_secs(120)).await?;
        Ok((status.code().unwrap_or(-1), std::fs::read_to_string(out.path())?))
    }

    /// As [`Stack::run`]; an exit code but 0 is an error with the program's log.
    pub async fn run_ok(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let (code, out) = self.run(program, arguments).await?;
        ensure!(code == 0, "{program} {arguments:?} ended with {code}\n{out}\n{}", self.log(program));
        Ok(out)
    }

    /// Starts the indexer in follow mode.
    pub fn start_indexer(&self) -> Result<Child> {
        let mut command = self.command("billing-indexer", "billing-indexer")?;
        command.stdout(Stdio::null());
        Child::spawn(command)
    }

    /// Starts the API and waits until it is ready.
    pub async fn start_api(&self) -> Result<(Child, Client)> {
        let listen = format!("127.0.0.1:{}", free_port()?);
        let mut command = self.command("billing-api", "billing-api")?;
        command
            .env("BILLING_API_LISTEN", &listen)
            .env("BILLING_OPERATOR_KEY", Role::Operator.key())
            .env("BILLING_RELAYER_KEY", Role::Relayer.key())
            .env("BILLING_SERVICE_TOKENS", service_token())
            .stdout(Stdio::null());
        let mut child = Child::spawn(command)?;
        let client = Client::new(format!("http://{listen}"), TOKEN)?;
        let begun = Instant::now();
        while !client.is_ready().await {
            if let Some(status) = child.status()? {
                bail!("billing-api ended with {status}\n{}", self.log("billing-api"));
            }
            ensure!(begun.elapsed() < Duration::from_secs(20), "billing-api is not ready\n{}", self.log("billing-api"));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok((child, client))
    }
}

fn service_token() -> String {
    use sha2::{Digest, Sha256};
    let hash = hex::encode(Sha256::digest(TOKEN));
    format!("demo:billing_admin:{hash}")
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A program of the workspace, beside the running one in the target folder.
///
/// # Errors
/// It is not there; says how to build it.
pub fn program(name: &str) -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    let found = me.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built; run `cargo build --workspace --bins`"))
}
