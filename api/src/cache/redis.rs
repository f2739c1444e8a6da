use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncCommands, Client, ExistenceCheck, RedisError, RedisResult, SetExpiry, SetOptions,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use super::{MARK, TTL};

/// Longest wait for Redis; the database answers in less than a request may take.
const WAIT: Duration = Duration::from_millis(250);
/// Value of a key whose plan changed a moment ago; no plan's JSON is empty.
const MARKED: &str = "";

/// Plans that all replicas share.
#[derive(Clone)]
pub(super) struct Redis {
    connection: ConnectionManager,
    down: Arc<AtomicBool>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

impl Redis {
    pub(super) fn open(url: &str) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(WAIT))
            .set_response_timeout(Some(WAIT))
            .set_number_of_retries(1)
            .set_max_delay(WAIT);
        let connection = ConnectionManager::new_lazy_with_config(Client::open(url)?, config)?;
        Ok(Self { connection, down: Arc::default() })
    }

    pub(super) async fn find(&self, key: &str) -> RedisResult<Option<String>> {
        let mut connection = self.connection.clone();
        let found: Option<String> = self.within(connection.get(key)).await?;
        Ok(found.filter(|value| value != MARKED))
    }

    pub(super) async fn fill(&self, key: &str, json: &str) {
        let options =
            SetOptions::default().conditional_set(ExistenceCheck::NX).with_expiration(SetExpiry::EX(TTL.as_secs()));
        let mut connection = self.connection.clone();
        // What is not kept is read from the database again.
        let _: RedisResult<Option<String>> = self.within(connection.set_options(key, json, options)).await;
    }

    pub(super) async fn drop_plan(&self, key: &str) -> RedisResult<()> {
        let mut connection = self.connection.clone();
        self.within(connection.set_ex(key, MARKED, MARK.as_secs())).await
    }

    /// Bounds the wait and says once when trouble begins and ends.
    async fn within<T>(&self, command: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        let answer = match tokio::time::timeout(2 * WAIT, command).await {
            Ok(answer) => answer,
            Err(_) => Err(RedisError::from((redis::ErrorKind::Io, "no answer in time"))),
        };
        let down = answer.is_err();
        if self.down.swap(down, Ordering::Relaxed) != down {
            match &answer {
                Err(error) => tracing::warn!(%error, "Redis: plans are read from the database"),
                Ok(_) => tracing::info!("Redis answers again"),
            }
        }
        answer
    }
}
