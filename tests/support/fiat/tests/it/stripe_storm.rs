use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use billing_fiat::{FiatProvider, NewPayment, Outcome, Payment, ProviderError, Window};
use fiat_emulators::{contract::Stage, stripe::Fault};
use time::Duration;
use uuid::Uuid;

use crate::{
    stripe::{on_page, refund_of},
    stripe_stage::StripeStage,
};

const PAYMENTS: u64 = 50;
/// Tries until somebody should know.
const TRIES: usize = 50;

/// Xorshift: the same faults each time.
struct Random(u64);

impl Random {
    const fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    const fn fault(&mut self) -> Option<Fault> {
        Some(match self.below(10) {
            0 => Fault::CutBefore,
            1 => Fault::CutAfter,
            2 => Fault::TooMany { retry_after: None },
            3 => Fault::Garbage,
            4 => Fault::BreaksBefore,
            5 => Fault::BreaksAfter,
            _ => return None,
        })
    }
}

/// As a worker does it: the same key again, a look in between, and a new payment only when there is none for sure.
async fn made(stage: &StripeStage, random: &mut Random) -> Result<(NewPayment, Payment)> {
    let mut new = on_page();
    for _ in 0..TRIES {
        random.fault().into_iter().for_each(|fault| stage.emulator.fault(fault));
        match stage.stripe.create(&new).await {
            Ok(payment) => return Ok((new, payment)),
            Err(ProviderError::Unknown { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(payment) = stage.stripe.find(new.reference, stage.now() - Duration::minutes(1)).await? {
            return Ok((new, payment));
        }
        // What broke before it was done is repeated as broken for a day.
        if random.below(4) == 0 {
            new.reference = Uuid::now_v7();
        }
    }
    anyhow::bail!("nobody knows after {TRIES} tries")
}

#[tokio::test]
async fn in_a_storm_each_payment_is_made_once_and_no_refund_goes_past_it() -> Result<()> {
    let stage = StripeStage::start().await?;
    let mut random = Random(0x5eed);
    let mut paid = HashMap::new();
    for _ in 0..PAYMENTS {
        let (new, payment) = made(&stage, &mut random).await?;
        stage.emulator.pay(&payment.external_id)?;
        let payment = stage.stripe.payment(&payment.external_id).await?.context("it is there")?;
        ensure!(payment.outcome == Outcome::Succeeded, "{payment:?}");
        for _ in 0..random.below(4) {
            let refund = refund_of(&payment, 4_000)?;
            for _ in 0..2 {
                random.fault().into_iter().for_each(|fault| stage.emulator.fault(fault));
                drop(stage.stripe.refund(&refund).await);
            }
        }
        paid.insert(new.reference, payment);
    }
    let window = Window { since: stage.now() - Duration::HOUR, until: stage.now() + Duration::HOUR };
    let (mut cursor, mut seen) = (None, HashMap::<Uuid, u32>::new());
    loop {
        let part = stage.stripe.payments(window, cursor.as_deref()).await?;
        for payment in part.items {
            ensure!(payment.refunded_minor <= payment.amount.minor(), "{payment:?}");
            *seen.entry(payment.reference.context("it is ours")?).or_default() += 1;
        }
        cursor = part.next;
        if cursor.is_none() {
            break;
        }
    }
    ensure!(seen.len() == paid.len() && seen.values().all(|times| *times == 1), "{seen:?}");
    ensure!(paid.keys().all(|reference| seen.contains_key(reference)), "a payment is missing");
    Ok(())
}
