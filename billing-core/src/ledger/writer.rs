//! Concurrent callers' transfers, folded into one transaction after the other.
//!
//! Who asks while a transaction is at work shares the next one, which begins while that one is on its way to the disk. Nobody
//! waits for a timer, and a caller alone takes the one round trip.

use std::sync::Arc;

use sqlx::{PgPool, Postgres, Transaction};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::{Answer, LedgerError, Refusal, Transfer, post, post_in_tx, post_one};

/// Transactions under way at once: one at work, one being committed.
const LANES: usize = 2;
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
    /// Starts one in tasks of its own; it takes two sessions of the pool.
    #[must_use]
    pub fn start(pool: PgPool) -> Self {
        let (queue, asked) = mpsc::channel(MOST);
        let asked = Arc::new(Mutex::new(asked));
        for _ in 0..LANES {
            tokio::spawn(run(pool.clone(), Arc::clone(&asked)));
        }
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

/// One lane. While its transaction is on its way to the disk and its callers are answered, the other one is at work on the next.
async fn run(pool: PgPool, queue: Arc<Mutex<mpsc::Receiver<Asked>>>) {
    let mut asked = Vec::with_capacity(MOST);
    loop {
        let mut turn = queue.lock().await;
        if turn.recv_many(&mut asked, MOST).await == 0 {
            return;
        }
        let written = together(&pool, &asked).await;
        drop(turn);
        let answers = match written {
            Ok((Some(tx), answers)) => tx.commit().await.map(|()| answers).map_err(LedgerError::from),
            Ok((None, answers)) => Ok(answers),
            Err(error) => Err(error),
        };
        match answers {
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

/// Its transaction, unless it is committed already.
type Written = (Option<Transaction<'static, Postgres>>, Vec<Vec<Answer>>);

/// Writes all of it.
async fn together(pool: &PgPool, asked: &[Asked]) -> Result<Written, LedgerError> {
    if let [Asked { batch, .. }] = asked
        && let [transfer] = batch.as_slice()
    {
        return Ok((None, vec![vec![post_one(pool, transfer).await?]]));
    }
    let batches: Vec<&[Transfer]> = asked.iter().map(|asked| asked.batch.as_slice()).collect();
    let mut tx = pool.begin().await?;
    let answers = post_in_tx(&mut tx, &batches).await?;
    Ok((Some(tx), answers))
}
