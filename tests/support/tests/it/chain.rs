use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use anyhow::Result;
use test_support::{Chain, Role, networks_toml};

#[tokio::test]
async fn the_contracts_are_at_the_same_addresses_on_every_chain() -> Result<()> {
    let (alpha, beta) = (Chain::start(31_337).await?, Chain::start(31_338).await?);
    assert_eq!(alpha.addresses(), beta.addresses());

    for chain in [&alpha, &beta] {
        let at = chain.addresses();
        let contracts = [at.core_system, at.plan_manager, at.subscription_manager, at.payment_gateway, at.token];
        for contract in contracts {
            assert!(!chain.provider().get_code_at(contract).await?.is_empty(), "{contract} has no code");
        }
    }

    let networks = networks_toml(&[&alpha, &beta]);
    assert_eq!(networks.matches("[[network]]").count(), 2);
    assert!(networks.contains(&beta.url()));
    Ok(())
}

#[tokio::test]
async fn a_chain_runs_at_the_present_and_its_token_can_be_minted_and_approved() -> Result<()> {
    let chain = Chain::start(31_337).await?;
    let (subscriber, spender) = (Role::Subscriber(0), chain.addresses().subscription_manager);
    let amount = U256::from(25_000_000);

    chain.mint(subscriber.address(), amount).await?;
    chain.approve(subscriber, spender, amount).await?;

    assert_eq!(chain.balance_of(subscriber.address()).await?, amount);
    assert_eq!(chain.allowance(subscriber.address(), spender).await?, amount);
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    assert!(chain.now().await?.abs_diff(wall) < 120, "block time is not wall time");
    Ok(())
}

#[tokio::test]
async fn a_chain_keeps_balances_and_history_through_an_outage() -> Result<()> {
    let mut chain = Chain::start(31_337).await?;
    let subscriber = Role::Subscriber(1).address();
    chain.mint(subscriber, U256::from(7)).await?;
    let before = token_logs(&chain).await?;
    assert!(!before.is_empty());

    chain.kill().await?;
    chain.restart().await?;

    assert_eq!(chain.balance_of(subscriber).await?, U256::from(7));
    assert_eq!(token_logs(&chain).await?, before);
    chain.mint(subscriber, U256::from(1)).await?;
    assert_eq!(token_logs(&chain).await?.len(), before.len() + 1);
    Ok(())
}

async fn token_logs(chain: &Chain) -> Result<Vec<Log>> {
    let filter = Filter::new().address(chain.addresses().token).from_block(0);
    Ok(chain.provider().get_logs(&filter).await?)
}
