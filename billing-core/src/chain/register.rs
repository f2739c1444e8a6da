use sqlx::PgConnection;

use super::{ChainError, Rpc, network_repo};

/// Notes which chain the network's name means; the genesis block first seen for a chain id stays the only one, and so does
/// the code of each of our contracts.
///
/// # Errors
/// `WrongGenesis` when the database was filled from another chain of the same id, `OtherCode` when a contract is another
/// than it was, `Networks` when the name belongs to another chain id there; the database's.
pub async fn register_network(conn: &mut PgConnection, rpc: &Rpc) -> Result<(), ChainError> {
    let network = &rpc.network;
    let mut stored = network_repo::register(conn, network.chain_id, &network.name, rpc.genesis_hash).await;
    if stored.as_ref().is_err_and(name_is_taken) {
        // By another chain, or by another process that registers this one at the same moment: then it is there now.
        stored = network_repo::register(conn, network.chain_id, &network.name, rpc.genesis_hash).await;
    }
    let expected = stored.map_err(|error| match &error {
        error if name_is_taken(error) => {
            ChainError::Networks(format!("{}: the database knows another chain by this name", network.name))
        }
        _ => ChainError::Db(error),
    })?;
    if expected != rpc.genesis_hash {
        return Err(ChainError::WrongGenesis {
            network: network.name.clone(),
            expected: expected.to_string(),
            found: rpc.genesis_hash.to_string(),
        });
    }
    for (address, found) in network_repo::first_code(conn, network.chain_id, &rpc.code_hashes).await? {
        if !rpc.code_hashes.contains(&(address, found)) {
            return Err(ChainError::OtherCode { network: network.name.clone(), address });
        }
    }
    Ok(())
}

fn name_is_taken(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(refused) if refused.constraint() == Some("chain_network_name_unique"))
}
