//! Who subscribes to what, how they pay, and what becomes of them before the second charge.

use test_support::Role;

/// Wallets on each chain that pay for their own gas.
const WITH_COIN: u32 = 20;
/// Wallets on each chain that have the token and no native coin.
const WITHOUT_COIN: u32 = 2;
/// Subscribers from this number on start without native coin.
const FIRST_WITHOUT_COIN: u32 = 40;

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
    /// By an allowance of Permit2, signed.
    Permit2,
    /// By a deposit of native coin.
    Native,
    /// By a signed mandate and permit that we send: no transaction at all.
    Mandate,
}

/// What happens to a subscription between the first and the second charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Nothing; it is charged.
    Stays,
    /// The wallet spends its tokens: `InsufficientBalance`.
    SpendsBalance,
    /// The wallet spends its tokens, and a saved method pays: `InsufficientBalance` on the chain.
    FallsBack,
    /// The wallet takes its approval back: `InsufficientAllowance`.
    Revokes,
    /// The subscriber cancels; nothing is due.
    Cancels,
    /// The subscriber signs a pause that we send; nothing is due.
    Pauses,
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
    for (chain, nth) in (0..chains).zip(0..) {
        all.extend((0..WITH_COIN).map(|n| with_coin(chain, n, Role::Subscriber(nth * WITH_COIN + n))));
        let first = FIRST_WITHOUT_COIN + nth * WITHOUT_COIN;
        all.extend((0..WITHOUT_COIN).map(|n| without_coin(chain, n, Role::Subscriber(first + n))));
    }
    all
}

fn with_coin(chain: usize, n: u32, role: Role) -> Member {
    let (plan, pays) = match n {
        0..6 => (PlanName::Basic, Pays::Permit),
        6..9 => (PlanName::Basic, Pays::Approval),
        9..12 => (PlanName::Basic, Pays::Permit2),
        12..15 => (PlanName::Studio, Pays::Permit),
        _ => (PlanName::Native, Pays::Native),
    };
    let fate = match n {
        1 => Fate::FallsBack,
        2 => Fate::SpendsBalance,
        6 => Fate::Revokes,
        7 | 15 => Fate::Cancels,
        12..15 => Fate::PlanFrozen,
        16 => Fate::DepositUsedUp,
        _ => Fate::Stays,
    };
    Member { chain, role, plan, pays, fate }
}

fn without_coin(chain: usize, n: u32, role: Role) -> Member {
    let fate = if n == 0 { Fate::Stays } else { Fate::Pauses };
    Member { chain, role, plan: PlanName::Basic, pays: Pays::Mandate, fate }
}

impl Fate {
    /// Whether a second charge is due.
    pub fn is_due(self) -> bool {
        !matches!(self, Self::Cancels | Self::Pauses)
    }

    /// The status that the API must show before the second charge.
    pub fn status(self) -> &'static str {
        match self {
            Self::Cancels => "canceled",
            Self::Pauses => "paused",
            _ => "active",
        }
    }

    /// The reason with which the second charge must be skipped; `None` when it is charged or not due at all.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Stays | Self::Cancels | Self::Pauses => None,
            Self::SpendsBalance | Self::FallsBack | Self::DepositUsedUp => Some("InsufficientBalance"),
            Self::Revokes => Some("InsufficientAllowance"),
            Self::PlanFrozen => Some("PlanInactive"),
        }
    }
}
