//! What transactions are meant to do. On another branch, or at another place, the same one may do something else, or
//! revert.

use alloy::primitives::{Address, B256};

/// One transaction's purpose.
#[derive(Clone, Debug)]
pub(super) enum Intent {
    CreatePlan {
        plan: B256,
    },
    ChangePlan {
        plan: B256,
        change: PlanTurn,
    },
    Subscribe {
        plan: B256,
        who: Address,
        entry: Entry,
    },
    Charge {
        plan: B256,
        members: Vec<Address>,
        luck: u64,
    },
    Change {
        plan: B256,
        who: Address,
        turn: Turn,
    },
    Switch {
        from: B256,
        to: B256,
        who: Address,
    },
    Deposit {
        who: Address,
        amount: u64,
    },
    Withdraw {
        who: Address,
        amount: u64,
    },
    /// Something of which nothing is projected.
    Aside {
        kind: u64,
        who: Address,
    },
    Price {
        kind: u64,
    },
    Sale {
        number: u64,
    },
    Revoke {
        number: u64,
    },
}

/// What can happen to a plan.
#[derive(Clone, Copy, Debug)]
pub(super) enum PlanTurn {
    Status(u8),
    Frozen(bool),
    Uri(u64),
    Offer(Address),
    Accept,
}

/// How a subscription begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry {
    Plain,
    Mandate { limit: u16 },
    Manual,
}

/// What a subscriber does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    Cancel,
    Pause,
    Resume,
}
