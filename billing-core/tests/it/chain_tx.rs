//! Nonces and the wire.

use alloy::sol_types::SolCall;
use alloy::{
    primitives::{Bytes, U256},
    providers::Provider,
};
use anyhow::Result;
use billing_bindings::SubscriptionManager;
use billing_core::chain::{self, CallRequest, ChainError};
use futures::future::try_join_all;
use test_support::Role;

use crate::world::World;

fn gift(wei: u64) -> CallRequest {
    CallRequest { to: Role::Admin.address(), data: Bytes::new(), value: U256::from(wei), purpose: "gift".to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_at_once_take_nonces_without_gap_or_double() -> Result<()> {
    let world = World::start().await?;
    let signer = Role::Automation.signer();
    let first = world.chain.provider().get_transaction_count(signer.address()).await?;
    let gifts: Vec<_> = (1..=12).map(gift).collect();
    let sends = gifts.iter().map(|call| chain::submit(world.pool(), &world.rpc, &signer, call, 21_000));
    let mut nonces: Vec<u64> = try_join_all(sends).await?.iter().map(|tx| tx.nonce).collect();
    nonces.sort_unstable();
    assert_eq!(nonces, (first..first + 12).collect::<Vec<_>>());

    // Whoever came out of order waits in the pool; the last one to be mined shows that all were.
    world.chain.mine(1).await?;
    chain::resolve(world.pool(), &world.rpc, &signer).await?;
    assert_eq!(world.transaction_statuses().await?, ["mined"; 12]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_would_revert_is_told_in_the_contracts_words() -> Result<()> {
    let world = World::start().await?;
    let call = CallRequest {
        to: world.rpc.network.subscription_manager,
        data: SubscriptionManager::chargeBatchCall {
            planHash: Default::default(),
            subscribers: Bytes::from_static(&[1]),
        }
        .abi_encode()
        .into(),
        value: U256::ZERO,
        purpose: "bad".to_owned(),
    };
    let refused = chain::tx::estimate_gas(&world.rpc, Role::Automation.address(), &call).await;
    assert!(
        matches!(&refused, Err(ChainError::Reverts { reason, .. }) if reason.contains("InvalidBatch")),
        "{refused:?}"
    );
    Ok(())
}
