use std::time::Duration;

use alloy::primitives::{B256, U256};
use alloy::providers::Provider;
use anyhow::{Context, Result};
use test_support::{Anvil, AnvilOptions, Role};

async fn head(anvil: &Anvil) -> Result<(u64, B256)> {
    let block = anvil.provider().get_block(alloy::eips::BlockId::latest()).await?.context("a latest block")?;
    Ok((block.header.number, block.header.hash))
}

#[tokio::test]
async fn a_killed_node_comes_back_with_the_same_chain_at_the_same_url() -> Result<()> {
    let mut anvil = Anvil::spawn(AnvilOptions { chain_id: 99, ..AnvilOptions::default() }).await?;
    anvil.mine(3).await?;
    let (url, before) = (anvil.url(), head(&anvil).await?);

    anvil.kill().await?;
    assert!(anvil.provider().get_block_number().await.is_err());

    anvil.restart().await?;
    assert_eq!((anvil.url(), head(&anvil).await?), (url, before));
    Ok(())
}

#[tokio::test]
async fn a_frozen_node_hangs_until_it_thaws() -> Result<()> {
    let anvil = Anvil::spawn(AnvilOptions::default()).await?;
    anvil.freeze()?;
    let provider = anvil.provider();
    assert!(tokio::time::timeout(Duration::from_millis(300), provider.get_block_number()).await.is_err());

    anvil.thaw()?;
    provider.get_block_number().await?;
    Ok(())
}

#[tokio::test]
async fn a_reorg_replaces_the_last_blocks() -> Result<()> {
    let anvil = Anvil::spawn(AnvilOptions::default()).await?;
    anvil.mine(5).await?;
    let (height, hash) = head(&anvil).await?;

    anvil.reorg(2).await?;

    let (new_height, new_hash) = head(&anvil).await?;
    assert_eq!(new_height, height);
    assert_ne!(new_hash, hash);
    Ok(())
}

#[tokio::test]
async fn time_moves_forward_and_a_snapshot_goes_back() -> Result<()> {
    let anvil = Anvil::spawn(AnvilOptions::default()).await?;
    let merchant = Role::Merchant(0).address();
    let (start, funded) = (anvil.now().await?, anvil.provider().get_balance(merchant).await?);
    let snapshot = anvil.snapshot().await?;

    anvil.set_balance(merchant, U256::ZERO).await?;
    anvil.increase_time(86_400).await?;
    assert!(anvil.now().await? >= start + 86_400);

    anvil.revert(snapshot).await?;
    assert_eq!(anvil.provider().get_balance(merchant).await?, funded);
    Ok(())
}
