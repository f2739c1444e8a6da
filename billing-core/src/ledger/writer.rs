//! Concurrent callers' transfers, folded into one transaction after the other.
//!
//! Who asks while a transaction is at work shares the next one. A transaction gives its locks back before it is on the disk, so that the next
//! one need not wait for that; callers are answered after it. Nobody waits for a timer, and a caller alone takes the one round trip.

mod session;

use std::sync::Arc;

use sqlx::{Connection as _, PgPool};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::timeout,
};

use self::session::{Ahead, Disk, PATIENCE, Session};
use super::{
    Answer, LedgerError, Refusal, Transfer,
    post::{post, post_folded, post_one, post_plainly},
};

/// Batches in one transaction at most.
const MOST: usize = 512;
/// Transactions that may be on their way to the disk.
const AHEAD: usize = 4;

/// A queue into the ledger. All clones share it; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Asked>,
}

#[derive(Debug)]
struct Asked {
    batch: Vec<Transfer>,
    answer: Reply,
}

/// Where a caller waits.
type Reply = oneshot::Sender<Result<Vec<Answer>, LedgerError>>;

/// What a transaction wrote, before it is on the disk.
#[derive(Debug)]
struct Written {
    asked: Vec<Asked>,
    answers: Vec<Vec<Answer>>,
    disk: Arc<Disk>,
    /// One of [`AHEAD`], given back when they are answered.
    place: OwnedSemaphorePermit,
}

impl Writer {
    /// Starts one in tasks of its own; it opens three sessions besides the pool's.
    #[must_use]
    pub fn start(pool: PgPool) -> Self {
        let (queue, asked) = mpsc::channel(MOST);
        let (written, flushed) = mpsc::channel(AHEAD);
        tokio::spawn(write(pool, asked, written));
        tokio::spawn(flush(flushed));
        Self { queue }
    }

    /// Posts one batch, whole or not at all; durable when it answers. Who stops waiting does not stop the write.
    ///
    /// # Errors
    /// The database's: nobody knows whether it was written; ask again with the same ids.
    pub async fn post(&self, batch: Vec<Transfer>) -> Result<Vec<Answer>, LedgerError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Asked { batch, answer }).await.map_err(|_| LedgerError::WriterGone)?;
        answered.await.map_err(|_| LedgerError::WriterGone)?
    }

    /// Posts one transfer.
    ///
    /// # Errors
    /// As [`Writer::post`].
    pub async fn post_one(&self, transfer: Transfer) -> Result<Answer, LedgerError> {
        Ok(self.post(vec![transfer]).await?.pop().unwrap_or(Err(Refusal::Linked)))
    }
}

/// One transaction after the other.
async fn write(pool: PgPool, mut queue: mpsc::Receiver<Asked>, written: mpsc::Sender<Written>) {
    let (mut ahead, mut own) = (Ahead::of(&pool), Session::of(&pool));
    let places = Arc::new(Semaphore::new(AHEAD));
    loop {
        let mut asked = Vec::new();
        if queue.recv_many(&mut asked, MOST).await == 0 {
            return;
        }
        // While others wait for the disk it is not worth another way there.
        if places.available_permits() == AHEAD
            && let Some((transfer, answer)) = alone(&mut asked)
        {
            drop(answer.send(by_itself(&mut own, &transfer).await));
            continue;
        }
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match timeout(PATIENCE, together(&mut ahead, &asked)).await.unwrap_or(Err(LedgerError::Lost)) {
            Ok((answers, disk)) => drop(written.send(Written { asked, answers, disk, place }).await),
            Err(error) => {
                ahead.close();
                if error.wrote_nothing() { one_by_one(&pool, asked).await } else { lost(asked) }
            }
        }
    }
}

/// Answers when what was written is on the disk.
async fn flush(mut queue: mpsc::Receiver<Written>) {
    let mut written = Vec::with_capacity(AHEAD);
    while queue.recv_many(&mut written, AHEAD).await > 0 {
        // All of them were written before it is asked; mostly it is one.
        let mut flushed: Option<(Arc<Disk>, bool)> = None;
        for Written { asked, answers, disk, place: _place } in written.drain(..) {
            let is_flushed = match &flushed {
                Some((same, is_flushed)) if Arc::ptr_eq(same, &disk) => *is_flushed,
                _ => disk.flush().await,
            };
            flushed = Some((disk, is_flushed));
            if !is_flushed {
                lost(asked);
                continue;
            }
            for (asked, answers) in asked.into_iter().zip(answers) {
                // Who no longer listens asks again.
                drop(asked.answer.send(Ok(answers)));
            }
        }
    }
}

/// The transfer that nobody shares a transaction with.
fn alone(asked: &mut Vec<Asked>) -> Option<(Transfer, Reply)> {
    if !matches!(asked.as_slice(), [Asked { batch, .. }] if batch.len() == 1) {
        return None;
    }
    let Asked { mut batch, answer } = asked.pop()?;
    Some((batch.pop()?, answer))
}

/// Durable when it answers.
async fn by_itself(session: &mut Session, transfer: &Transfer) -> Result<Vec<Answer>, LedgerError> {
    let posted = async { post_one(session.open().await?, transfer).await };
    let answer = timeout(PATIENCE, posted).await.unwrap_or(Err(LedgerError::Lost));
    if answer.is_err() {
        session.close();
    }
    Ok(vec![answer?])
}

/// Writes all of it; it may not be on the disk yet.
async fn together(ahead: &mut Ahead, asked: &[Asked]) -> Result<(Vec<Vec<Answer>>, Arc<Disk>), LedgerError> {
    let batches: Vec<&[Transfer]> = asked.iter().map(|asked| asked.batch.as_slice()).collect();
    let (conn, disk) = ahead.open().await?;
    // One statement needs no transaction around it.
    if let Some(answers) = post_plainly(conn, &batches).await? {
        return Ok((answers, Arc::clone(disk)));
    }
    let mut tx = conn.begin().await?;
    let answers = post_folded(&mut tx, &batches).await?;
    tx.commit().await?;
    Ok((answers, Arc::clone(disk)))
}

/// Perhaps one of them alone is at fault.
async fn one_by_one(pool: &PgPool, asked: Vec<Asked>) {
    for Asked { batch, answer } in asked {
        drop(answer.send(post(pool, &batch).await));
    }
}

/// Asking again in their stead, one could not tell whether what stands there was theirs.
fn lost(asked: Vec<Asked>) {
    for Asked { answer, .. } in asked {
        drop(answer.send(Err(LedgerError::Lost)));
    }
}
