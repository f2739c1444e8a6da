//! Whether a mandate's token may be taken, and what is missing where it may not.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol_types::SolValue,
};
use billing_bindings::{IPlanManager::PlanTerms, ISubscriptionTypes::Mandate, SubscriptionManager::depositNativeCall};
use serde_json::Value;

use super::MandateError;
use crate::{
    chain::{
        PermitError, PermitSignature, Rpc, TxnPayload,
        permit::{self, Permit},
        permit2::{self, Permit2Signature},
    },
    subscriptions::{
        Rail,
        payload::{PERMIT_SECS, allowance, manager_call, native, permit2 as permit2_payload},
    },
};

/// A wallet's signature that lets the manager take its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPermit {
    /// The token's own (EIP-2612), for the rail of allowances.
    Eip2612(PermitSignature),
    /// Permit2's, for its rail.
    Permit2(Permit2Signature),
}

/// What is missing before the first charge can be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Authorization {
    /// For the wallet to send first: an approval, or a deposit of native coin.
    pub approval: Option<Box<TxnPayload>>,
    /// For the wallet to sign: a permit that goes along with the mandate.
    pub permit: Option<Value>,
}

/// Who sends the mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// The wallet: it can send an approval as well.
    Wallet,
    /// We: a signature is better than an approval, where the token takes one.
    Relayer,
}

/// Looks at balances and allowances for `periods` periods of a mandate; `now` in unix seconds.
///
/// # Errors
/// A node's.
pub(super) async fn missing(
    rpc: &Rpc,
    terms: &PlanTerms,
    mandate: &Mandate,
    periods: u32,
    sender: Sender,
    now: u64,
) -> Result<Authorization, MandateError> {
    let (token, owner) = (mandate.paymentToken, mandate.subscriber);
    let first: U256 = mandate.maxAmount.to();
    let amount = first * U256::from(periods);
    if token.is_zero() {
        let value = native::missing(rpc, owner, amount).await?;
        if value.is_zero() {
            return Ok(Authorization::default());
        }
        let call = manager_call(rpc, deposit_call(owner), value, "deposit");
        return Ok(approval(TxnPayload::estimated(rpc, owner, call, now).await?));
    }
    let manager = rpc.network.subscription_manager;
    if mandate.rail == Rail::Permit2.number() {
        let approval = permit2_payload::token_approval(rpc, token, owner, amount, now).await?.map(Box::new);
        let there = permit2::allowance(rpc, owner, token, manager).await?;
        if there.amount >= first && there.expiration > now + u64::from(terms.trial) {
            return Ok(Authorization { approval, permit: None });
        }
        let expiration = permit2_payload::expiration(terms, periods, now);
        let single = permit2::single(token, manager, amount, expiration, there.nonce, now + PERMIT_SECS);
        let permit = single.map(|single| permit2::typed_data(rpc.network.chain_id, &single));
        return Ok(Authorization { approval, permit });
    }
    if allowance::allowance(rpc, token, owner, manager).await? >= first {
        return Ok(Authorization::default());
    }
    if sender == Sender::Relayer {
        match eip2612(rpc, token, owner, amount, now).await {
            Ok(typed_data) => return Ok(Authorization { approval: None, permit: Some(typed_data) }),
            Err(PermitError::Chain(error)) => return Err(error.into()),
            Err(_) => {}
        }
    }
    Ok(approval(allowance::approve(rpc, token, owner, manager, amount, now).await?))
}

fn approval(payload: TxnPayload) -> Authorization {
    Authorization { approval: Some(Box::new(payload)), permit: None }
}

fn deposit_call(account: Address) -> Vec<u8> {
    alloy::sol_types::SolCall::abi_encode(&depositNativeCall { account })
}

async fn eip2612(rpc: &Rpc, token: Address, owner: Address, value: U256, now: u64) -> Result<Value, PermitError> {
    let domain = permit::domain(rpc, token).await?;
    let nonce = permit::nonce(rpc, token, owner).await?;
    let (spender, deadline) = (rpc.network.subscription_manager, U256::from(now + PERMIT_SECS));
    Ok(permit::typed_data(&domain, &Permit { owner, spender, value, nonce, deadline }))
}

impl TokenPermit {
    /// As `subscribeBySig` takes it, if the subscriber signed it.
    ///
    /// # Errors
    /// `Subscribe` when it did not, or when it is for the other rail; a node's.
    pub async fn encode(&self, rpc: &Rpc, mandate: &Mandate) -> Result<Bytes, MandateError> {
        let (token, owner) = (mandate.paymentToken, mandate.subscriber);
        match self {
            Self::Eip2612(signed) if mandate.rail == Rail::Allowance.number() => {
                let domain = permit::domain(rpc, token).await?;
                let permit = Permit {
                    owner,
                    spender: rpc.network.subscription_manager,
                    value: signed.value,
                    nonce: permit::nonce(rpc, token, owner).await?,
                    deadline: U256::from(signed.deadline),
                };
                let (v, r, s): (u8, B256, B256) = permit::parts(&domain, &permit, &signed.signature)?;
                Ok((signed.value, permit.deadline, U256::from(v), r, s).abi_encode().into())
            }
            Self::Permit2(signed) if mandate.rail == Rail::Permit2.number() => {
                let single = permit2_payload::single_of(rpc, token, signed)?;
                let signature = permit2::verified(rpc, owner, &single, &signed.signature).await?;
                Ok((single, signature).abi_encode_params().into())
            }
            _ => Err(MandateError::Field("mandate.rail", "is not the permit's".to_owned())),
        }
    }
}
