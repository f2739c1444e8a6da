//! What a wallet signs and sends to buy.

use alloy::{
    primitives::{Address, Bytes, U256},
    providers::Provider,
    sol_types::{SolCall, SolValue},
};
use billing_bindings::{
    IMarketplace::Purchase,
    Marketplace::{buyCall, buyWithPermitCall},
};
use time::OffsetDateTime;

use super::{BuyError, SignedListing, price::Price, price::price, state::ListingState, state::state_on_chain};
use crate::chain::{
    CallRequest, PermitSignature, Rpc, TxnPayload,
    permit::{self, Permit, PermitToken},
};

/// How a wallet lets the price through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pays {
    /// By an `approve` transaction, where the allowance is not there yet.
    Approval,
    /// By native coin sent along.
    Native,
    /// By an EIP-2612 permit; `None` asks for what to sign.
    Permit(Option<PermitSignature>),
}

/// Who wants to buy how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuyRequest {
    /// The wallet that pays and sends.
    pub buyer: Address,
    /// Units.
    pub quantity: u32,
    /// What to pay in; zero for the native coin.
    pub payment_token: Address,
    /// How it pays.
    pub pays: Pays,
    /// Whom the goods are for; `None` for the buyer.
    pub recipient: Option<Address>,
    /// What the price in another token than the listing's may rise by until the purchase is mined, in 1/10,000.
    pub slippage_bps: u16,
}

/// What comes next for the wallet.
#[derive(Clone, Debug, PartialEq)]
pub enum BuySteps {
    /// Sign this (`eth_signTypedData_v4`) and ask again with the signature.
    SignPermit {
        /// EIP-2612 permit.
        typed_data: serde_json::Value,
    },
    /// Send these, in this order.
    Send {
        /// Approval of the token, where it is short.
        approval: Option<Box<TxnPayload>>,
        /// The purchase.
        buy: Box<TxnPayload>,
    },
}

/// Seconds for which a permit may be used.
const PERMIT_SECS: u64 = 3_600;
/// Bound for a purchase whose approval is not mined, so that it cannot be estimated: several times what it takes.
const GAS_BEFORE_APPROVAL: u64 = 600_000;

/// A purchase with all that is known of it.
struct Order<'a> {
    rpc: &'a Rpc,
    marketplace: Address,
    listing: &'a SignedListing,
    request: &'a BuyRequest,
    now: u64,
}

/// Prepares a purchase of a listing on the network of `rpc`.
///
/// # Errors
/// Every reason for which the transaction would fail, as far as it can be known now.
pub async fn buy(
    rpc: &Rpc,
    listing: &SignedListing,
    request: &BuyRequest,
    now: OffsetDateTime,
) -> Result<(Price, BuySteps), BuyError> {
    let chain_id = rpc.network.chain_id;
    let listed = listing.terms.chain_ids.contains(&chain_id);
    let marketplace = rpc.network.marketplace().filter(|_| listed).ok_or(BuyError::NotOnChain(chain_id))?;
    let order = Order { rpc, marketplace, listing, request, now: now.unix_timestamp().unsigned_abs() };
    order.require_open().await?;
    let (terms, token) = (&listing.terms, request.payment_token);
    let price = price(rpc, terms, request.quantity, token, request.slippage_bps, order.now).await?;
    order.require_balance(&price).await?;
    let steps = match (&request.pays, token.is_zero()) {
        (Pays::Native, true) => order.native(&price).await,
        (_, true) => Err(BuyError::WrongAuthorization("the native coin is sent along: use native")),
        (Pays::Native, false) => Err(BuyError::WrongAuthorization("a token is paid by approval or permit")),
        (Pays::Approval, false) => order.approval(&price).await,
        (Pays::Permit(None), false) => order.permit_to_sign(&price).await,
        (Pays::Permit(Some(signed)), false) => order.with_permit(&price, signed).await,
    }?;
    Ok((price, steps))
}

impl Order<'_> {
    async fn require_open(&self) -> Result<(), BuyError> {
        let (terms, request) = (&self.listing.terms, self.request);
        if request.quantity == 0 {
            return Err(BuyError::Quantity);
        }
        if terms.expired_at(self.now) {
            return Err(BuyError::Expired);
        }
        if let Some(buyer) = terms.buyer.filter(|buyer| *buyer != request.buyer) {
            return Err(BuyError::NotForBuyer(buyer));
        }
        match state_on_chain(self.rpc, self.marketplace, terms).await? {
            ListingState::Revoked => Err(BuyError::Revoked),
            ListingState::Open { sold } => {
                let left = terms.quantity.saturating_sub(sold);
                if request.quantity > left { Err(BuyError::SoldOut { left }) } else { Ok(()) }
            }
        }
    }

    async fn require_balance(&self, price: &Price) -> Result<(), BuyError> {
        let (rpc, buyer) = (self.rpc, self.request.buyer);
        let available = if self.request.payment_token.is_zero() {
            rpc.provider.get_balance(buyer).await.map_err(|e| rpc.error(&e))?
        } else {
            self.token().balanceOf(buyer).call().await.map_err(|e| rpc.error(&e))?
        };
        if available < price.gross {
            return Err(BuyError::InsufficientBalance { required: price.gross, available });
        }
        Ok(())
    }

    async fn native(&self, price: &Price) -> Result<BuySteps, BuyError> {
        let call = self.call(self.buy(price.max_amount), price.max_amount);
        self.send(call).await
    }

    async fn approval(&self, price: &Price) -> Result<BuySteps, BuyError> {
        let allowance = self.token().allowance(self.request.buyer, self.marketplace).call().await;
        let buy = self.call(self.buy(price.max_amount), U256::ZERO);
        if allowance.map_err(|e| self.rpc.error(&e))? >= price.max_amount {
            return self.send(buy).await;
        }
        let approve = PermitToken::approveCall { spender: self.marketplace, amount: price.max_amount };
        let approve = CallRequest {
            to: self.request.payment_token,
            data: approve.abi_encode().into(),
            value: U256::ZERO,
            purpose: "approve".to_owned(),
        };
        let approval = TxnPayload::estimated(self.rpc, self.request.buyer, approve, self.now).await?;
        let buy = TxnPayload::with_gas(self.rpc, buy, GAS_BEFORE_APPROVAL, self.now);
        Ok(BuySteps::Send { approval: Some(Box::new(approval)), buy: Box::new(buy) })
    }

    async fn permit_to_sign(&self, price: &Price) -> Result<BuySteps, BuyError> {
        let domain = permit::domain(self.rpc, self.request.payment_token).await?;
        let permit = self.permit(price.max_amount, self.now + PERMIT_SECS).await?;
        Ok(BuySteps::SignPermit { typed_data: permit::typed_data(&domain, &permit) })
    }

    async fn with_permit(&self, price: &Price, signed: &PermitSignature) -> Result<BuySteps, BuyError> {
        if signed.deadline <= self.now {
            return Err(BuyError::PermitExpired);
        }
        if signed.value < price.gross {
            return Err(BuyError::PermitValue(price.gross));
        }
        let domain = permit::domain(self.rpc, self.request.payment_token).await?;
        let permit = self.permit(signed.value, signed.deadline).await?;
        let (v, r, s) = permit::parts(&domain, &permit, &signed.signature)?;
        let data = buyWithPermitCall {
            listing: self.listing.terms.to_contract(),
            signature: self.listing.signature.clone(),
            purchase: self.purchase(price.max_amount.min(signed.value)),
            permit: (permit.value, permit.deadline, U256::from(v), r, s).abi_encode_params().into(),
        };
        let call = self.call(data.abi_encode().into(), U256::ZERO);
        let mut buy = TxnPayload::estimated(self.rpc, self.request.buyer, call, self.now).await?;
        buy.deadline = buy.deadline.min(signed.deadline);
        Ok(BuySteps::Send { approval: None, buy: Box::new(buy) })
    }

    async fn permit(&self, value: U256, deadline: u64) -> Result<Permit, BuyError> {
        Ok(Permit {
            owner: self.request.buyer,
            spender: self.marketplace,
            value,
            nonce: permit::nonce(self.rpc, self.request.payment_token, self.request.buyer).await?,
            deadline: U256::from(deadline),
        })
    }

    fn token(&self) -> PermitToken::PermitTokenInstance<&alloy::providers::DynProvider> {
        PermitToken::new(self.request.payment_token, &self.rpc.provider)
    }

    fn purchase(&self, max_amount: U256) -> Purchase {
        Purchase {
            quantity: self.request.quantity,
            paymentToken: self.request.payment_token,
            maxAmount: max_amount,
            recipient: self.request.recipient.unwrap_or_default(),
        }
    }

    fn buy(&self, max_amount: U256) -> Bytes {
        let (listing, signature) = (self.listing.terms.to_contract(), self.listing.signature.clone());
        buyCall { listing, signature, purchase: self.purchase(max_amount) }.abi_encode().into()
    }

    fn call(&self, data: Bytes, value: U256) -> CallRequest {
        CallRequest { to: self.marketplace, data, value, purpose: format!("buy:{}", self.listing.listing_hash) }
    }

    async fn send(&self, call: CallRequest) -> Result<BuySteps, BuyError> {
        let buy = TxnPayload::estimated(self.rpc, self.request.buyer, call, self.now).await?;
        Ok(BuySteps::Send { approval: None, buy: Box::new(buy) })
    }
}
