//! What people do next, at random, and such that most of it succeeds.

use alloy::primitives::{Address, B256};
use rand::{Rng, rngs::StdRng, seq::IteratorRandom};

use super::{
    account::{PEOPLE, person, plan_hash},
    intent::{Entry, Intent, PlanTurn, Turn},
    state::{Stage, State},
};

const PLANS: u64 = 40;
/// Members of one charge at most.
const BATCH: usize = 6;

/// A purpose for a transaction on top of `state`.
pub(super) fn draw(state: &State, random: &mut StdRng) -> Intent {
    let who = person(random.random_range(0..PEOPLE));
    let Some(plan) = state.plans.keys().copied().choose(random) else {
        return Intent::CreatePlan { plan: plan_hash(random.random_range(0..PLANS)) };
    };
    let number = random.random_range(0..100_000);
    match random.random_range(0..100) {
        0..4 => Intent::CreatePlan { plan: plan_hash(number % PLANS) },
        4..10 => Intent::ChangePlan { plan, change: plan_turn(random, who) },
        10..26 => Intent::Subscribe { plan, who, entry: entry(random) },
        26..56 => Intent::Charge { plan, members: members(state, random, plan), luck: random.random() },
        56..68 => subscribed(state, random).map_or(Intent::Deposit { who, amount: 9_000 }, |(plan, who)| {
            Intent::Change { plan, who, turn: turn(state, random, plan, who) }
        }),
        68..72 => {
            let to = state.plans.keys().copied().choose(random).unwrap_or(plan);
            let (from, who) = subscribed(state, random).unwrap_or((plan, who));
            Intent::Switch { from, to, who }
        }
        72..80 => Intent::Deposit { who, amount: random.random_range(500..20_000) },
        80..84 => Intent::Withdraw { who, amount: random.random_range(1..3_000) },
        84..89 => Intent::Aside { kind: number, who },
        89..91 => Intent::Price { kind: number },
        91..97 => Intent::Sale { number },
        _ => Intent::Revoke { number },
    }
}

fn subscribed(state: &State, random: &mut StdRng) -> Option<(B256, Address)> {
    let going_on = state.subscriptions.iter().filter(|(_, known)| known.stage != Stage::Ended);
    going_on.map(|(key, _)| *key).choose(random)
}

/// Most of those who are subscribed, and now and then somebody who never was.
fn members(state: &State, random: &mut StdRng, plan: B256) -> Vec<Address> {
    let of_plan = state.subscriptions.iter().filter(|((of, _), known)| *of == plan && known.stage == Stage::Active);
    let mut members = of_plan.map(|((_, who), _)| *who).choose_multiple(random, BATCH);
    if members.is_empty() || random.random_ratio(1, 8) {
        members.push(person(random.random_range(0..PEOPLE)));
    }
    members
}

fn plan_turn(random: &mut StdRng, who: Address) -> PlanTurn {
    match random.random_range(0..8) {
        // Plans that stay closed would end the story.
        0..3 => PlanTurn::Status(*[1, 1, 2, 3].iter().choose(random).unwrap_or(&1)),
        3 => PlanTurn::Frozen(random.random_ratio(1, 4)),
        4 => PlanTurn::Uri(random.random_range(0..1_000)),
        5 => PlanTurn::Offer(who),
        6 => PlanTurn::Accept,
        _ => PlanTurn::Frozen(false),
    }
}

fn entry(random: &mut StdRng) -> Entry {
    match random.random_range(0..4) {
        0 => Entry::Manual,
        1 => Entry::Mandate { limit: random.random_range(0..5) },
        _ => Entry::Plain,
    }
}

fn turn(state: &State, random: &mut StdRng, plan: B256, who: Address) -> Turn {
    let paused = state.subscriptions.get(&(plan, who)).is_some_and(|known| known.stage == Stage::Paused);
    match random.random_range(0..3) {
        0 => Turn::Cancel,
        _ if paused => Turn::Resume,
        _ => Turn::Pause,
    }
}
