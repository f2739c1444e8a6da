//! What subscribers sign and we send: on a real chain, within limits.

use std::sync::Arc;

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
    signers::SignerSync,
};
use anyhow::{Context, Result, ensure};
use billing_core::{
    chain::{self, PermitSignature, permit2::Permit2Signature},
    mandates::{
        self, Limits, MandateError, MandateRequest, Message, OrderRequest, RefusalReason, Relay, RelayOutcome,
        RelayRequest, RelayStatus, TokenPermit,
    },
    subscriptions::{self, Authorization, Rail, SubscribeRequest, SubscribeSteps, TxnPayload},
};
use test_support::Role;
use time::OffsetDateTime;
use tokio::sync::Barrier;

use crate::world::{DAY, PRICE, World};

pub const LIMITS: Limits =
    Limits { per_subscriber: 10, cancels_per_subscriber: 50, daily_wei: U256::from_limbs([u64::MAX, 0, 0, 0]) };
const WHO: Role = Role::Subscriber(40);

pub fn wish(plan_hash: B256, who: Role) -> MandateRequest {
    MandateRequest {
        plan_hash,
        subscriber: who.address(),
        replaces: None,
        payment_token: None,
        rail: Rail::Allowance,
        max_amount: None,
        max_charges: 0,
        ends_at: 0,
        nonce: None,
        deadline: None,
    }
}

/// Signs typed data as a wallet does.
pub fn sign(typed_data: &serde_json::Value, who: Role) -> Result<Bytes> {
    let typed: alloy::dyn_abi::TypedData = serde_json::from_value(typed_data.clone())?;
    Ok(who.signer().sign_hash_sync(&typed.eip712_signing_hash()?)?.as_bytes().into())
}

impl World {
    pub async fn time(&self) -> Result<OffsetDateTime> {
        Ok(OffsetDateTime::from_unix_timestamp(self.chain.now().await?.cast_signed())?)
    }

    pub fn signed(&self, message: Message, who: Role) -> Result<RelayRequest> {
        let signature = sign(&message.typed_data(&self.rpc.network), who)?;
        Ok(RelayRequest { message, signature, permit: None, requested_by: "test".to_owned() })
    }

    pub async fn mandate(&self, wish: &MandateRequest) -> Result<Message> {
        Ok(Message::Mandate(mandates::mandate(self.pool(), &self.rpc, wish, self.time().await?).await?.0))
    }

    pub async fn order(&self, plan: B256, who: Role, of: fn(mandates::Order) -> Message) -> Result<Message> {
        let wish = OrderRequest { plan_hash: plan, subscriber: who.address(), nonce: None, deadline: None };
        Ok(of(mandates::order(self.pool(), &self.rpc, &wish, self.time().await?).await?))
    }

    pub async fn relay(&self, request: &RelayRequest) -> Result<RelayOutcome> {
        self.relay_within(&LIMITS, request).await
    }

    pub async fn relay_within(&self, limits: &Limits, request: &RelayRequest) -> Result<RelayOutcome> {
        let (operator, now) = (Role::Operator.signer(), self.time().await?);
        Ok(mandates::relay(self.pool(), &self.rpc, &operator, limits, request, now).await?)
    }

    pub async fn relayed(&self, request: &RelayRequest) -> Result<Relay> {
        match self.relay(request).await? {
            RelayOutcome::Sent(relay) => self.mined(&relay).await,
            other => anyhow::bail!("not sent: {other:?}"),
        }
    }

    /// The node takes a transaction before its block is made.
    async fn mined(&self, relay: &Relay) -> Result<Relay> {
        for _ in 0..200 {
            let found = self.settled(relay).await?;
            if found.status != RelayStatus::Submitted {
                return Ok(found);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        anyhow::bail!("not mined in ten seconds")
    }

    pub async fn settled(&self, relay: &Relay) -> Result<Relay> {
        chain::resolve(self.pool(), &self.rpc, &Role::Operator.signer()).await?;
        mandates::settle(self.pool(), &self.rpc).await?;
        mandates::find(self.pool(), relay.id).await?.context("a relay")
    }

    /// Tokens for so many periods, and an allowance for all of them; the wallet has no ether of its own.
    pub async fn fund(&self, who: Role, periods: u64) -> Result<()> {
        self.chain.mint(who.address(), U256::from(PRICE * periods)).await
    }

    pub async fn allow(&self, who: Role, spender: Address) -> Result<()> {
        self.chain.set_balance(who.address(), U256::from(10).pow(U256::from(18))).await?;
        self.chain.approve(who, spender, U256::MAX).await?;
        self.chain.set_balance(who.address(), U256::ZERO).await
    }

    pub async fn status(&self, who: Role, plan: B256) -> Result<u8> {
        Ok(self.manager(who).subscriptionOf(plan, who.address()).call().await?.status)
    }

    /// Sends a payload as the wallet's.
    pub async fn send(&self, who: Role, payload: &TxnPayload) -> Result<()> {
        let request = alloy::rpc::types::TransactionRequest::default()
            .to(payload.to)
            .input(payload.data.clone().into())
            .value(payload.value)
            .gas_limit(payload.gas);
        let receipt = self.chain.provider_as(who).send_transaction(request).await?.get_receipt().await?;
        ensure!(receipt.status(), "reverted: {payload:?}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_without_ether_subscribes_pauses_resumes_and_cancels_by_signatures() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    world.fund(WHO, 3).await?;
    world.allow(WHO, world.rpc.network.subscription_manager).await?;

    let subscribed = world.relayed(&world.signed(world.mandate(&wish(plan, WHO)).await?, WHO)?).await?;
    assert_eq!(subscribed.status, RelayStatus::Mined);
    assert_eq!(world.charge_count(WHO, plan).await?, 1);
    let price = subscribed.effective_gas_price.context("a price")?;
    let gas = U256::from(subscribed.gas_used.context("gas")?);
    assert_eq!(subscribed.fee_wei.context("a fee")?.0, price.0 * gas);

    for (of, status) in [(Message::Pause as fn(_) -> _, 2), (Message::Resume as fn(_) -> _, 1), (Message::Cancel, 3)] {
        let order = world.order(plan, WHO, of).await?;
        let done = world.relayed(&world.signed(order, WHO)?).await?;
        assert_eq!((done.status, world.status(WHO, plan).await?), (RelayStatus::Mined, status));
    }
    assert_eq!(world.chain.provider().get_balance(WHO.address()).await?, U256::ZERO);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tokens_permit_goes_along_with_a_mandate() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    world.fund(WHO, 2).await?;
    let now = world.time().await?;
    let (mandate, terms) = mandates::mandate(world.pool(), &world.rpc, &wish(plan, WHO), now).await?;
    let missing = mandates::to_sign(&world.rpc, &terms, &mandate, 2, now.unix_timestamp().unsigned_abs()).await?;
    let typed_data = missing.permit.context("the token's permit")?;
    let number = |field: &str| -> Result<U256> { Ok(typed_data["message"][field].as_str().context("text")?.parse()?) };
    let permit = PermitSignature {
        value: number("value")?,
        deadline: number("deadline")?.to(),
        signature: sign(&typed_data, WHO)?,
    };
    let request =
        RelayRequest { permit: Some(TokenPermit::Eip2612(permit)), ..world.signed(Message::Mandate(mandate), WHO)? };
    assert_eq!(world.relayed(&request).await?.status, RelayStatus::Mined);
    assert_eq!(world.charge_count(WHO, plan).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_is_the_same_relay_and_its_nonce_serves_no_other() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    world.subscribe(Role::Subscriber(0), plan, 2).await?;
    let who = Role::Subscriber(0);
    let pause = world.signed(world.order(plan, who, Message::Pause).await?, who)?;
    let first = world.relayed(&pause).await?;
    let RelayOutcome::Known(again) = world.relay(&pause).await? else { anyhow::bail!("sent twice") };
    assert_eq!((again.id, again.tx_hash), (first.id, first.tx_hash));

    let Message::Pause(order) = pause.message else { anyhow::bail!("a pause") };
    let resume = world.signed(Message::Resume(order), who)?;
    let RelayOutcome::Refused(refusal) = world.relay(&resume).await? else { anyhow::bail!("a nonce served twice") };
    assert_eq!(refusal.reason, RefusalReason::NonceUsed);
    assert_eq!(world.count("select count(*) from billing_relay").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_signed_is_not_sent() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    let who = Role::Subscriber(0);
    world.subscribe(who, plan, 2).await?;
    let cancel = world.order(plan, who, Message::Cancel).await?;
    let forged = world.signed(cancel.clone(), Role::Subscriber(1))?;
    let RelayOutcome::Refused(refusal) = world.relay(&forged).await? else { anyhow::bail!("a forged one was sent") };
    assert_eq!(refusal.reason, RefusalReason::Signature);

    // A message whose use the contract refuses is told in the contract's words.
    let resume = world.signed(world.order(plan, who, Message::Resume).await?, who)?;
    let RelayOutcome::Refused(refusal) = world.relay(&resume).await? else { anyhow::bail!("nothing is paused") };
    assert!(matches!(&refusal.reason, RefusalReason::Reverts(why) if why.contains("NotPaused")), "{refusal:?}");

    // The account that sends could be subscribed by anybody: the contract asks no signature of its own caller.
    let own = RelayRequest {
        signature: Bytes::from_static(&[1; 65]),
        ..world.signed(world.mandate(&wish(plan, Role::Operator)).await?, who)?
    };
    let (operator, now) = (Role::Operator.signer(), world.time().await?);
    let refused = mandates::relay(world.pool(), &world.rpc, &operator, &LIMITS, &own, now).await;
    assert!(matches!(refused, Err(MandateError::OwnAccount(_))), "{refused:?}");
    assert_eq!(world.count("select count(*) from billing_relay").await?, 0);
    assert_eq!(world.count("select count(*) from chain_tx").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_at_once_never_exceed_the_budget() -> Result<()> {
    let world = Arc::new(World::start().await?);
    let plan = world.plan(1).await?;
    let mut requests = Vec::new();
    for who in (0..6).map(Role::Subscriber) {
        world.subscribe(who, plan, 2).await?;
        requests.push(world.signed(world.order(plan, who, Message::Cancel).await?, who)?);
    }
    // What one costs at most, told by one that is sent and counted.
    let RelayOutcome::Sent(_) = world.relay(&requests[0]).await? else { anyhow::bail!("the first is free to go") };
    let one: i64 = world.count("select reserved_wei::bigint from billing_relay").await?;
    let budget = U256::from(one.unsigned_abs()) * U256::from(7) / U256::from(2);
    let barrier = Arc::new(Barrier::new(5));
    let tasks = requests.into_iter().skip(1).map(|request| {
        let (world, barrier) = (Arc::clone(&world), Arc::clone(&barrier));
        tokio::spawn(async move {
            barrier.wait().await;
            world.relay_within(&Limits { daily_wei: budget, ..LIMITS }, &request).await
        })
    });
    let mut refused = 0;
    for outcome in futures::future::join_all(tasks).await {
        if let RelayOutcome::Refused(refusal) = outcome?? {
            assert_eq!(refusal.reason, RefusalReason::Budget);
            assert!(refusal.retry_at.is_some());
            refused += 1;
        }
    }
    let spent = world.count("select sum(coalesce(fee_wei, reserved_wei))::bigint from billing_relay").await?;
    assert!(U256::from(spent.unsigned_abs()) <= budget, "{spent} of {budget}");
    assert!((2..=4).contains(&refused), "{refused}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fee_that_was_raised_counts_against_the_budget_at_once() -> Result<()> {
    let mut world = World::start().await?;
    let plan = world.plan(1).await?;
    let mut requests = Vec::new();
    for who in [Role::Subscriber(0), Role::Subscriber(1)] {
        world.subscribe(who, plan, 2).await?;
        requests.push(world.signed(world.order(plan, who, Message::Cancel).await?, who)?);
    }
    world.chain.set_automine(false).await?;
    let RelayOutcome::Sent(first) = world.relay(&requests[0]).await? else { anyhow::bail!("the first is free to go") };
    let reserved = world.count("select reserved_wei::bigint from billing_relay").await?;
    world.rpc.network.replace_after_secs = 0;
    assert_eq!(world.settled(&first).await?.status, RelayStatus::Submitted);
    let raised = world.count("select max(max_fee_wei * gas_limit)::bigint from chain_tx").await?;
    assert!(raised > reserved, "{raised} is not above {reserved}");

    // Room for the second beside the first as it was, and none beside what the first may cost now.
    let second = RelayRequest { requested_by: "second".to_owned(), ..requests[1].clone() };
    let tight =
        |first: i64| Limits { daily_wei: U256::from((first + reserved + reserved / 20).unsigned_abs()), ..LIMITS };
    let RelayOutcome::Refused(refusal) = world.relay_within(&tight(reserved), &second).await? else {
        anyhow::bail!("over the budget")
    };
    assert_eq!(refusal.reason, RefusalReason::Budget);
    let RelayOutcome::Sent(_) = world.relay_within(&tight(raised), &second).await? else { anyhow::bail!("within it") };
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscribers_relays_of_a_day_are_counted_and_cancellations_apart() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    let who = Role::Subscriber(0);
    world.subscribe(who, plan, 2).await?;
    let limits = Limits { per_subscriber: 1, ..LIMITS };
    let pause = world.signed(world.order(plan, who, Message::Pause).await?, who)?;
    let RelayOutcome::Sent(_) = world.relay_within(&limits, &pause).await? else { anyhow::bail!("the first") };
    let resume = world.signed(world.order(plan, who, Message::Resume).await?, who)?;
    let RelayOutcome::Refused(refusal) = world.relay_within(&limits, &resume).await? else { anyhow::bail!("two") };
    assert_eq!(refusal.reason, RefusalReason::SubscriberLimit(1));
    let cancel = world.signed(world.order(plan, who, Message::Cancel).await?, who)?;
    let RelayOutcome::Sent(_) = world.relay_within(&limits, &cancel).await? else { anyhow::bail!("a cancellation") };
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_and_never_broadcast_is_sent_and_settled_by_whoever_comes_next() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    let who = Role::Subscriber(0);
    world.subscribe(who, plan, 2).await?;
    let snapshot = world.chain.snapshot().await?;
    let cancel = world.signed(world.order(plan, who, Message::Cancel).await?, who)?;
    let RelayOutcome::Sent(relay) = world.relay(&cancel).await? else { anyhow::bail!("not sent") };
    // As if the process had died before it told the node.
    world.chain.revert(snapshot).await?;
    sqlx::query("update chain_tx set broadcast_at = null").execute(world.pool()).await?;
    assert_eq!(world.status(who, plan).await?, 1);

    assert_eq!(world.settled(&relay).await?.status, RelayStatus::Submitted);
    assert_eq!(world.settled(&relay).await?.status, RelayStatus::Mined);
    assert_eq!(world.status(who, plan).await?, 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_through_permit2_is_charged_again_through_permit2() -> Result<()> {
    let world = World::start().await?;
    let (plan, who) = (world.plan(1).await?, Role::Subscriber(0));
    world.fund(who, 3).await?;
    let mut request = SubscribeRequest {
        plan_hash: plan,
        subscriber: who.address(),
        authorization: Authorization::Permit2(None),
        periods: 3,
    };
    let now = world.time().await?;
    let SubscribeSteps::Sign { typed_data, approval } = subscriptions::subscribe(&world.rpc, &request, now).await?
    else {
        anyhow::bail!("there is a permit to sign")
    };
    world.send(who, &*approval.context("Permit2 may not take the token yet")?).await?;
    let details = &typed_data["message"]["details"];
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned).context("text");
    request.authorization = Authorization::Permit2(Some(Permit2Signature {
        amount: text(&details["amount"])?.parse()?,
        expiration: text(&details["expiration"])?.parse()?,
        nonce: text(&details["nonce"])?.parse()?,
        sig_deadline: text(&typed_data["message"]["sigDeadline"])?.parse()?,
        signature: sign(&typed_data, who)?,
    }));
    let SubscribeSteps::Send { approval: None, subscribe } =
        subscriptions::subscribe(&world.rpc, &request, world.time().await?).await?
    else {
        anyhow::bail!("nothing is missing any more")
    };
    world.send(who, &subscribe).await?;
    assert_eq!(world.charge_count(who, plan).await?, 1);

    world.mirror(who, plan).await?;
    world.chain.increase_time(DAY).await?;
    world.run().await?;
    assert_eq!(world.charge_count(who, plan).await?, 2);
    let manager = world.rpc.network.subscription_manager;
    assert_eq!(world.chain.allowance(who.address(), manager).await?, U256::ZERO);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_moves_unused_time_to_the_other_plan() -> Result<()> {
    let world = World::start().await?;
    let (from, to, who) = (world.plan(1).await?, world.plan(2).await?, Role::Subscriber(0));
    world.subscribe(who, from, 3).await?;
    let now = world.time().await?;
    world.send(who, &subscriptions::switch(&world.rpc, from, to, who.address(), now).await?).await?;
    assert_eq!((world.status(who, from).await?, world.status(who, to).await?), (3, 1));
    assert_eq!(world.charge_count(who, to).await?, 0, "the time was paid for already");

    // And back by a signature.
    let back = MandateRequest { replaces: Some(to), ..wish(from, who) };
    let done = world.relayed(&world.signed(world.mandate(&back).await?, who)?).await?;
    assert_eq!(done.status, RelayStatus::Mined);
    assert_eq!((world.status(who, from).await?, world.status(who, to).await?), (1, 3));
    Ok(())
}
