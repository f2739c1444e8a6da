//! A subscription on a real chain whose wallet cannot pay, and a saved method that can.

use alloy::{
    primitives::{B256, U256},
    sol_types::SolEvent,
};
use anyhow::{Context, Result};
use billing_bindings::SubscriptionManager::SubscriptionCharged;
use billing_core::{
    charges::{self, ConfirmedCharge, Outcome, Reason, fallback},
    ids::SubscriptionKey,
    money::TokenAmount,
    payments::{self, Status, refund},
};
use billing_fiat::{Buyer, CancelReason, Outcome as Fiat};
use fiat_emulators::contract::Lost;
use test_support::Role;
use time::OffsetDateTime;

use super::{Shop, shop::rub};
use crate::world::{DAY, PRICE, World, outcomes, row_of};

const WHO: Role = Role::Subscriber(0);
/// What a period costs by card.
const MONTHLY: i64 = 99_000;

struct Stage {
    world: World,
    shop: Shop,
    plan: B256,
    key: SubscriptionKey,
}

impl Stage {
    /// A subscriber who paid the first period on chain, has nothing left there, and agreed to a saved method.
    async fn set() -> Result<Self> {
        let world = World::start().await?;
        let shop = Shop::over(world.database.pool().clone()).await?;
        let plan = world.plan(1).await?;
        world.subscribe(WHO, plan, 1).await?;
        let key = SubscriptionKey { chain_id: world.chain_id(), plan_hash: plan, subscriber: WHO.address() };
        let agreed = fallback::Fallback {
            key,
            owner: "anna".to_owned(),
            method: shop.saved_method("anna").await?,
            price: rub(MONTHLY),
            description: "A month of the plan".to_owned(),
            buyer: Buyer::default(),
            receipt: None,
        };
        fallback::enroll(&mut *world.pool().acquire().await?, &agreed).await?;
        world.chain.increase_time(DAY).await?;
        Ok(Self { world, shop, plan, key })
    }

    /// Both loops turn until nothing moves.
    async fn turns(&self) -> Result<()> {
        for _ in 0..5 {
            fallback::step(self.world.pool(), &self.shop.providers, 100).await?;
            self.shop.time_passes().await?;
            self.shop.poll().await?;
        }
        Ok(())
    }

    async fn status(&self) -> Result<String> {
        self.world.statuses().await?.pop().context("no attempt")
    }

    /// Somebody else makes the chain charge, and the mirror sees it.
    async fn charged_on_chain(&self) -> Result<()> {
        self.world.chain.mint(WHO.address(), U256::from(PRICE)).await?;
        let prior = self.world.manager(WHO).subscriptionOf(self.plan, WHO.address()).call().await?;
        let automation = billing_bindings::SubscriptionManager::new(
            self.world.chain.addresses().subscription_manager,
            self.world.chain.provider_as(Role::Automation),
        );
        let receipt = automation.charge(self.plan, WHO.address()).send().await?.get_receipt().await?;
        let log = receipt.logs().iter().find(|log| log.topics().first() == Some(&SubscriptionCharged::SIGNATURE_HASH));
        let event = SubscriptionCharged::decode_log(&log.context("nothing was charged")?.inner)?;
        let charge = billing_bindings::ChargeReceipt::unpack(event.receipt, event.settlement);
        let time = |secs: u64| OffsetDateTime::from_unix_timestamp(secs.cast_signed());
        let seen = ConfirmedCharge {
            key: self.key,
            due_at: time(prior.nextChargeAt.to::<u64>())?,
            period_start: time(charge.period_start)?,
            period_end: time(charge.period_end)?,
            gross: TokenAmount(charge.gross),
            fee: TokenAmount(charge.fee),
            token: self.world.chain.addresses().token,
            tx_hash: receipt.transaction_hash,
            block_number: receipt.block_number.context("a block")?.cast_signed(),
            block_hash: receipt.block_hash.context("a block")?,
            log_index: 0,
        };
        self.world.mirror(WHO, self.plan).await?;
        let mut db_tx = self.world.pool().begin().await?;
        charges::confirm(&mut db_tx, self.key.chain_id, &[seen]).await?;
        Ok(db_tx.commit().await?)
    }

    /// Money for this period that the provider has for us, in kopecks, refunds taken off.
    fn taken_by_card(&self) -> i64 {
        let paid = self
            .shop
            .fake
            .all_payments()
            .into_iter()
            .filter(|payment| payment.amount == rub(MONTHLY) && payment.outcome == Fiat::Succeeded);
        paid.map(|payment| payment.amount.minor() - payment.refunded_minor).sum()
    }

    async fn on_chain(&self) -> Result<u32> {
        Ok(self.world.charge_count(WHO, self.plan).await? - 1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_without_money_is_paid_for_by_the_saved_method_in_the_same_cycle() -> Result<()> {
    let stage = Stage::set().await?;
    let predicted = stage.world.dry_run().await?;
    let done = stage.world.run().await?;
    assert_eq!(outcomes(&predicted), [Outcome::Fiat]);
    assert_eq!(
        (row_of(&done, WHO, stage.plan).outcome, row_of(&done, WHO, stage.plan).reason),
        (Outcome::Fiat, Some(Reason::InsufficientBalance))
    );

    stage.turns().await?;

    assert_eq!(stage.status().await?, "paid_by_fiat");
    assert_eq!(stage.taken_by_card(), MONTHLY);
    assert_eq!(stage.shop.balance("RUB", "revenue").await?, i128::from(MONTHLY));
    assert!(stage.world.run().await?.rows.is_empty(), "the period is paid");
    stage.shop.assert_books().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_period_is_the_chains_again_and_only_that_one_is_charged() -> Result<()> {
    let stage = Stage::set().await?;
    stage.world.run().await?;
    stage.turns().await?;
    stage.world.chain.mint(WHO.address(), U256::from(PRICE * 5)).await?;
    assert!(stage.world.run().await?.rows.is_empty(), "paid, also when the wallet could pay now");

    stage.world.chain.increase_time(DAY).await?;
    let done = stage.world.run().await?;

    assert_eq!(outcomes(&done), [Outcome::Charged]);
    assert_eq!((stage.on_chain().await?, stage.taken_by_card()), (1, MONTHLY));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_lands_late_never_bills_twice() -> Result<()> {
    // After each of the second rail's steps.
    for steps in 0..=9 {
        let stage = Stage::set().await?;
        stage.world.run().await?;
        for step in 0..steps {
            if step % 2 == 0 {
                fallback::step(stage.world.pool(), &stage.shop.providers, 100).await?;
            } else {
                stage.shop.time_passes().await?;
                stage.shop.poll().await?;
            }
        }

        stage.charged_on_chain().await?;
        stage.turns().await?;

        assert_eq!((stage.status().await?.as_str(), stage.on_chain().await?), ("settled", 1), "after {steps}");
        assert_eq!(stage.taken_by_card(), 0, "after {steps}");
        assert_eq!(stage.shop.balance("RUB", "revenue").await?, 0, "after {steps}");
        let held = stage.shop.fake.all_payments();
        assert!(!held.iter().any(|payment| matches!(payment.outcome, Fiat::Authorized { .. })), "held after {steps}");
        assert!(stage.world.run().await?.rows.is_empty(), "after {steps}");
        stage.shop.assert_books().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_first_both_rails_at_once_bill_once() -> Result<()> {
    for _ in 0..4 {
        let stage = Stage::set().await?;
        stage.world.run().await?;
        let (chain, card) = tokio::join!(stage.charged_on_chain(), stage.turns());
        chain.and(card)?;
        stage.turns().await?;

        assert_eq!((stage.on_chain().await?, stage.taken_by_card()), (1, 0));
        stage.shop.assert_books().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_refuses_leaves_the_period_to_the_chain() -> Result<()> {
    let stage = Stage::set().await?;
    stage.shop.fake.refuse_next_charge(CancelReason::InsufficientFunds);
    stage.world.run().await?;
    stage.turns().await?;

    let attempt = stage.world.attempts().await?.pop().context("an attempt")?;
    assert_eq!((attempt.status.as_str(), attempt.attempts), ("pending", 1));
    assert!(attempt.retry_at.is_some());
    stage.world.chain.increase_time(7 * 3_600).await?;
    assert_eq!(outcomes(&stage.world.run().await?), [Outcome::Fiat], "both rails are asked again");
    stage.turns().await?;
    assert_eq!((stage.status().await?.as_str(), stage.taken_by_card()), ("paid_by_fiat", MONTHLY));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cancels_on_the_chain_is_not_charged_by_card() -> Result<()> {
    // Before the payment is begun, while it is on its way, and while the money is held.
    for steps in 0..=2 {
        let stage = Stage::set().await?;
        stage.world.run().await?;
        for step in 0..steps {
            if step == 0 {
                fallback::step(stage.world.pool(), &stage.shop.providers, 100).await?;
            } else {
                stage.shop.time_passes().await?;
                stage.shop.poll().await?;
            }
        }

        stage.world.manager(WHO).cancel(stage.plan).send().await?.get_receipt().await?;
        stage.world.mirror(WHO, stage.plan).await?;
        stage.turns().await?;

        assert_eq!((stage.taken_by_card(), stage.on_chain().await?), (0, 0), "after {steps}");
        let all = stage.shop.fake.all_payments();
        assert!(!all.iter().any(|payment| matches!(payment.outcome, Fiat::Authorized { .. })), "held after {steps}");
        assert!(stage.world.run().await?.rows.is_empty(), "after {steps}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_comes_after_it_was_given_up_goes_back() -> Result<()> {
    let stage = Stage::set().await?;
    stage.shop.fake.set_slow_charges(true);
    stage.shop.fake.lose_next_answer(Lost::AfterEffect);
    stage.world.run().await?;
    fallback::step(stage.world.pool(), &stage.shop.providers, 100).await?;
    stage.shop.time_passes().await?;
    stage.shop.poll().await?;
    let given_up =
        "update payment set status = 'canceled', cancel_reason = 'other', look_at = null where purpose = 'period'";
    sqlx::query(given_up).execute(stage.world.pool()).await?;
    fallback::step(stage.world.pool(), &stage.shop.providers, 100).await?;
    assert_eq!(stage.status().await?, "pending");

    // The list of the day has it, as paid.
    let made = stage.shop.fake.all_payments().pop().context("it was made")?;
    stage.shop.fake.pay(&made.external_id)?;
    billing_fiat::FiatProvider::capture(&stage.shop.fake, &made, made.amount).await?;
    let window = billing_fiat::Window {
        since: stage.shop.now() - time::Duration::days(1),
        until: stage.shop.now() + time::Duration::days(1),
    };
    payments::reconcile(stage.world.pool(), &stage.shop.fake, window, stage.shop.now()).await?;
    stage.turns().await?;

    assert_eq!(stage.taken_by_card(), 0);
    assert_eq!(stage.shop.balance("RUB", "revenue").await?, 0);
    stage.shop.assert_books().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_method_is_not_charged_again() -> Result<()> {
    let stage = Stage::set().await?;
    stage.shop.fake.refuse_next_charge(CancelReason::MethodRevoked);
    stage.world.run().await?;
    stage.turns().await?;
    stage.world.chain.increase_time(7 * 3_600).await?;

    assert_eq!(outcomes(&stage.world.run().await?), [Outcome::Skipped]);
    assert!(payments::methods(stage.world.pool(), "anna").await?.is_empty());
    assert_eq!(stage.taken_by_card(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_owners_own_method_of_a_running_subscription_is_agreed_to() -> Result<()> {
    let stage = Stage::set().await?;
    let mut conn = stage.world.pool().acquire().await?;
    let agreed = fallback::find(&mut conn, &stage.key).await?.context("agreed to")?;
    let foreign = fallback::Fallback { owner: "boris".to_owned(), ..agreed.clone() };
    let nobody = SubscriptionKey { subscriber: Role::Subscriber(7).address(), ..stage.key };
    let unknown = fallback::Fallback { key: nobody, ..agreed };

    assert!(matches!(fallback::enroll(&mut conn, &foreign).await, Err(fallback::EnrollError::NoMethod)));
    assert!(matches!(fallback::enroll(&mut conn, &unknown).await, Err(fallback::EnrollError::NoSubscription)));
    assert!(fallback::end(&mut conn, &stage.key, OffsetDateTime::now_utc()).await?);
    assert!(fallback::find(&mut conn, &stage.key).await?.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_the_chain_made_unneeded_goes_back_as_a_refund_that_says_so() -> Result<()> {
    let stage = Stage::set().await?;
    stage.world.run().await?;
    stage.turns().await?;
    stage.charged_on_chain().await?;
    stage.turns().await?;

    let all = payments::page(stage.world.pool(), "anna", None, 10).await?;
    let period = all.iter().find(|payment| payment.amount == rub(MONTHLY)).context("the period's payment")?;
    let refunds = refund::of(stage.world.pool(), period.id).await?;
    assert_eq!(period.status, Status::Succeeded);
    assert_eq!((refunds.len(), refunds[0].amount), (1, rub(MONTHLY)));
    assert_eq!(refunds[0].reason, "the period was paid on the chain");
    Ok(())
}
