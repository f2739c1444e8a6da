//! Child processes that never outlive the test.

use std::ffi::OsStr;
use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, kill_process};

/// The signals tests send: `signal::TERM`, `signal::KILL`, …
pub use rustix::process::Signal as signal;

type Spawned = io::Result<std::process::Child>;
type Order = (Command, mpsc::SyncSender<Spawned>);

/// A command whose process the kernel kills when this process dies, however it dies.
///
/// Arguments, environment and streams are added as to any [`Command`]; start it with [`Child::spawn`].
pub fn command(program: impl AsRef<OsStr>) -> Command {
    static CAN_BIND: OnceLock<bool> = OnceLock::new();
    let bind = |command: &mut Command| {
        command.args(["--pdeathsig", "KILL", "--"]);
    };
    let can_bind = *CAN_BIND.get_or_init(|| {
        let mut probe = Command::new("setpriv");
        bind(&mut probe);
        probe.arg("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    });
    if !can_bind {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    bind(&mut command);
    // This process may have died before the kernel was told: then the child has another parent already and ends here.
    command.args(["sh", "-c", r#"[ "$PPID" = "$0" ] && exec "$@""#, &std::process::id().to_string()]);
    command.arg(program);
    command
}

/// A running process, killed on drop.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    name: String,
}

impl Child {
    /// Starts a command made by [`command`].
    pub fn spawn(command: Command) -> Result<Self> {
        let name = format!("{command:?}");
        let (reply, answer) = mpsc::sync_channel(1);
        let gone = "the spawning thread lives as long as the process";
        spawner().send((command, reply)).expect(gone);
        let process = answer.recv().expect(gone).with_context(|| format!("cannot start {name}"))?;
        Ok(Self { process, name })
    }

    /// The process number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal, such as `signal::TERM` or `signal::STOP`.
    pub fn signal(&self, which: signal) -> Result<()> {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).context("no such process")?;
        kill_process(pid, which).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Its exit status, or `None` while it runs.
    pub fn status(&mut self) -> Result<Option<ExitStatus>> {
        self.process.try_wait().with_context(|| format!("cannot ask {}", self.name))
    }

    /// Ends it at once, as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Waits for its own end.
    pub async fn wait(&mut self, at_most: Duration) -> Result<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < at_most {
            if let Some(status) = self.status()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("{} still runs after {at_most:?}", self.name)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The kernel ties a child to the thread that started it, so one thread that never ends starts them all.
fn spawner() -> &'static mpsc::Sender<Order> {
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        });
        orders
    })
}
