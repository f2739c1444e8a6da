//! `PlanManager` and `PaymentGateway`.

#![expect(non_snake_case, reason = "fields of events are named as in Solidity")]

use alloy::primitives::{Address, B256, aliases::U96};
use billing_bindings::{
    PaymentGateway::{FeeUpdated, FeedUpdated, SequencerFeedUpdated, TokenAcceptanceUpdated},
    PlanManager::{
        PlanCreated, PlanFrozenToggled, PlanOwnershipTransferStarted, PlanOwnershipTransferred, PlanStatusChanged,
        PlanUriUpdated,
    },
};

use super::{
    account::person,
    contract::{Contract, TOKEN},
    intent::PlanTurn,
    state::{Call, Plan},
};

const PLANS: Contract = Contract::PlanManager;
const GATEWAY: Contract = Contract::PaymentGateway;
const OPERATOR: Address = Address::repeat_byte(0x0e);

impl Call<'_> {
    pub(super) fn create_plan(&mut self, hash: B256) {
        if self.state.plans.contains_key(&hash) {
            return;
        }
        let plan = Plan {
            merchant: person(u64::from(hash[31] % 4)),
            offered: None,
            token: if hash[30].is_multiple_of(3) { Address::ZERO } else { TOKEN },
            price: 1_000 + u64::from(hash[29]),
            period: [600, 3_600, 86_400][usize::from(hash[28] % 3)],
            status: 1,
            frozen: false,
        };
        let sequence = self.next(PLANS);
        let created = PlanCreated {
            planHash: hash,
            merchant: plan.merchant,
            token: plan.token,
            price: U96::from(plan.price),
            period: u32::try_from(plan.period).expect("a day at most"),
            trial: u32::from(hash[27]),
            maxFeeBps: u16::from(hash[26]),
            sequence,
            uri: uri(u64::from(hash[25])),
        };
        self.emit(PLANS, &created);
        self.state.plans.insert(hash, plan);
    }

    pub(super) fn change_plan(&mut self, hash: B256, turn: PlanTurn) {
        let Some(plan) = self.state.plans.get_mut(&hash) else { return };
        let merchant = plan.merchant;
        match turn {
            PlanTurn::Status(status) if status != plan.status => {
                plan.status = status;
                let sequence = self.next(PLANS);
                self.emit(PLANS, &PlanStatusChanged { planHash: hash, merchant, status, sequence });
            }
            PlanTurn::Frozen(frozen) if frozen != plan.frozen => {
                plan.frozen = frozen;
                let sequence = self.next(PLANS);
                self.emit(PLANS, &PlanFrozenToggled { planHash: hash, operator: OPERATOR, frozen, sequence });
            }
            PlanTurn::Uri(number) => {
                let sequence = self.next(PLANS);
                self.emit(PLANS, &PlanUriUpdated { planHash: hash, uri: uri(number), sequence });
            }
            PlanTurn::Offer(to) => {
                plan.offered = Some(to);
                let sequence = self.next(PLANS);
                let started = PlanOwnershipTransferStarted { planHash: hash, merchant, newMerchant: to, sequence };
                self.emit(PLANS, &started);
            }
            PlanTurn::Accept => {
                let Some(to) = plan.offered.take() else { return };
                plan.merchant = to;
                let sequence = self.next(PLANS);
                let transferred =
                    PlanOwnershipTransferred { planHash: hash, previousMerchant: merchant, merchant: to, sequence };
                self.emit(PLANS, &transferred);
            }
            PlanTurn::Status(_) | PlanTurn::Frozen(_) => {}
        }
    }

    pub(super) fn price(&mut self, kind: u64) {
        let (sequence, aggregator) = (self.next(GATEWAY), person(kind));
        match kind % 4 {
            0 => self.emit(GATEWAY, &FeeUpdated { feeBps: 250, feeReceiver: aggregator, sequence }),
            1 => {
                let accepted = kind.is_multiple_of(3);
                self.emit(GATEWAY, &TokenAcceptanceUpdated { token: TOKEN, accepted, sequence });
            }
            2 => {
                let (token, maxAge) = (TOKEN, 3_600);
                let feed = FeedUpdated { token, aggregator, maxAge, tokenDecimals: 6, feedDecimals: 8, sequence };
                self.emit(GATEWAY, &feed);
            }
            _ => self.emit(GATEWAY, &SequencerFeedUpdated { aggregator, gracePeriod: 60, sequence }),
        }
    }
}

/// Merchants write what they like, a NUL too.
fn uri(number: u64) -> String {
    let odd = if number.is_multiple_of(11) { "\0" } else { "" };
    format!("https://example.org/{number}{odd}")
}
