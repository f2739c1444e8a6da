//! Subscriptions that are charged through Permit2, the one that stands on public chains.

use alloy::{primitives::U256, sol};
use anyhow::{Context, Result, ensure};
use billing_core::chain::permit2::PERMIT2;
use e2e::Stack;

use crate::{
    cast::{Member, Pays},
    charge::{self, Outcomes},
    offer::{self, Offer},
    subscribe::PERIODS,
};

sol! {
    #[sol(rpc)]
    contract Allowances {
        function allowance(address owner, address token, address spender)
            external view returns (uint160 amount, uint48 expiration, uint48 nonce);
    }
}

/// Counts the second charges through Permit2. Each must have come out of what was signed for Permit2, and the manager must
/// have no allowance of the token's by which it could have come instead.
pub async fn check(stack: &Stack, cast: &[Member], offers: &[Offer], happened: &Outcomes) -> Result<usize> {
    let members = cast.iter().filter(|member| member.pays == Pays::Permit2);
    let mut charged = 0;
    for member in members {
        let (chain, wallet) = (&stack.chains[member.chain], member.role.address());
        let offer = offer::find(offers, member.plan)?;
        let (outcome, _) = happened.get(&charge::key(member, offers)?).context("a wallet of Permit2 was not due")?;
        ensure!(outcome == "charged", "{wallet} through Permit2: {outcome}");
        let manager = chain.addresses().subscription_manager;
        let permit2 = Allowances::new(PERMIT2, chain.provider());
        let left = U256::from(permit2.allowance(wallet, offer.token, manager).call().await?.amount);
        let expected = offer.price * U256::from(PERIODS - 2);
        ensure!(left == expected, "{wallet}: Permit2 allows {left} after two charges, not {expected}");
        let direct = chain.allowance(wallet, manager).await?;
        ensure!(direct.is_zero(), "{wallet} allowed the manager {direct} of the token itself");
        charged += 1;
    }
    Ok(charged)
}
