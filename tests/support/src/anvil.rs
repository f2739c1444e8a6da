//! A private anvil node.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use alloy::network::EthereumWallet;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::accounts::{FUNDED, Role};
use crate::child::{Child, command, signal};
use crate::http::client;
use crate::project::tool;

const START_LIMIT: Duration = Duration::from_secs(30);

/// How a node is started.
#[derive(Debug, Clone)]
pub struct AnvilOptions {
    /// The chain id it answers with.
    pub chain_id: u64,
    /// Seconds between blocks; `None` mines a block per transaction.
    pub block_time: Option<u64>,
    /// A state file of another node to go on from.
    pub load_state: Option<PathBuf>,
    /// Further arguments of the program.
    pub arguments: Vec<String>,
}

impl Default for AnvilOptions {
    fn default() -> Self {
        Self { chain_id: 31_337, block_time: None, load_state: None, arguments: Vec::new() }
    }
}

/// A running node on a free port of 127.0.0.1, killed on drop.
#[derive(Debug)]
pub struct Anvil {
    options: AnvilOptions,
    folder: TempDir,
    port: u16,
    node: Child,
    client: reqwest::Client,
}

impl Anvil {
    /// Starts a node and waits until it answers.
    pub async fn spawn(options: AnvilOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("abono-anvil-").tempdir()?;
        let node = launch(&options, &folder, 0)?;
        let mut anvil = Self { options, folder, port: 0, node, client: client() };
        anvil.wait_until_ready().await?;
        Ok(anvil)
    }

    /// Its RPC URL; the same after [`Anvil::restart`].
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The chain id it answers with.
    pub fn chain_id(&self) -> u64 {
        self.options.chain_id
    }

    /// A client without signer.
    pub fn provider(&self) -> DynProvider {
        ProviderBuilder::new().connect_reqwest(self.client.clone(), self.rpc()).erased()
    }

    /// A client that signs and sends as `role`.
    pub fn provider_as(&self, role: Role) -> DynProvider {
        let wallet = EthereumWallet::from(role.signer());
        ProviderBuilder::new().wallet(wallet).connect_reqwest(self.client.clone(), self.rpc()).erased()
    }

    /// Takes the node down; clients are refused until [`Anvil::restart`], which brings the same chain back.
    pub async fn kill(&mut self) -> Result<()> {
        self.node.signal(signal::INT)?;
        self.node.wait(START_LIMIT).await?;
        self.options.load_state = Some(self.state());
        Ok(())
    }

    /// Ends the node and gives the file with its state, which lives as long as this value.
    pub async fn save(mut self) -> Result<(TempDir, PathBuf)> {
        self.kill().await?;
        let state = self.state();
        Ok((self.folder, state))
    }

    /// Brings a killed node back at the same URL.
    pub async fn restart(&mut self) -> Result<()> {
        self.node.kill();
        self.node = launch(&self.options, &self.folder, self.port)?;
        self.wait_until_ready().await
    }

    /// Stops answering without closing connections, as an overloaded node does, until [`Anvil::thaw`].
    pub fn freeze(&self) -> Result<()> {
        self.node.signal(signal::STOP)
    }

    /// Goes on after [`Anvil::freeze`].
    pub fn thaw(&self) -> Result<()> {
        self.node.signal(signal::CONT)
    }

    fn rpc(&self) -> reqwest::Url {
        self.url().parse().expect("made of an address and a port")
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state.json")
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < START_LIMIT {
            let output = std::fs::read_to_string(self.folder.path().join("output"))?;
            if let Some(status) = self.node.status()? {
                bail!("anvil ended with {status}: {output}");
            }
            if let Some(port) = printed_port(&output) {
                self.port = port;
                if self.provider().get_chain_id().await.is_ok_and(|id| id == self.options.chain_id) {
                    return Ok(());
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("anvil does not answer after {START_LIMIT:?}")
    }
}

/// Its output goes to a file: a pipe nobody reads would stop it after some thousand requests.
fn launch(options: &AnvilOptions, folder: &TempDir, port: u16) -> Result<Child> {
    let output = File::create(folder.path().join("output"))?;
    let mut anvil = command(tool("ANVIL_BIN")?);
    anvil.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    anvil.args(["--chain-id", &options.chain_id.to_string(), "--accounts", &FUNDED.to_string()]);
    anvil.arg("--dump-state").arg(folder.path().join("state.json"));
    if let Some(secs) = options.block_time {
        anvil.args(["--block-time", &secs.to_string()]);
    }
    if let Some(state) = &options.load_state {
        anvil.arg("--load-state").arg(state);
    }
    anvil.args(&options.arguments).stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
    Child::spawn(anvil).context("anvil")
}

fn printed_port(output: &str) -> Option<u16> {
    let (_, address) = output.split_once("Listening on ")?;
    address.lines().next()?.trim().rsplit_once(':')?.1.parse().ok()
}
