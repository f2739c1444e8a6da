use alloy::primitives::Address;

use crate::ids::ChainId;

/// What can be wrong with a network, a node or a key. Each message says what to change.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The networks file does not parse or contradicts itself.
    #[error("networks file: {0}")]
    Networks(String),
    /// No configured node answered.
    #[error("network {network}: no node answered ({last}); check rpc_urls and that the node is up: {urls}")]
    Unreachable {
        /// Name in the networks file.
        network: String,
        /// Hosts tried; paths and queries are left out, they may hold keys.
        urls: String,
        /// What the last node said.
        last: String,
    },
    /// The node serves another chain.
    #[error(
        "network {network}: {url} serves chain id {found}, the networks file says {expected}; correct chain_id or rpc_urls"
    )]
    WrongChain {
        /// Name in the networks file.
        network: String,
        /// Host asked.
        url: String,
        /// Chain id of the networks file.
        expected: ChainId,
        /// Chain id the node gave.
        found: u64,
    },
    /// The same chain id, but another genesis block than the one this database was filled from.
    #[error(
        "network {network}: genesis block is {found}, the database was filled from {expected}; use another database or correct rpc_urls"
    )]
    WrongGenesis {
        /// Name in the networks file.
        network: String,
        /// Hash in the database.
        expected: String,
        /// Hash the node gave.
        found: String,
    },
    /// Another contract than the one that the mirror was filled from.
    #[error(
        "network {network}: the code at {address} is not what it was when the database first saw it; check rpc_urls, or use another database"
    )]
    OtherCode {
        /// Name in the networks file.
        network: String,
        /// Where it stands.
        address: Address,
    },
    /// No contract at a configured address.
    #[error(
        "network {network}: no code at {contract} {address}; deploy the contracts (script/deploy) or correct the address"
    )]
    MissingContract {
        /// Name in the networks file.
        network: String,
        /// Which contract.
        contract: &'static str,
        /// Where it should stand.
        address: Address,
    },
    /// A key or keystore that cannot be used. Never holds the key.
    #[error("signing key: {0}")]
    Key(String),
    /// A node answered with an error or not at all; what was asked may or may not have happened.
    #[error("network {network}: {message}")]
    Rpc {
        /// Name in the networks file.
        network: String,
        /// What the node or transport said, without urls.
        message: String,
    },
    /// The call would revert; nothing was sent.
    #[error("network {network}: the call would revert: {reason}")]
    Reverts {
        /// Name in the networks file.
        network: String,
        /// The contract's typed error where it is one of ours, else what the node said.
        reason: String,
        /// The revert's data.
        data: alloy::primitives::Bytes,
    },
    /// The price of gas is above the network's cap; nothing was sent.
    #[error("network {network}: gas price {price_wei} wei is above max_fee_gwei {cap_gwei}; nothing was sent")]
    FeeAboveCap {
        /// Name in the networks file.
        network: String,
        /// Base fee plus tip.
        price_wei: u128,
        /// Cap of the networks file.
        cap_gwei: u64,
    },
    /// The database's.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}
