//! A private PostgreSQL server of one test, as careful as one with money in it, that may be killed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::child::{Child, command};
use crate::project::{output, root};

const START_LIMIT: Duration = Duration::from_secs(60);
const END_LIMIT: Duration = Duration::from_secs(10);

/// Not where other temporary files are: that may be memory, where a flush means nothing.
const PLACE: &str = "/var/tmp";
const PREFIX: &str = "abono-cluster-";

const SETTINGS: [&str; 8] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=200",
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    // A killed server leaves these behind; in its own folder they go with it.
    "dynamic_shared_memory_type=mmap",
    "timezone=UTC",
];

/// A server on a Unix socket in a folder of its own, with one empty database. Both end with it.
#[derive(Debug)]
pub struct Cluster {
    server: Option<Child>,
    owner: Owner,
    folder: TempDir,
}

/// PostgreSQL refuses to run as root: then it is another user.
#[derive(Debug)]
struct Owner {
    user: u32,
    group: u32,
    programs: PathBuf,
}

impl Cluster {
    /// Makes one and waits until it answers.
    ///
    /// # Errors
    /// No programs of PostgreSQL, or they do not start; with what they said.
    pub async fn start() -> Result<Self> {
        remove_leftovers();
        let owner = Owner::find()?;
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(PLACE)?;
        std::os::unix::fs::chown(folder.path(), Some(owner.user), Some(owner.group))?;
        let mut cluster = Self { server: None, owner, folder };
        cluster.create().await?;
        cluster.restart().await?;
        Ok(cluster)
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        format!("postgres:///postgres?host={}&user=postgres", self.folder.path().display())
    }

    /// Ends the server and all its processes at once, as `kill -9` does; what it had not flushed is lost.
    ///
    /// # Errors
    /// Processes that do not end.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
        // Each of its processes works in the data folder, and is in a session of its own.
        let begun = Instant::now();
        loop {
            let left = processes_in(&self.data());
            if left.is_empty() {
                return Ok(());
            }
            for process in left {
                // It may have ended by itself by now.
                let _ = kill_process(process, Signal::KILL);
            }
            ensure!(begun.elapsed() < END_LIMIT, "processes of a killed PostgreSQL are still there");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts it again on the same files. How long it took until it answered.
    ///
    /// # Errors
    /// It does not start; with its log.
    pub async fn restart(&mut self) -> Result<Duration> {
        self.kill()?;
        let begun = Instant::now();
        let mut server = self.owner.command("postgres", self.folder.path());
        server
            .arg("-D")
            .arg(self.data())
            .arg("-c")
            .arg(format!("unix_socket_directories={}", self.folder.path().display()));
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        server.stderr(File::options().create(true).append(true).open(self.folder.path().join("server.log"))?);
        let url = self.url();
        let server = self.server.insert(Child::spawn(server)?);
        while begun.elapsed() < START_LIMIT {
            if let Ok(conn) = PgConnection::connect(&url).await {
                conn.close().await?;
                return Ok(begun.elapsed());
            }
            ensure!(server.status()?.is_none(), "PostgreSQL ended\n{}", log(&self.folder));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("PostgreSQL does not answer after {START_LIMIT:?}\n{}", log(&self.folder))
    }

    async fn create(&self) -> Result<()> {
        let said = self.folder.path().join("initdb.log");
        let mut initdb = self.owner.command("initdb", self.folder.path());
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]).arg(self.data());
        initdb.stderr(File::create(&said)?);
        let status = Child::spawn(initdb)?.wait(START_LIMIT).await?;
        ensure!(status.success(), "initdb: {status}\n{}", std::fs::read_to_string(said)?);
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Asked to end at once it removes what it has in the system's shared memory.
        if let Some(server) = &mut self.server
            && server.signal(Signal::QUIT).is_ok()
        {
            let begun = Instant::now();
            while begun.elapsed() < END_LIMIT && matches!(server.status(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        drop(self.kill());
    }
}

impl Owner {
    fn find() -> Result<Self> {
        let said = output(Command::new(root().join("script/pg")).arg("programs"))?;
        let mut words = said.trim().splitn(3, ' ');
        let mut word = || words.next().context("script/pg names user, group and folder");
        Ok(Self { user: word()?.parse()?, group: word()?.parse()?, programs: word()?.into() })
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let program = self.programs.join(program);
        let mut command = if geteuid().as_raw() == self.user {
            command(program)
        } else {
            // Another user's process is tied to this one anew: the kernel forgets it with the change.
            let mut command = command("setpriv");
            command.args([format!("--reuid={}", self.user), format!("--regid={}", self.group)]);
            command.args(["--clear-groups", "--pdeathsig", "KILL", "--"]).arg(program);
            command
        };
        command.current_dir(folder).env("HOME", folder).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

fn log(folder: &TempDir) -> String {
    std::fs::read_to_string(folder.path().join("server.log")).unwrap_or_default()
}

/// Those whose working folder it is. One that has ended and was not waited for has none.
fn processes_in(folder: &Path) -> Vec<Pid> {
    let Ok(folder) = folder.canonicalize() else { return Vec::new() };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let inside = processes
        .filter(|process| std::fs::read_link(process.path().join("cwd")).is_ok_and(|working| working == folder));
    inside.filter_map(|process| Pid::from_raw(process.file_name().to_str()?.parse().ok()?)).collect()
}

/// A test that was killed itself had no time to remove its folder.
fn remove_leftovers() {
    for entry in std::fs::read_dir(PLACE).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
        if let Some((process, _)) = owner
            && !Path::new("/proc").join(process).exists()
        {
            // It may be another user's, or another test may be removing it.
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}
