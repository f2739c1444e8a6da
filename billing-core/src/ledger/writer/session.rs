//! Sessions outside the pool: what is set in them is nobody else's.

use std::{
    io,
    mem::replace,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{Connection as _, PgConnection, PgPool, postgres::PgConnectOptions};
use tokio::{sync::Mutex, time::timeout};

use super::super::repo;

/// As long as the programs wait for their pools.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Idle for longer, a session is asked whether it is alive.
const TRUSTED: Duration = Duration::from_secs(2);
/// Nothing that the ledger asks for takes so long, locks included.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Opened when it is needed, and again after an error. Commits as the server is set up to.
#[derive(Debug)]
pub(super) struct Session {
    options: PgConnectOptions,
    conn: Option<PgConnection>,
    used: Instant,
}

impl Session {
    pub(super) fn of(pool: &PgPool) -> Self {
        Self { options: pool.connect_options().as_ref().clone(), conn: None, used: Instant::now() }
    }

    pub(super) async fn open(&mut self) -> sqlx::Result<&mut PgConnection> {
        let idle = replace(&mut self.used, Instant::now()).elapsed();
        if let Some(conn) = &mut self.conn
            && idle >= TRUSTED
            && !is_alive(conn).await
        {
            self.close();
        }
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => connect(&self.options).await?,
        };
        Ok(self.conn.insert(conn))
    }

    pub(super) fn close(&mut self) {
        self.conn = None;
    }
}

/// A session whose transactions are over before they are on the disk, and the one that waits for the disk.
#[derive(Debug)]
pub(super) struct Ahead {
    options: PgConnectOptions,
    pair: Option<(PgConnection, Arc<Disk>)>,
    used: Instant,
}

impl Ahead {
    pub(super) fn of(pool: &PgPool) -> Self {
        Self { options: pool.connect_options().as_ref().clone(), pair: None, used: Instant::now() }
    }

    pub(super) async fn open(&mut self) -> sqlx::Result<&mut (PgConnection, Arc<Disk>)> {
        let idle = replace(&mut self.used, Instant::now()).elapsed();
        if let Some((conn, disk)) = &mut self.pair
            && (disk.is_lost() || idle >= TRUSTED && !(is_alive(conn).await && disk.flush().await))
        {
            self.close();
        }
        let pair = match self.pair.take() {
            Some(pair) => pair,
            None => {
                let disk = Arc::new(Disk::of(connect(&self.options).await?));
                (connect(&self.options.clone().options([("synchronous_commit", "off")])).await?, disk)
            }
        };
        Ok(self.pair.insert(pair))
    }

    pub(super) fn close(&mut self) {
        self.pair = None;
    }
}

/// Waits for the disk on behalf of what was written since it began: a session that began later would not know whether the server forgot
/// something in between. So it is never opened again.
#[derive(Debug)]
pub(super) struct Disk {
    conn: Mutex<PgConnection>,
    is_lost: AtomicBool,
}

impl Disk {
    fn of(conn: PgConnection) -> Self {
        Self { conn: Mutex::new(conn), is_lost: AtomicBool::new(false) }
    }

    fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    /// Whether everything that was committed before is on the disk by now, and with a synchronous standby.
    pub(super) async fn flush(&self) -> bool {
        let mut conn = self.conn.lock().await;
        let is_flushed = matches!(timeout(PATIENCE, repo::commit_waits_for_disk(&mut conn)).await, Ok(Ok(())));
        if !is_flushed {
            self.is_lost.store(true, Ordering::Release);
        }
        is_flushed
    }
}

async fn is_alive(conn: &mut PgConnection) -> bool {
    matches!(timeout(CONNECT_TIMEOUT, conn.ping()).await, Ok(Ok(())))
}

async fn connect(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    match timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await {
        Ok(connected) => connected,
        Err(_) => Err(sqlx::Error::Io(io::Error::from(io::ErrorKind::TimedOut))),
    }
}
