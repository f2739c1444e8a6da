//! Sends what a subscriber signed, at our cost.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    signers::local::PrivateKeySigner,
    sol_types::SolInterface,
};
use billing_bindings::SubscriptionManager::SubscriptionManagerErrors;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use super::{Limits, MandateError, Message, Refusal, RefusalReason, RelayKind, TokenPermit, limits::WINDOW, repo};
use crate::{
    chain::{
        CallRequest, ChainError, Rpc, signature,
        tx::{self, Quote},
    },
    ids::{ChainId, RelayId},
    money::TokenAmount,
};

/// Gas limit of one relay at most. A subscription with its first charge takes some 150,000 and its permit 60,000; a
/// contract wallet or a token that needs far more is one that spends our gas.
const GAS_MAX: u64 = 1_000_000;
/// Longest signature in bytes; those of wallets not deployed yet (ERC-6492) carry the wallet's deployment.
const SIGNATURE_MAX: usize = 8_192;
/// When to look again at a price of gas that is too high.
const GAS_PRICE_WAIT: Duration = Duration::minutes(1);

/// What a subscriber signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayRequest {
    /// The message.
    pub message: Message,
    /// The subscriber's, over its digest.
    pub signature: Bytes,
    /// Authorises a mandate's token; `None` where nothing is missing.
    pub permit: Option<TokenPermit>,
    /// Who asked: a service's name or a client's address.
    pub requested_by: String,
}

/// How far a relay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayStatus {
    /// Stored; sent, or to be sent.
    Submitted,
    /// It happened.
    Mined,
    /// The contract refused it after all; nothing of it happened, and the gas is spent.
    Reverted,
    /// Its transaction can no longer be mined; nothing of it happened.
    Dropped,
}

impl RelayStatus {
    /// The word in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Mined => "mined",
            Self::Reverted => "reverted",
            Self::Dropped => "dropped",
        }
    }

    /// From the word; `None` for any other.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Submitted, Self::Mined, Self::Reverted, Self::Dropped].into_iter().find(|it| it.as_str() == word)
    }
}

/// One transaction that we sent for a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Ours.
    pub id: RelayId,
    /// The chain.
    pub chain_id: ChainId,
    /// What was asked for.
    pub kind: RelayKind,
    /// Of which plan.
    pub plan_hash: B256,
    /// Who signed.
    pub subscriber: Address,
    /// Of the message.
    pub nonce: U256,
    /// Digest that was signed.
    pub payload_hash: B256,
    /// How far it is.
    pub status: RelayStatus,
    /// The transaction; another one after its fee was raised.
    pub tx_hash: B256,
    /// Gas limit.
    pub gas_limit: u64,
    /// Gas of the receipt.
    pub gas_used: Option<u64>,
    /// Wei per gas of the receipt.
    pub effective_gas_price: Option<TokenAmount>,
    /// What it cost us, in wei.
    pub fee_wei: Option<TokenAmount>,
    /// Who asked.
    pub requested_by: String,
    /// When, by our clock.
    pub created_at: OffsetDateTime,
    /// When its receipt was seen.
    pub settled_at: Option<OffsetDateTime>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayOutcome {
    /// Stored and sent now.
    Sent(Box<Relay>),
    /// The same message was sent before; how far it is.
    Known(Box<Relay>),
    /// Nothing was stored.
    Refused(Refusal),
}

/// Sends a signed message: simulated first, then stored within the limits, then broadcast. The same message again is the
/// same relay. `now` is our clock's.
///
/// # Errors
/// `OwnAccount`; a node's before anything was stored, the database's.
pub async fn relay(
    pool: &PgPool,
    rpc: &Rpc,
    signer: &PrivateKeySigner,
    limits: &Limits,
    request: &RelayRequest,
    now: OffsetDateTime,
) -> Result<RelayOutcome, MandateError> {
    let (_, subscriber, nonce, _) = request.message.parts();
    // Its own call is not asked for a signature by the contract: anybody could subscribe it at its cost.
    if subscriber == signer.address() {
        return Err(MandateError::OwnAccount(subscriber));
    }
    let digest = request.message.digest(&rpc.network);
    if let Some(known) = repo::by_nonce(pool, rpc.network.chain_id, subscriber, nonce).await? {
        return Ok(same_or_used(known, digest));
    }
    let Some(signature) = as_contracts_take_it(subscriber, digest, &request.signature) else {
        return Ok(RelayOutcome::Refused(RefusalReason::Signature.for_good()));
    };
    let permit = match (&request.message, &request.permit) {
        (Message::Mandate(mandate), Some(permit)) => permit.encode(rpc, mandate).await?,
        _ => Bytes::new(),
    };
    let call = CallRequest {
        to: rpc.network.subscription_manager,
        data: request.message.call_data(signature, permit),
        value: U256::ZERO,
        purpose: format!("relay_{}:{subscriber}:{nonce}", request.message.kind().as_str()),
    };
    let (gas_limit, quote) = match simulate(rpc, signer.address(), &call, now).await? {
        Ok(found) => found,
        Err(refusal) => return Ok(RelayOutcome::Refused(refusal)),
    };
    store_and_send(pool, rpc, signer, limits, request, Prepared { digest, call, gas_limit, quote }, now).await
}

/// A key's signature in the one form that contracts take; anything else is left to the simulation, which asks the wallet.
fn as_contracts_take_it(subscriber: Address, digest: B256, raw: &Bytes) -> Option<Bytes> {
    if raw.is_empty() || raw.len() > SIGNATURE_MAX {
        return None;
    }
    Some(signature::by_key(subscriber, digest, raw).map_or_else(|| raw.clone(), |good| good.as_bytes().into()))
}

fn same_or_used(known: Relay, digest: B256) -> RelayOutcome {
    if known.payload_hash == digest {
        return RelayOutcome::Known(Box::new(known));
    }
    RelayOutcome::Refused(RefusalReason::NonceUsed.for_good())
}

/// Gas limit and fees, by the very call that would be sent.
async fn simulate(
    rpc: &Rpc,
    sender: Address,
    call: &CallRequest,
    now: OffsetDateTime,
) -> Result<Result<(u64, Quote), Refusal>, MandateError> {
    let gas_limit = match tx::estimate_gas(rpc, sender, call).await {
        Ok(gas) => gas,
        Err(ChainError::Reverts { reason, data, .. }) => return Ok(Err(reverts(reason, &data))),
        Err(error) => return Err(error.into()),
    };
    if gas_limit > GAS_MAX {
        return Ok(Err(RefusalReason::TooMuchGas(gas_limit).for_good()));
    }
    match tx::quote(rpc, sender).await {
        Ok(quote) => Ok(Ok((gas_limit, quote))),
        Err(ChainError::FeeAboveCap { .. }) => {
            Ok(Err(Refusal { reason: RefusalReason::GasPrice, retry_at: Some(now + GAS_PRICE_WAIT) }))
        }
        Err(error) => Err(error.into()),
    }
}

fn reverts(reason: String, data: &[u8]) -> Refusal {
    match SubscriptionManagerErrors::abi_decode(data) {
        Ok(SubscriptionManagerErrors::InvalidSignature(_)) => RefusalReason::Signature,
        Ok(SubscriptionManagerErrors::NonceUsed(_)) => RefusalReason::NonceUsed,
        _ => RefusalReason::Reverts(reason),
    }
    .for_good()
}

struct Prepared {
    digest: B256,
    call: CallRequest,
    gas_limit: u64,
    quote: Quote,
}

async fn store_and_send(
    pool: &PgPool,
    rpc: &Rpc,
    signer: &PrivateKeySigner,
    limits: &Limits,
    request: &RelayRequest,
    prepared: Prepared,
    now: OffsetDateTime,
) -> Result<RelayOutcome, MandateError> {
    let (chain_id, Prepared { digest, call, gas_limit, quote }) = (rpc.network.chain_id, prepared);
    let (plan_hash, subscriber, nonce, _) = request.message.parts();
    let kind = request.message.kind();
    let reserved = U256::from(gas_limit) * U256::from(quote.fees.max_fee);
    let mut db_tx = pool.begin().await?;
    // Deciding and storing are one step for all processes: what another one is about to send counts.
    repo::lock_chain(&mut db_tx, chain_id).await?;
    if let Some(known) = repo::by_nonce(&mut *db_tx, chain_id, subscriber, nonce).await? {
        return Ok(same_or_used(known, digest));
    }
    let spent = repo::spent(&mut db_tx, chain_id, subscriber, kind, now - WINDOW).await?;
    if let Err(refusal) = limits.check(kind, &spent, reserved, now) {
        return Ok(RelayOutcome::Refused(refusal));
    }
    let tx = tx::prepare_in_tx(&mut db_tx, rpc, signer, &call, gas_limit, &quote).await?;
    let relay = Relay {
        id: RelayId::new(),
        chain_id,
        kind,
        plan_hash,
        subscriber,
        nonce,
        payload_hash: digest,
        status: RelayStatus::Submitted,
        tx_hash: tx.hash,
        gas_limit,
        gas_used: None,
        effective_gas_price: None,
        fee_wei: None,
        requested_by: request.requested_by.clone(),
        created_at: now,
        settled_at: None,
    };
    repo::insert(&mut db_tx, &relay, tx.id, reserved).await?;
    db_tx.commit().await?;
    tx::broadcast(pool, rpc, &tx).await?;
    Ok(RelayOutcome::Sent(Box::new(relay)))
}
