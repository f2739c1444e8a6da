//! One writer per network among replicas.

use sqlx::{Connection, PgConnection, PgPool};

use super::repo;
use crate::ids::ChainId;

/// The right to mirror a network, held by a session of PostgreSQL: whoever is killed loses it at once, and another
/// replica goes on.
///
/// It saves work and is no guard: two writers at once are told apart by the cursor (see [`super::apply()`]). The session must
/// be the server's own, not one that a pooler lends for a transaction.
#[derive(Debug)]
pub struct Lease {
    session: PgConnection,
}

impl Lease {
    /// Takes the lease; `None` while another process has it.
    ///
    /// # Errors
    /// The database's.
    pub async fn try_take(pool: &PgPool, chain_id: ChainId) -> sqlx::Result<Option<Self>> {
        let mut session = PgConnection::connect_with(&pool.connect_options()).await?;
        repo::notice_dead_peers(&mut session).await?;
        if repo::try_lock_network(&mut session, chain_id).await? {
            return Ok(Some(Self { session }));
        }
        session.close().await?;
        Ok(None)
    }

    /// Whether it is still held.
    ///
    /// # Errors
    /// The session is gone, and the lease with it.
    pub async fn check(&mut self) -> sqlx::Result<()> {
        self.session.ping().await
    }

    /// Gives it back.
    pub async fn release(self) {
        // A session that cannot be closed is gone already.
        drop(self.session.close().await);
    }
}
