//! Concurrent callers' transfers, folded into one transaction after the other.
//!
//! While one transaction is on its way to the disk, the next callers queue up; they share the next one. Nobody waits for a
//! timer, and a caller alone takes the one round trip.

use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot};

use super::{Answer, LedgerError, Refusal, Transfer, post, post_in_tx, post_one};

/// Batches in one transaction at most.
const MOST: usize = 512;

/// A queue into the ledger. All clones share it; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Asked>,
}

#[derive(Debug)]
struct Asked {
    batch: Vec<Transfer>,
    answer: oneshot::Sender<Result<Vec<Answer>, LedgerError>>,
}

impl Writer {
    /// Starts one in a task of its own.
    #[must_use]
    pub fn start(pool: PgPool) -> Self {
        let (queue, asked) = mpsc::channel(MOST);
        tokio::spawn(run(pool, asked));
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

async fn run(pool: PgPool, mut queue: mpsc::Receiver<Asked>) {
    let mut asked = Vec::with_capacity(MOST);
    while queue.recv_many(&mut asked, MOST).await > 0 {
        match together(&pool, &asked).await {
            Ok(answers) => {
                for (asked, answers) in asked.drain(..).zip(answers) {
                    // Who no longer listens asks again.
                    drop(asked.answer.send(Ok(answers)));
                }
            }
            // Perhaps one of them alone is at fault. What was committed even so is answered the same.
            Err(_) => {
                for Asked { batch, answer } in asked.drain(..) {
                    drop(answer.send(post(&pool, &batch).await));
                }
            }
        }
    }
}

async fn together(pool: &PgPool, asked: &[Asked]) -> Result<Vec<Vec<Answer>>, LedgerError> {
    if let [Asked { batch, .. }] = asked
        && let [transfer] = batch.as_slice()
    {
        return Ok(vec![vec![post_one(pool, transfer).await?]]);
    }
    let batches: Vec<&[Transfer]> = asked.iter().map(|asked| asked.batch.as_slice()).collect();
    let mut tx = pool.begin().await?;
    let answers = post_in_tx(&mut tx, &batches).await?;
    tx.commit().await?;
    Ok(answers)
}
