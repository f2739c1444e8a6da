//! A subscription paid in another token than the plan's, within the maximum that its subscriber signed.

use alloy::{
    primitives::{Address, U256},
    sol,
    sol_types::SolValue,
};
use anyhow::{Result, ensure};
use billing_bindings::PaymentGateway;
use billing_core::{
    charges::{Outcome, Reason},
    mandates::{MandateRequest, RelayStatus},
};
use test_support::Role;

use crate::{
    mandates::wish,
    world::{DAY, World, row_of},
};

sol! {
    #[sol(rpc)]
    contract Token {
        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
    }
    #[sol(rpc)]
    contract MockAggregator {
        function set(int256 answer, uint256 time) external;
    }
}

const WHO: Role = Role::Subscriber(0);
/// Of the plan's price, 10.00 at 1.00, in a token of 18 decimals at 2,500.00.
const QUOTE: u64 = 4_000_000_000_000_000;

/// A price feed of 8 decimals.
async fn feed(world: &World, token: Address, price: i64) -> Result<Address> {
    let arguments = (U256::from(8), alloy::primitives::I256::try_from(price)?).abi_encode();
    let feed = world.chain.deploy_mock("Aggregators", "MockAggregator", &arguments).await?;
    let gateway = PaymentGateway::new(world.rpc.network.payment_gateway, world.chain.provider_as(Role::Governor));
    gateway.setFeed(token, feed, u32::try_from(DAY * 30)?).send().await?.get_receipt().await?;
    gateway.setTokenAccepted(token, true).send().await?.get_receipt().await?;
    Ok(feed)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_token_is_taken_at_its_price_and_never_above_the_signed_maximum() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    let arguments = ("Other".to_owned(), "OTH".to_owned(), U256::from(18)).abi_encode_params();
    let other = world.chain.deploy_mock("TestToken", "TestToken", &arguments).await?;
    feed(&world, world.chain.addresses().token, 100_000_000).await?;
    let price = feed(&world, other, 250_000_000_000).await?;
    let token = Token::new(other, world.chain.provider_as(WHO));
    token.mint(WHO.address(), U256::from(QUOTE * 10)).send().await?.get_receipt().await?;
    token.approve(world.rpc.network.subscription_manager, U256::MAX).send().await?.get_receipt().await?;

    let request = MandateRequest { payment_token: Some(other), ..wish(plan, WHO) };
    let done = world.relayed(&world.signed(world.mandate(&request).await?, WHO)?).await?;
    assert_eq!(done.status, RelayStatus::Mined);
    let paid =
        || async { Ok::<_, anyhow::Error>(U256::from(QUOTE * 10) - token.balanceOf(WHO.address()).call().await?) };
    assert_eq!(paid().await?, U256::from(QUOTE));

    world.mirror(WHO, plan).await?;
    world.chain.increase_time(DAY).await?;
    assert_eq!(row_of(&world.run().await?, WHO, plan).outcome, Outcome::Charged);
    assert_eq!(paid().await?, U256::from(QUOTE * 2));

    // The token falls: the period costs two and a half times as much, and a tenth above the first price was signed.
    world.mirror(WHO, plan).await?;
    world.chain.increase_time(DAY).await?;
    let feed = MockAggregator::new(price, world.chain.provider_as(Role::Deployer));
    let now = U256::from(world.chain.now().await?);
    let set =
        feed.set(alloy::primitives::I256::try_from(100_000_000_000_i64)?, now).send().await?.get_receipt().await?;
    ensure!(set.status(), "the feed");
    let report = world.run().await?;
    let row = row_of(&report, WHO, plan);
    assert_eq!((row.outcome, row.reason), (Outcome::Skipped, Some(Reason::AboveMaximum)));
    assert_eq!(paid().await?, U256::from(QUOTE * 2));
    Ok(())
}
