//! New blocks, told by a node's WebSocket: a reason to look at once, and nothing else. What it tells is not believed, and
//! while it is silent or down the polls go on.

use std::{sync::Arc, time::Duration};

use alloy::{
    providers::{Provider, ProviderBuilder, WsConnect},
    transports::TransportError,
};
use billing_core::chain::Network;
use tokio::{sync::Notify, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::backoff;

/// For a connection and the answer to the subscription.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// Tells of new blocks while it lives.
pub(crate) struct Wake {
    told: Arc<Notify>,
    _listener: Option<AbortOnDropHandle<()>>,
}

impl Wake {
    /// Listens in the background where the network has a `ws_url`.
    pub(crate) fn listen(network: &Network) -> Self {
        let told = Arc::new(Notify::new());
        let listener = network.ws_url.clone().map(|url| {
            let (told, name) = (Arc::clone(&told), network.name.clone());
            AbortOnDropHandle::new(tokio::spawn(async move { keep_listening(&url, &name, &told).await }))
        });
        Self { told, _listener: listener }
    }

    /// Until a block is told of; at once where one was since the last call.
    pub(crate) async fn block(&self) {
        self.told.notified().await;
    }
}

async fn keep_listening(url: &str, name: &str, told: &Notify) {
    for failures in 1.. {
        // The error's text may hold the url, and that a key.
        if listen(url, told).await.is_err() {
            tracing::debug!(network = name, failures, "no blocks by WebSocket; polls go on");
        }
        tokio::time::sleep(backoff::pause(failures)).await;
    }
}

async fn listen(url: &str, told: &Notify) -> Result<(), TransportError> {
    let open = async {
        let provider = ProviderBuilder::new().connect_ws(WsConnect::new(url).with_max_retries(0)).await?;
        let blocks = provider.subscribe_blocks().await?;
        Ok::<_, TransportError>((provider, blocks))
    };
    let silent = |_| alloy::transports::TransportErrorKind::custom_str("no answer");
    let (_provider, mut blocks) = timeout(OPEN_LIMIT, open).await.map_err(silent)??;
    while blocks.recv().await.is_ok() {
        told.notify_one();
    }
    Ok(())
}
