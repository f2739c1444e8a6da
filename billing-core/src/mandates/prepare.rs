//! Fills in what a wallet leaves open, and checks what can be known before anybody signs.

use alloy::primitives::{Address, B256, U256};
use billing_bindings::{
    IPaymentGateway::Payment,
    IPlanManager::PlanTerms,
    ISubscriptionTypes::{Mandate, Order},
    PaymentGateway,
};
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{MandateError, repo};
use crate::{
    chain::{Rpc, revert},
    subscriptions::{
        Rail, SubscribeError,
        payload::{is_running, manager, open_plan, subscription},
    },
};

/// What a wallet wants to subscribe on. What is left open is filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MandateRequest {
    /// The plan.
    pub plan_hash: B256,
    /// Who signs and pays.
    pub subscriber: Address,
    /// Subscription that this one switches from.
    pub replaces: Option<B256>,
    /// The plan's token where it is left open; zero for the native coin.
    pub payment_token: Option<Address>,
    /// Approval that the charges use.
    pub rail: Rail,
    /// Highest amount of one period, smallest unit. Left open: the price, in another token a tenth above the price now.
    pub max_amount: Option<U256>,
    /// Charges after which it ends; zero for no limit.
    pub max_charges: u32,
    /// Unix second from which nothing is charged; zero for no limit.
    pub ends_at: u64,
    /// Of the message; the first free one where it is left open.
    pub nonce: Option<U256>,
    /// Last unix second at which the mandate may be used.
    pub deadline: Option<u64>,
}

impl MandateRequest {
    /// The mandate as it was signed; nothing is filled in, and whether it can be used is for the chain to say.
    ///
    /// # Errors
    /// `Unsigned` where a field is left open, `Field` for a number that the message cannot hold.
    pub fn as_signed(&self) -> Result<Mandate, MandateError> {
        let open = || MandateError::Unsigned;
        let large = |name| move || MandateError::Field(name, "is too large".to_owned());
        let max_amount = self.max_amount.ok_or_else(open)?;
        Ok(Mandate {
            planHash: self.plan_hash,
            replaces: self.replaces.unwrap_or_default(),
            subscriber: self.subscriber,
            paymentToken: self.payment_token.ok_or_else(open)?,
            rail: self.rail.number(),
            maxAmount: (max_amount.bit_len() <= 96).then(|| max_amount.to()).ok_or_else(large("mandate.max_amount"))?,
            maxCharges: self.max_charges.try_into().map_err(|_| large("mandate.max_charges")())?,
            endsAt: self.ends_at.try_into().map_err(|_| large("mandate.ends_at")())?,
            nonce: self.nonce.ok_or_else(open)?,
            deadline: U256::from(self.deadline.ok_or_else(open)?),
        })
    }
}

/// What a wallet wants done to its subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRequest {
    /// The plan.
    pub plan_hash: B256,
    /// Who signs.
    pub subscriber: Address,
    /// Of the message; the first free one where it is left open.
    pub nonce: Option<U256>,
    /// Last unix second at which the order may be used.
    pub deadline: Option<u64>,
}

/// Seconds for which a message may be used that names no deadline.
const MESSAGE_SECS: u64 = 3_600;
/// Words of 256 nonces that are looked through for a free one.
const NONCE_WORDS: u64 = 16;
/// What a bound in another token has above the price of now, in hundredths.
const ABOVE_QUOTE: u64 = 10;
/// Charges of one mandate at most, as the contract keeps them.
const MAX_CHARGES: u32 = u16::MAX as u32;

/// The mandate for a request, and the terms of its plan; `now` is the chain's clock or later.
///
/// # Errors
/// Every reason for which the contract would refuse it, as far as it can be known now; a node's, the database's.
pub async fn mandate(
    pool: &PgPool,
    rpc: &Rpc,
    request: &MandateRequest,
    now: OffsetDateTime,
) -> Result<(Mandate, PlanTerms), MandateError> {
    let field = |name, problem: &str| Err(MandateError::Field(name, problem.to_owned()));
    let seconds = now.unix_timestamp().unsigned_abs();
    let terms = open_plan(rpc, request.plan_hash).await?;
    let token = request.payment_token.unwrap_or(terms.token);
    if token.is_zero() && request.rail == Rail::Permit2 {
        return field("mandate.rail", "Permit2 moves no native coin");
    }
    if request.max_charges > MAX_CHARGES {
        return field("mandate.max_charges", "must be at most 65535");
    }
    if request.ends_at != 0 && request.ends_at <= seconds {
        return field("mandate.ends_at", "must be in the future");
    }
    if request.deadline.is_some_and(|deadline| deadline < seconds) {
        return field("mandate.deadline", "has passed");
    }
    require_room(rpc, request, seconds).await?;
    let max_amount = bound(rpc, &terms, token, request).await?;
    let whole = MandateRequest {
        payment_token: Some(token),
        max_amount: Some(max_amount),
        nonce: Some(nonce(pool, rpc, request.subscriber, request.nonce).await?),
        deadline: Some(request.deadline.unwrap_or(seconds + MESSAGE_SECS)),
        ..request.clone()
    };
    Ok((whole.as_signed()?, terms))
}

/// The order for a request; `now` is the chain's clock or later.
///
/// # Errors
/// `NoNonce`, `Field`; a node's, the database's.
pub async fn order(
    pool: &PgPool,
    rpc: &Rpc,
    request: &OrderRequest,
    now: OffsetDateTime,
) -> Result<Order, MandateError> {
    let seconds = now.unix_timestamp().unsigned_abs();
    if request.deadline.is_some_and(|deadline| deadline < seconds) {
        return Err(MandateError::Field("order.deadline", "has passed".to_owned()));
    }
    Ok(Order {
        planHash: request.plan_hash,
        subscriber: request.subscriber,
        nonce: nonce(pool, rpc, request.subscriber, request.nonce).await?,
        deadline: U256::from(request.deadline.unwrap_or(seconds + MESSAGE_SECS)),
    })
}

/// The new subscription is not there yet; the one to replace is.
async fn require_room(rpc: &Rpc, request: &MandateRequest, now: u64) -> Result<(), MandateError> {
    let subscriber = request.subscriber;
    if is_running(&subscription(rpc, request.plan_hash, subscriber).await?, now) {
        return Err(SubscribeError::AlreadySubscribed(subscriber).into());
    }
    if let Some(replaces) = request.replaces {
        let old = subscription(rpc, replaces, subscriber).await?;
        if old.status != 1 || !is_running(&old, now) {
            return Err(SubscribeError::NotActive(subscriber).into());
        }
    }
    Ok(())
}

async fn bound(rpc: &Rpc, terms: &PlanTerms, token: Address, request: &MandateRequest) -> Result<U256, MandateError> {
    let (price, default) = if token == terms.token {
        let price: U256 = terms.price.to();
        (price, price)
    } else {
        let price = quote(rpc, terms, token, request.plan_hash).await?;
        (price, price + (price * U256::from(ABOVE_QUOTE)).div_ceil(U256::from(100)))
    };
    let max_amount = request.max_amount.unwrap_or(default);
    if max_amount < price {
        return Err(MandateError::BelowPrice { max_amount, price });
    }
    Ok(max_amount)
}

/// One period's price in another token, now.
async fn quote(rpc: &Rpc, terms: &PlanTerms, token: Address, plan_hash: B256) -> Result<U256, MandateError> {
    let payment = Payment {
        token: terms.token,
        paymentToken: token,
        amount: terms.price.to(),
        discountBps: 0,
        maxFeeBps: terms.maxFeeBps,
    };
    let gateway = PaymentGateway::new(rpc.network.payment_gateway, &rpc.provider);
    match gateway.quotePayment(payment).call().await {
        Ok(quote) => Ok(quote.gross),
        Err(error) if revert::is_contracts(&error) => {
            let explained = error.as_revert_data().and_then(|data| revert::explain(&data));
            let reason = explained.unwrap_or_else(|| "the gateway does not price it".to_owned());
            Err(MandateError::NoQuote { plan_hash, token, reason })
        }
        Err(error) => Err(rpc.error(&error).into()),
    }
}

/// The lowest nonce that neither the chain nor a relay of ours knows: neighbours share a word of the contract's bitmap,
/// which makes all but the first of 256 cheap. Asked twice, the answer is the same, so that of two messages signed by
/// mistake only one can be used.
async fn nonce(pool: &PgPool, rpc: &Rpc, subscriber: Address, wanted: Option<U256>) -> Result<U256, MandateError> {
    if let Some(nonce) = wanted {
        return Ok(nonce);
    }
    let below = U256::from(NONCE_WORDS * 256);
    let sent = repo::nonces(pool, rpc.network.chain_id, subscriber, below).await?;
    for word in 0..NONCE_WORDS {
        let used = manager(rpc).nonceBitmap(subscriber, U256::from(word)).call().await.map_err(|e| rpc.error(&e))?;
        let free = first_free(used, word, &sent);
        if let Some(nonce) = free {
            return Ok(nonce);
        }
    }
    Err(MandateError::NoNonce(subscriber))
}

fn first_free(used: U256, word: u64, sent: &[U256]) -> Option<U256> {
    (0..256_usize).map(|bit| (bit, U256::from(word * 256) + U256::from(bit))).find_map(|(bit, nonce)| {
        let free = !used.bit(bit) && !sent.contains(&nonce);
        free.then_some(nonce)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_nonce_is_one_that_nobody_used_or_sent() {
        let sent = [U256::from(2), U256::from(256)];
        assert_eq!(first_free(U256::from(0b1011), 0, &[]), Some(U256::from(2)));
        assert_eq!(first_free(U256::from(0b1011), 0, &sent), Some(U256::from(4)));
        assert_eq!(first_free(U256::MAX, 0, &sent), None);
        assert_eq!(first_free(U256::ZERO, 1, &sent), Some(U256::from(257)));
    }
}
