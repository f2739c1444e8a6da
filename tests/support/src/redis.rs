//! A private Redis on a Unix socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::child::{Child, command};
use crate::project::tool;

const START_LIMIT: Duration = Duration::from_secs(20);

/// A Redis server of one test. It listens on a Unix socket only, so no port can clash, and it keeps nothing on disk.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    server: Child,
}

impl Redis {
    /// Starts an empty server and waits until it answers.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("abono-redis-").tempdir()?;
        let server = launch(&folder)?;
        let mut redis = Self { folder, server };
        redis.wait_until_ready().await?;
        Ok(redis)
    }

    /// The URL clients connect to.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Takes it down at once, as `kill -9` does; clients see an outage.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Brings an empty server back at the same URL.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill();
        self.server = launch(&self.folder)?;
        self.wait_until_ready().await
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < START_LIMIT {
            if let Some(status) = self.server.status()? {
                bail!("redis-server ended with {status}");
            }
            if self.ping().is_ok_and(|answer| answer.starts_with("+PONG")) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("redis-server does not answer after {START_LIMIT:?}")
    }

    fn ping(&self) -> std::io::Result<String> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        Ok(answer)
    }
}

fn launch(folder: &TempDir) -> Result<Child> {
    let socket = folder.path().join("redis.sock");
    let _ = std::fs::remove_file(&socket);
    let mut redis = command(tool("REDIS_SERVER_BIN")?);
    redis.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(&socket);
    redis.args(["--unixsocketperm", "700"]).current_dir(folder.path());
    redis.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Child::spawn(redis).context("redis-server")
}
