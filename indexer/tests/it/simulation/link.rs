//! The way from replicas to the database, which may end between a commit and its answer.

use std::{
    path::PathBuf,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result};
use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{self, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
};
use tokio_util::task::AbortOnDropHandle;

/// Every session of its own: a proxy at a socket of PostgreSQL's name.
pub struct Link {
    folder: tempfile::TempDir,
    options: PgConnectOptions,
    shared: Arc<Shared>,
    _proxy: AbortOnDropHandle<()>,
}

struct Shared {
    to: Server,
    /// Every so many a commit's answer is lost; zero: none.
    every: AtomicU64,
    commits: AtomicU64,
    lost: AtomicU64,
}

enum Server {
    Unix(PathBuf),
    Tcp(String, u16),
}

impl Link {
    pub fn to(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)?;
        let port = options.get_port();
        let to = match options.get_socket() {
            Some(folder) => Server::Unix(folder.join(format!(".s.PGSQL.{port}"))),
            None => Server::Tcp(options.get_host().to_owned(), port),
        };
        let folder = tempfile::tempdir()?;
        let listener = UnixListener::bind(folder.path().join(format!(".s.PGSQL.{port}")))?;
        let (every, commits, lost) = Default::default();
        let shared = Arc::new(Shared { to, every, commits, lost });
        let proxy = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { folder, options, shared, _proxy: AbortOnDropHandle::new(proxy) })
    }

    /// How a replica connects.
    pub fn options(&self) -> PgConnectOptions {
        self.options.clone().socket(self.folder.path())
    }

    /// From now on every so many a commit's answer is lost; zero: none.
    pub fn lose_commits(&self, every: u64) {
        self.shared.every.store(every, Ordering::Relaxed);
    }

    /// Answers lost so far.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

async fn accept(listener: UnixListener, shared: Arc<Shared>) {
    while let Ok((session, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        // A session that ends is what this is for.
        tokio::spawn(async move { drop(serve(session, &shared).await) });
    }
}

async fn serve(session: UnixStream, shared: &Shared) -> Result<()> {
    match &shared.to {
        Server::Unix(path) => between(session, UnixStream::connect(path).await?, shared).await,
        Server::Tcp(host, port) => between(session, TcpStream::connect((host.as_str(), *port)).await?, shared).await,
    }
}

/// Until one of them ends.
async fn between(session: UnixStream, server: impl AsyncRead + AsyncWrite, shared: &Shared) -> Result<()> {
    let (mut questions, mut answered) = session.into_split();
    let (mut answers, mut asked) = io::split(server);
    let there = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = questions.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            asked.write_all(&buffer[..length]).await?;
            asked.flush().await?;
            anyhow::ensure!(!shared.loses(&buffer[..length]), "the answer is lost");
        }
    };
    let back = async { io::copy(&mut answers, &mut answered).await.map(drop).context("the way back") };
    tokio::select! {
        ended = there => ended,
        ended = back => ended,
    }
}

impl Shared {
    fn loses(&self, question: &[u8]) -> bool {
        let every = self.every.load(Ordering::Relaxed);
        if every == 0 || !question.windows(7).any(|word| word == b"COMMIT\0") {
            return false;
        }
        let loses = self.commits.fetch_add(1, Ordering::Relaxed).is_multiple_of(every);
        self.lost.fetch_add(u64::from(loses), Ordering::Relaxed);
        loses
    }
}
