//! When the feed has more, for the streams that wait for it.

use std::{sync::Arc, time::Duration};

use billing_core::mirror::feed::CHANNEL;
use sqlx::postgres::PgListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::state::AppState;

/// Streams open at once at most, in one process.
const STREAMS: usize = 256;
/// Between two tries to listen again.
const AGAIN: Duration = Duration::from_secs(1);

/// What streams are told: that there may be more, and at last that the process ends.
#[derive(Debug)]
pub struct FeedSignal {
    ended: watch::Sender<bool>,
    room: Arc<Semaphore>,
}

impl Default for FeedSignal {
    fn default() -> Self {
        Self { ended: watch::Sender::new(false), room: Arc::new(Semaphore::new(STREAMS)) }
    }
}

impl FeedSignal {
    /// Room for one stream, while the permit lives; `None` when there is none.
    #[must_use]
    pub fn enter(&self) -> Option<(watch::Receiver<bool>, OwnedSemaphorePermit)> {
        Some((self.ended.subscribe(), Arc::clone(&self.room).try_acquire_owned().ok()?))
    }
}

/// Wakes the streams whenever the database says that something was told, until `shutdown`, and ends them then.
pub(crate) async fn listen(state: AppState, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let lost = shutdown.run_until_cancelled(wake(&state)).await;
        if let Some(Err(error)) = lost {
            tracing::warn!(%error, "the feed is not listened to; streams look by themselves");
            shutdown.run_until_cancelled(tokio::time::sleep(AGAIN)).await;
        }
    }
    state.feed.ended.send_replace(true);
}

async fn wake(state: &AppState) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(&state.pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        listener.recv().await?;
        state.feed.ended.send_replace(false);
    }
}
