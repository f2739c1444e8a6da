//! Who subscribes to what, how they pay, and what becomes of them before the second charge.

use test_support::Role;

/// Wallets on each chain.
pub const PER_CHAIN: u32 = 20;

/// Which of the merchant's plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlanName {
    /// 10 USDT a month.
    Basic,
    /// 25 USDT a month; the operator freezes it.
    Studio,
    /// 0.01 of the native coin a month.
    Native,
}

/// How a wallet authorises the charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pays {
    /// By a signed EIP-2612 permit: one transaction.
    Permit,
    /// By an `approve` transaction first.
    Approval,
    /// By a deposit of native coin.
    Native,
}

/// What happens to a subscription between the first and the second charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Nothing; it is charged.
    Stays,
    /// The wallet spends its tokens: `InsufficientBalance`.
    SpendsBalance,
    /// The wallet takes its approval back: `InsufficientAllowance`.
    Revokes,
    /// The subscriber cancels; nothing is due.
    Cancels,
    /// The operator freezes the plan: `PlanInactive`.
    PlanFrozen,
    /// The deposit was for one period only: `InsufficientBalance`.
    DepositUsedUp,
}

/// One wallet of one chain.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Position of its chain in the stack.
    pub chain: usize,
    /// Its account.
    pub role: Role,
    /// What it subscribes to.
    pub plan: PlanName,
    /// How it pays.
    pub pays: Pays,
    /// What becomes of it.
    pub fate: Fate,
}

/// All wallets of all chains.
pub fn members(chains: usize) -> Vec<Member> {
    let mut all = Vec::new();
    for (chain, first) in (0..chains).zip((0..).step_by(PER_CHAIN as usize)) {
        all.extend((0..PER_CHAIN).map(|n| member(chain, n, Role::Subscriber(first + n))));
    }
    all
}

fn member(chain: usize, n: u32, role: Role) -> Member {
    let (plan, pays) = match n {
        0..6 => (PlanName::Basic, Pays::Permit),
        6..12 => (PlanName::Basic, Pays::Approval),
        12..15 => (PlanName::Studio, Pays::Permit),
        _ => (PlanName::Native, Pays::Native),
    };
    let fate = match n {
        1 | 2 => Fate::SpendsBalance,
        6 => Fate::Revokes,
        7 | 15 => Fate::Cancels,
        12..15 => Fate::PlanFrozen,
        16 => Fate::DepositUsedUp,
        _ => Fate::Stays,
    };
    Member { chain, role, plan, pays, fate }
}

impl Fate {
    /// The reason with which the second charge must be skipped; `None` when it is charged or not due at all.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Stays | Self::Cancels => None,
            Self::SpendsBalance | Self::DepositUsedUp => Some("InsufficientBalance"),
            Self::Revokes => Some("InsufficientAllowance"),
            Self::PlanFrozen => Some("PlanInactive"),
        }
    }
}
