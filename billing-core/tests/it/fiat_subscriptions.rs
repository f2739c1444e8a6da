//! Subscriptions that are paid in fiat money, through a provider in memory, on a real database.

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, U256};
use anyhow::{Context, Result};
use billing_core::{
    fiat_subscriptions::{self, FiatSubscription, FiatSubscriptionError, NewFiatSubscription, Round, Status},
    ids::{ChainId, FiatSubscriptionId, PaymentMethodId},
    money::TokenAmount,
    payments::{self, Asked, PaymentError},
    plans::{self, PlanTerms, SignedPlan},
};
use billing_fiat::{Buyer, CancelReason, Currency, Outcome};
use fiat_emulators::contract::Lost;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use tokio::sync::Barrier;

use crate::payments::shop::{Shop, rub};

const PERIOD: Duration = Duration::days(1);
const PRICE: i64 = 99_000;
const PLAN: B256 = B256::repeat_byte(0xAB);

/// A shop that sells a plan for fiat money.
struct Stand(Shop);

impl Stand {
    async fn open() -> Result<Self> {
        let shop = Shop::open().await?;
        let terms = PlanTerms {
            chain_ids: vec![ChainId(31_337)],
            merchant: Address::repeat_byte(1),
            token: Address::ZERO,
            price: TokenAmount(U256::from(1)),
            period_secs: 86_400,
            trial_secs: 0,
            max_fee_bps: 0,
            salt: U256::ZERO,
            expiry_at: None,
        };
        let plan = SignedPlan { terms, plan_hash: PLAN, uri: String::new(), signature: Bytes::from_static(&[1; 65]) };
        let mut conn = shop.pool().acquire().await?;
        plans::store(&mut conn, &plan).await?;
        plans::set_fiat_price(&mut conn, PLAN, rub(PRICE)).await?;
        drop(conn);
        Ok(Self(shop))
    }

    fn pool(&self) -> &PgPool {
        self.0.pool()
    }

    async fn start(&self, key: &str) -> Result<FiatSubscription, FiatSubscriptionError> {
        start(&self.0, &new(key)).await
    }

    /// One whose first period is paid.
    async fn active(&self, key: &str) -> Result<FiatSubscription> {
        let started = self.start(key).await?;
        self.pay_first(&started).await?;
        self.turns().await?;
        self.find(started.id).await
    }

    async fn pay_first(&self, own: &FiatSubscription) -> Result<()> {
        let payment = self.0.find(own.open.context("nothing to pay")?).await?;
        self.0.pay(&payment)
    }

    async fn step(&self) -> Result<Round> {
        step(&self.0).await
    }

    async fn poll(&self) -> Result<()> {
        self.0.time_passes().await?;
        self.0.poll().await?;
        Ok(())
    }

    /// Both loops turn until nothing moves.
    async fn turns(&self) -> Result<()> {
        for _ in 0..5 {
            self.step().await?;
            self.poll().await?;
        }
        Ok(())
    }

    async fn find(&self, id: FiatSubscriptionId) -> Result<FiatSubscription> {
        fiat_subscriptions::find(self.pool(), id).await?.context("the subscription is gone")
    }

    async fn method(&self, owner: &str) -> Result<payments::PaymentMethod> {
        payments::methods(self.pool(), owner).await?.pop().context("no method")
    }

    /// Payments for periods that the provider took, and did not give back.
    fn taken(&self) -> usize {
        let paid = |payment: &billing_fiat::Payment| {
            payment.amount == rub(PRICE) && payment.outcome == Outcome::Succeeded && payment.refunded_minor == 0
        };
        self.0.fake.all_payments().iter().filter(|payment| paid(payment)).count()
    }

    fn is_anything_held(&self) -> bool {
        self.0.fake.all_payments().iter().any(|payment| matches!(payment.outcome, Outcome::Authorized { .. }))
    }

    /// Until its next period has begun.
    fn period_passes(&self) {
        self.0.fake.advance(PERIOD);
    }

    /// What was taken is revenue, and no period was paid twice.
    async fn assert_sound(&self) -> Result<()> {
        assert_eq!(self.0.balance("RUB", "revenue").await?, i128::from(PRICE) * i128::try_from(self.taken())?);
        let paid = self.0.count("select count(*) from fiat_subscription_payment where state = 'paid'").await?;
        assert_eq!(usize::try_from(paid)?, self.taken());
        let twice = "select count(*) from fiat_subscription_payment a join fiat_subscription_payment b
                       on a.fiat_subscription_id = b.fiat_subscription_id and a.number < b.number
                      where a.period_start < b.period_end and b.period_start < a.period_end";
        assert_eq!(self.0.count(twice).await?, 0);
        self.0.assert_books().await
    }
}

fn new(key: &str) -> NewFiatSubscription {
    NewFiatSubscription {
        asked: Asked { by: "shop".to_owned(), key: key.to_owned() },
        plan_hash: PLAN,
        provider: "fake".to_owned(),
        currency: Currency::Rub,
        owner: key.to_owned(),
        return_url: "https://shop.example/done".to_owned(),
        description: "A month of the plan".to_owned(),
        buyer: Buyer::default(),
        receipt: None,
    }
}

async fn start(shop: &Shop, new: &NewFiatSubscription) -> Result<FiatSubscription, FiatSubscriptionError> {
    fiat_subscriptions::start(shop.pool(), &shop.providers, new, shop.now()).await
}

async fn step(shop: &Shop) -> Result<Round> {
    Ok(fiat_subscriptions::step(shop.pool(), &shop.providers, shop.now(), 100).await?)
}

fn paid_until(own: &FiatSubscription, periods: i32) -> Option<OffsetDateTime> {
    own.started_at.map(|anchor| anchor + PERIOD * periods)
}

#[tokio::test]
async fn the_first_payment_begins_a_subscription_and_leaves_its_method() -> Result<()> {
    let stand = Stand::open().await?;
    let started = stand.start("anna").await?;
    assert_eq!((started.status, started.paid_until, started.method), (Status::Incomplete, None, None));
    stand.turns().await?;
    assert_eq!(stand.find(started.id).await?.status, Status::Incomplete, "nobody paid");

    stand.pay_first(&started).await?;
    stand.turns().await?;

    let own = stand.find(started.id).await?;
    assert_eq!((own.status, own.periods_paid, own.open), (Status::Active, 1, None));
    assert_eq!(own.method, Some(stand.method("anna").await?.id));
    assert_eq!(own.paid_until, paid_until(&own, 1));
    assert!(stand.step().await?.is_idle(), "nothing is due");
    stand.assert_sound().await
}

#[tokio::test]
async fn each_period_is_taken_when_it_begins_and_counted_from_the_first() -> Result<()> {
    let stand = Stand::open().await?;
    let first = stand.active("anna").await?;
    for periods in 2..=4 {
        // However late in its period the loops come to it.
        stand.0.fake.advance(PERIOD + Duration::minutes(i64::from(periods)));
        stand.turns().await?;
        let own = stand.find(first.id).await?;
        assert_eq!((own.status, own.periods_paid), (Status::Active, i64::from(periods)));
        assert_eq!((own.started_at, own.paid_until), (first.started_at, paid_until(&own, periods)));
    }
    assert_eq!(stand.taken(), 4);
    stand.assert_sound().await
}

#[tokio::test]
async fn nobody_is_billed_for_time_that_was_not_paid_when_it_was_there() -> Result<()> {
    let stand = Stand::open().await?;
    let first = stand.active("anna").await?;
    stand.0.fake.advance(PERIOD * 5 + Duration::hours(1));

    stand.turns().await?;

    let own = stand.find(first.id).await?;
    assert_eq!((own.periods_paid, own.paid_until), (2, paid_until(&own, 6)));
    assert_eq!(stand.taken(), 2);
    stand.assert_sound().await
}

#[tokio::test]
async fn a_first_payment_that_comes_to_nothing_ends_it() -> Result<()> {
    let stand = Stand::open().await?;
    let started = stand.start("anna").await?;
    let page = stand.0.find(started.open.context("a payment")?).await?.external_id.context("sent")?;
    stand.0.fake.expire(&page)?;
    stand.turns().await?;
    assert_eq!(stand.find(started.id).await?.status, Status::Canceled);
    assert_eq!(stand.taken(), 0);
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_tried_again_and_then_paid() -> Result<()> {
    let stand = Stand::open().await?;
    let first = stand.active("anna").await?;
    stand.period_passes();
    stand.0.fake.refuse_next_charge(CancelReason::InsufficientFunds);
    stand.turns().await?;
    let own = stand.find(first.id).await?;
    assert_eq!((own.status, own.attempts, own.paid_until), (Status::PastDue, 1, first.paid_until));
    assert!(own.look_at.is_some_and(|at| at > stand.0.now()));

    stand.0.fake.advance(Duration::hours(7));
    stand.turns().await?;

    let own = stand.find(first.id).await?;
    assert_eq!((own.status, own.attempts, own.paid_until), (Status::Active, 0, paid_until(&own, 2)));
    stand.assert_sound().await
}

#[tokio::test]
async fn a_method_that_always_refuses_ends_it_after_five_tries() -> Result<()> {
    let stand = Stand::open().await?;
    let first = stand.active("anna").await?;
    let method = stand.method("anna").await?.external_id;
    stand.0.fake.refuse_method(&method, Some(CancelReason::InsufficientFunds));
    stand.period_passes();
    for _ in 0..12 {
        stand.turns().await?;
        stand.period_passes();
    }
    let own = stand.find(first.id).await?;
    assert_eq!((own.status, own.attempts, own.look_at), (Status::Failed, 5, None));
    assert_eq!(stand.0.count("select count(*) from fiat_subscription_payment where state = 'declined'").await?, 5);
    assert_eq!(stand.taken(), 1);

    stand.0.fake.refuse_method(&method, None);
    stand.turns().await?;
    assert_eq!(stand.taken(), 1, "over is over");
    stand.assert_sound().await
}

#[tokio::test]
async fn a_revoked_method_waits_for_another_one() -> Result<()> {
    let stand = Stand::open().await?;
    let first = stand.active("anna").await?;
    stand.period_passes();
    stand.0.fake.refuse_next_charge(CancelReason::MethodRevoked);
    for _ in 0..5 {
        stand.turns().await?;
        stand.period_passes();
    }
    let own = stand.find(first.id).await?;
    assert_eq!((own.status, own.method, own.look_at), (Status::PastDue, None, None));
    assert_eq!(stand.taken(), 1);

    let another = stand.0.saved_method("anna").await?;
    fiat_subscriptions::set_method(stand.pool(), first.id, another, stand.0.now()).await?;
    stand.turns().await?;
    let own = stand.find(first.id).await?;
    assert_eq!((own.status, own.method, own.periods_paid), (Status::Active, Some(another), 2));
    assert!(own.paid_until > Some(stand.0.now()));
    Ok(())
}

#[tokio::test]
async fn a_method_that_its_owner_ended_is_not_charged() -> Result<()> {
    let stand = Stand::open().await?;
    let first = stand.active("anna").await?;
    let method = first.method.context("a method")?;
    payments::end_method(stand.pool(), method, "anna", stand.0.now()).await?;
    stand.period_passes();
    stand.turns().await?;
    let own = stand.find(first.id).await?;
    assert_eq!((own.status, own.method, stand.taken()), (Status::PastDue, None, 1));
    Ok(())
}

#[tokio::test]
async fn only_its_owners_own_method_is_charged() -> Result<()> {
    let stand = Stand::open().await?;
    let (anna, boris) = (stand.active("anna").await?, stand.active("boris").await?);
    let foreign = boris.method.context("a method")?;
    for method in [foreign, PaymentMethodId::new()] {
        let refused = fiat_subscriptions::set_method(stand.pool(), anna.id, method, stand.0.now()).await;
        assert!(matches!(refused, Err(FiatSubscriptionError::NoMethod(of)) if of == method));
    }
    fiat_subscriptions::cancel(stand.pool(), boris.id, stand.0.now()).await?;
    let refused = fiat_subscriptions::set_method(stand.pool(), boris.id, foreign, stand.0.now()).await;
    assert!(matches!(refused, Err(FiatSubscriptionError::NotCharged(id)) if id == boris.id));
    Ok(())
}

#[tokio::test]
async fn who_ends_it_keeps_what_is_paid_and_pays_no_more() -> Result<()> {
    let stand = Stand::open().await?;
    let first = stand.active("anna").await?;
    let own = fiat_subscriptions::cancel(stand.pool(), first.id, stand.0.now()).await?;
    assert_eq!((own.status, own.paid_until), (Status::Active, first.paid_until));
    assert!(stand.step().await?.is_idle(), "the paid time goes on");

    for _ in 0..3 {
        stand.period_passes();
        stand.turns().await?;
    }

    let own = stand.find(first.id).await?;
    assert_eq!((own.status, own.paid_until, stand.taken()), (Status::Canceled, first.paid_until, 1));
    Ok(())
}

#[tokio::test]
async fn ended_at_any_step_of_a_renewal_it_is_paid_for_or_given_back() -> Result<()> {
    let stand = Stand::open().await?;
    let mut seen = [false; 2];
    for steps in 0..=8 {
        let first = stand.active(&format!("anna {steps}")).await?;
        let before = stand.taken();
        stand.period_passes();
        for step in 0..steps {
            if step % 2 == 0 {
                stand.step().await?;
            } else {
                stand.poll().await?;
            }
        }

        fiat_subscriptions::cancel(stand.pool(), first.id, stand.0.now()).await?;
        stand.turns().await?;

        let own = stand.find(first.id).await?;
        let taken = stand.taken() - before;
        assert_eq!(own.paid_until, paid_until(&own, 1 + i32::try_from(taken)?), "after {steps}");
        assert_eq!(own.status, if taken == 0 { Status::Canceled } else { Status::Active }, "after {steps}");
        assert!(!stand.is_anything_held(), "held after {steps}");
        seen[taken] = true;
        stand.period_passes();
        stand.turns().await?;
        assert_eq!(stand.find(first.id).await?.status, Status::Canceled, "after {steps}");
        assert_eq!(stand.taken() - before, taken, "after {steps}");
    }
    assert_eq!(seen, [true, true]);
    stand.assert_sound().await
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_processes_make_one_payment() -> Result<()> {
    let stand = Stand::open().await?;
    let first = stand.active("anna").await?;
    stand.period_passes();
    let barrier = Arc::new(Barrier::new(4));
    let processes = (0..4).map(|_| {
        let (barrier, pool, providers, now) =
            (Arc::clone(&barrier), stand.pool().clone(), stand.0.providers.clone(), stand.0.now());
        tokio::spawn(async move {
            let mut begun = 0;
            for _ in 0..6 {
                barrier.wait().await;
                begun += fiat_subscriptions::step(&pool, &providers, now, 100).await?.begun;
                barrier.wait().await;
                payments::poll(&pool, &providers, now, 100).await?;
            }
            Ok::<_, PaymentError>(begun)
        })
    });
    let mut begun = 0;
    for process in processes.collect::<Vec<_>>() {
        begun += process.await??;
    }
    stand.turns().await?;

    assert_eq!((begun, stand.taken()), (1, 2));
    let own = stand.find(first.id).await?;
    assert_eq!((own.periods_paid, own.paid_until), (2, paid_until(&own, 2)));
    stand.assert_sound().await
}

#[tokio::test]
async fn killed_at_any_step_a_renewal_is_one_payment() -> Result<()> {
    let stand = Stand::open().await?;
    let mut lived = false;
    for steps in 0..200 {
        let first = stand.active(&format!("killed at {steps}")).await?;
        let before = stand.taken();
        stand.period_passes();
        let renewal = async |process: &Shop| {
            for _ in 0..3 {
                step(process).await?;
                process.poll().await?;
            }
            anyhow::Ok(())
        };
        let done = stand.0.killed_at(Some(steps), renewal).await?;
        stand.turns().await?;

        let own = stand.find(first.id).await?;
        assert_eq!((own.status, own.paid_until), (Status::Active, paid_until(&own, 2)), "killed at {steps}");
        assert_eq!(stand.taken() - before, 1, "killed at {steps}");
        // The others' next periods are not this one's.
        fiat_subscriptions::cancel(stand.pool(), first.id, stand.0.now()).await?;
        lived = done.is_some();
        if lived {
            assert!(steps > 20, "it never waits");
            break;
        }
    }
    assert!(lived && !stand.is_anything_held());
    stand.assert_sound().await
}

#[tokio::test]
async fn killed_at_any_step_a_start_is_one_subscription_with_one_payment() -> Result<()> {
    let stand = Stand::open().await?;
    for steps in 0..80 {
        let key = format!("killed at {steps}");
        let done = stand.0.killed_at(Some(steps), async |process| start(process, &new(&key)).await).await?;
        stand.turns().await?;
        let own = stand.start(&key).await?;
        stand.turns().await?;
        assert_eq!(stand.find(own.id).await?.status, Status::Incomplete, "{steps}");
        assert_eq!(fiat_subscriptions::page(stand.pool(), &key, None, 10).await?.len(), 1, "{steps}");
        if done.is_some() {
            assert!(steps > 3, "it never waits");
            break;
        }
    }
    let subscriptions = stand.0.count("select count(*) from fiat_subscription").await?;
    assert_eq!(i64::try_from(stand.0.fake.all_payments().len())?, subscriptions);
    Ok(())
}

#[tokio::test]
async fn answers_that_are_lost_bill_nobody_twice() -> Result<()> {
    let stand = Stand::open().await?;
    let first = stand.active("anna").await?;
    for (periods, lost) in (2..).zip([Lost::AfterEffect, Lost::BeforeEffect, Lost::AfterEffect]) {
        stand.period_passes();
        for _ in 0..4 {
            stand.0.fake.lose_next_answer(lost);
            stand.step().await?;
            stand.poll().await?;
        }
        stand.turns().await?;
        let own = stand.find(first.id).await?;
        assert_eq!((own.status, own.paid_until), (Status::Active, paid_until(&own, periods)), "{lost:?}");
        assert_eq!(stand.taken(), usize::try_from(periods)?);
    }
    assert!(!stand.is_anything_held());
    stand.assert_sound().await
}

#[tokio::test]
async fn money_that_comes_after_it_was_given_up_goes_back() -> Result<()> {
    let stand = Stand::open().await?;
    let started = stand.start("anna").await?;
    sqlx::query("update payment set status = 'canceled', cancel_reason = 'other'").execute(stand.pool()).await?;
    stand.step().await?;
    assert_eq!(stand.find(started.id).await?.status, Status::Canceled);

    stand.pay_first(&started).await?;
    stand.0.deliver_all().await?;
    stand.turns().await?;

    assert_eq!((stand.taken(), stand.0.fake.all_refunds().len()), (0, 1));
    assert_eq!(stand.0.balance("RUB", "revenue").await?, 0);
    stand.0.assert_books().await
}

#[tokio::test]
async fn the_same_key_is_one_subscription_at_the_price_of_its_first_time() -> Result<()> {
    let stand = Stand::open().await?;
    let (first, second) = tokio::join!(stand.start("anna"), stand.start("anna"));
    let (first, second) = (first?, second?);
    plans::set_fiat_price(&mut *stand.pool().acquire().await?, PLAN, rub(PRICE * 2)).await?;
    let third = stand.start("anna").await?;
    assert_eq!((first.id, second.id), (third.id, third.id));
    assert_eq!((third.price, stand.0.fake.all_payments().len()), (rub(PRICE), 1));

    let other = NewFiatSubscription { owner: "boris".to_owned(), ..new("anna") };
    assert!(matches!(start(&stand.0, &other).await, Err(FiatSubscriptionError::Differs)));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_started_leaves_no_row() -> Result<()> {
    let stand = Stand::open().await?;
    let unknown = NewFiatSubscription { plan_hash: B256::ZERO, ..new("1") };
    let unpriced = NewFiatSubscription { currency: Currency::Usd, ..new("2") };
    let nobody = NewFiatSubscription { provider: "nobody".to_owned(), ..new("3") };
    assert!(matches!(start(&stand.0, &unknown).await, Err(FiatSubscriptionError::NoPlan(B256::ZERO))));
    assert!(matches!(start(&stand.0, &unpriced).await, Err(FiatSubscriptionError::NoPrice { .. })));
    let refused = start(&stand.0, &nobody).await;
    assert!(matches!(refused, Err(FiatSubscriptionError::Payment(PaymentError::NoProvider(_)))));
    let rows = "select (select count(*) from fiat_subscription) + (select count(*) from payment) + (select count(*) from outbox)";
    assert_eq!(stand.0.count(rows).await?, 0);
    Ok(())
}
