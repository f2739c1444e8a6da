//! `SubscriptionManager`.

#![expect(non_snake_case, reason = "fields of events are named as in Solidity")]

use alloy::primitives::{
    Address, B256, FixedBytes, U256,
    aliases::{U40, U96},
};
use billing_bindings::SubscriptionManager::{
    BatchFailed, ChargeSkipped, MandateAccepted, ManualActivation, SubscriptionActivated, SubscriptionCancelled,
    SubscriptionCharged, SubscriptionFailedFinal, SubscriptionPaused, SubscriptionResumed, SubscriptionRetryScheduled,
    SubscriptionSwitched,
};

use super::{
    contract::{Contract, TOKEN},
    intent::{Entry, Turn},
    state::{Call, Stage, Subscription},
};

const MANAGER: Contract = Contract::SubscriptionManager;
const AUTOMATION: Address = Address::repeat_byte(0x0a);
const MOST_RETRIES: u8 = 3;

impl Call<'_> {
    pub(super) fn subscribe(&mut self, plan: B256, who: Address, entry: Entry) {
        let Some(terms) = self.state.plans.get(&plan) else { return };
        let begun = self.state.subscriptions.get(&(plan, who)).is_some_and(|known| known.stage != Stage::Ended);
        if begun || terms.status != 1 || terms.frozen {
            return;
        }
        let (merchant, period, price, limited) = (terms.merchant, terms.period, terms.price, terms.token.is_zero());
        let paid_at_once = matches!(entry, Entry::Plain) && !limited;
        if let Entry::Mandate { limit } = entry {
            let sequence = self.next(MANAGER);
            let maxAmount = U96::from(price);
            let (rail, paymentToken) = (u8::from(limit.is_multiple_of(2)), TOKEN);
            let accepted = MandateAccepted {
                planHash: plan,
                subscriber: who,
                rail,
                paymentToken,
                maxAmount,
                chargeLimit: limit,
                sequence,
            };
            self.emit(MANAGER, &accepted);
        }
        let paid_until = self.now + period;
        let sequence = self.next(MANAGER);
        let activated = SubscriptionActivated {
            planHash: plan,
            subscriber: who,
            merchant,
            startedAt: U40::from(self.now),
            nextChargeAt: U40::from(paid_until),
            endsAt: if limited { U40::from(self.now + 10 * period) } else { U40::ZERO },
            sequence,
        };
        self.emit(MANAGER, &activated);
        self.state.subscriptions.insert((plan, who), Subscription { stage: Stage::Active, paid_until, retries: 0 });
        if matches!(entry, Entry::Manual) {
            let (sequence, paidUntil) = (self.next(MANAGER), U40::from(paid_until));
            let manual =
                ManualActivation { planHash: plan, subscriber: who, operator: AUTOMATION, paidUntil, sequence };
            self.emit(MANAGER, &manual);
        }
        if paid_at_once {
            self.charged(plan, who, self.now);
        }
    }

    /// The outcome of each member follows from `luck`.
    pub(super) fn charge(&mut self, plan: B256, members: &[Address], luck: u64) {
        if self.state.plans.get(&plan).is_none_or(|terms| terms.frozen) {
            let sequence = self.next(MANAGER);
            let failed = BatchFailed { planHash: plan, errorSelector: FixedBytes([1, 2, 3, 4]), sequence };
            return self.emit(MANAGER, &failed);
        }
        for (place, who) in (0_u32..).zip(members) {
            let known = self.state.subscriptions.get(&(plan, *who));
            let Some(paid_until) = known.filter(|known| known.stage == Stage::Active).map(|known| known.paid_until)
            else {
                let sequence = self.next(MANAGER);
                let skipped = ChargeSkipped { planHash: plan, subscriber: *who, reason: 7, sequence };
                self.emit(MANAGER, &skipped);
                continue;
            };
            let lucky = luck.rotate_left(place * 5) % 8 < 6;
            if lucky && self.can_pay(plan, *who) {
                self.charged(plan, *who, paid_until);
            } else {
                self.refused(plan, *who);
            }
        }
    }

    fn can_pay(&self, plan: B256, who: Address) -> bool {
        let Some(terms) = self.state.plans.get(&plan) else { return false };
        let deposit = self.state.deposits.get(&who).copied().unwrap_or_default();
        !terms.token.is_zero() || deposit >= U256::from(terms.price)
    }

    fn charged(&mut self, plan: B256, who: Address, from: u64) {
        let (terms, known) = (self.state.plans.get(&plan), self.state.subscriptions.get_mut(&(plan, who)));
        let Some((terms, known)) = terms.zip(known) else { return };
        let until = from + terms.period;
        (known.paid_until, known.retries) = (until, 0);
        let (token, gross, merchant) = (terms.token, U256::from(terms.price), terms.merchant);
        if token.is_zero() {
            let deposit = self.state.deposits.entry(who).or_default();
            *deposit -= gross;
        }
        let word = |value: u64, shift: usize| U256::from(value) << shift;
        let sequence = self.next(MANAGER);
        let charged = SubscriptionCharged {
            planHash: plan,
            subscriber: who,
            receipt: word(sequence, 192) | word(from, 144) | word(until, 96) | gross,
            settlement: (U256::from_be_slice(merchant.as_slice()) << 96) | (gross >> 5),
            token,
        };
        self.emit(MANAGER, &charged);
    }

    fn refused(&mut self, plan: B256, who: Address) {
        let Some(known) = self.state.subscriptions.get_mut(&(plan, who)) else { return };
        known.retries += 1;
        let retries = known.retries;
        let reason = 3;
        if retries > MOST_RETRIES {
            known.stage = Stage::Ended;
            let sequence = self.next(MANAGER);
            let failed = SubscriptionFailedFinal { planHash: plan, subscriber: who, reason, sequence };
            return self.emit(MANAGER, &failed);
        }
        let (sequence, retryAt) = (self.next(MANAGER), U40::from(self.now + 300));
        let scheduled =
            SubscriptionRetryScheduled { planHash: plan, subscriber: who, reason, retryAt, retries, sequence };
        self.emit(MANAGER, &scheduled);
    }

    pub(super) fn change(&mut self, plan: B256, who: Address, turn: Turn) {
        let now = self.now;
        let Some(known) = self.state.subscriptions.get_mut(&(plan, who)) else { return };
        match turn {
            Turn::Cancel if known.stage != Stage::Ended => self.cancel(plan, who, 1),
            Turn::Pause if known.stage == Stage::Active => {
                known.stage = Stage::Paused;
                let (sequence, pausedAt) = (self.next(MANAGER), U40::from(now));
                self.emit(MANAGER, &SubscriptionPaused { planHash: plan, subscriber: who, pausedAt, sequence });
            }
            Turn::Resume if known.stage == Stage::Paused => {
                known.stage = Stage::Active;
                known.paid_until += 60;
                let nextChargeAt = U40::from(known.paid_until);
                let sequence = self.next(MANAGER);
                self.emit(MANAGER, &SubscriptionResumed { planHash: plan, subscriber: who, nextChargeAt, sequence });
            }
            Turn::Cancel | Turn::Pause | Turn::Resume => {}
        }
    }

    fn cancel(&mut self, plan: B256, who: Address, reason: u8) {
        let Some(known) = self.state.subscriptions.get_mut(&(plan, who)) else { return };
        known.stage = Stage::Ended;
        known.retries = 0;
        let paidUntil = U40::from(known.paid_until);
        let sequence = self.next(MANAGER);
        self.emit(MANAGER, &SubscriptionCancelled { planHash: plan, subscriber: who, reason, paidUntil, sequence });
    }

    pub(super) fn switch(&mut self, from: B256, to: B256, who: Address) {
        let stage = |plan| self.state.subscriptions.get(&(plan, who)).map(|known| known.stage);
        let open = self.state.plans.get(&to).is_some_and(|terms| terms.status == 1 && !terms.frozen);
        if from == to || !open || stage(from) != Some(Stage::Active) || stage(to).is_some_and(|to| to != Stage::Ended) {
            return;
        }
        self.cancel(from, who, 3);
        let sequence = self.next(MANAGER);
        let switched = SubscriptionSwitched {
            subscriber: who,
            fromPlan: from,
            toPlan: to,
            unusedSeconds: U40::from(30),
            creditedSeconds: U40::from(20),
            sequence,
        };
        self.emit(MANAGER, &switched);
        self.subscribe(to, who, Entry::Plain);
    }
}
