//! What a purchase comes to.

use alloy::primitives::{Address, U256};
use billing_bindings::{IPaymentGateway::Payment, PaymentGateway};

use super::{BuyError, ListingTerms};
use crate::{
    chain::{Rpc, revert},
    money::{MAX_BPS, TokenAmount},
};

/// The price of a purchase, smallest unit of the payment token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// What the buyer pays.
    pub gross: U256,
    /// What was taken off before.
    pub discount: U256,
    /// Most that the purchase may take, so that a price that moves until it is mined does not stop it.
    pub max_amount: U256,
}

/// Prices `quantity` units at unix second `now`. In the listing's own token the price stands in the listing; in another
/// one the gateway says it, and `slippage_bps` is what it may rise by until the purchase is mined.
///
/// # Errors
/// `NoQuote`, `TooMuch`, `Slippage`; a node's.
pub async fn price(
    rpc: &Rpc,
    terms: &ListingTerms,
    quantity: u32,
    payment_token: Address,
    slippage_bps: u16,
    now: u64,
) -> Result<Price, BuyError> {
    if slippage_bps > MAX_BPS {
        return Err(BuyError::Slippage);
    }
    let amount = terms.price.0.saturating_mul(U256::from(quantity));
    let discount_bps = terms.discount_at(quantity, now);
    let price = if payment_token == terms.token {
        own_token(amount, discount_bps)?
    } else {
        let payment = Payment {
            token: terms.token,
            paymentToken: payment_token,
            amount,
            discountBps: discount_bps,
            maxFeeBps: terms.max_fee_bps,
        };
        let quote = ask(rpc, payment).await?;
        Price { gross: quote.0, discount: quote.1, max_amount: risen_up(quote.0, slippage_bps) }
    };
    if price.gross.saturating_add(price.discount).bit_len() > 96 {
        return Err(BuyError::TooMuch);
    }
    Ok(price)
}

fn own_token(amount: U256, discount_bps: u16) -> Result<Price, BuyError> {
    let discount = TokenAmount(amount).mul_bps_down(discount_bps).ok_or(BuyError::TooMuch)?.0;
    let gross = amount - discount;
    Ok(Price { gross, discount, max_amount: gross })
}

async fn ask(rpc: &Rpc, payment: Payment) -> Result<(U256, U256), BuyError> {
    let gateway = PaymentGateway::new(rpc.network.payment_gateway, &rpc.provider);
    match gateway.quotePayment(payment).call().await {
        Ok(quote) => Ok((quote.gross, quote.discount)),
        Err(error) if revert::is_contracts(&error) => {
            let reason = error.as_revert_data().and_then(|data| revert::explain(&data));
            Err(BuyError::NoQuote(reason.unwrap_or_else(|| rpc.error(&error).to_string())))
        }
        Err(error) => Err(rpc.error(&error).into()),
    }
}

/// `amount` and so many 1/10,000 of it, rounded up.
fn risen_up(amount: U256, bps: u16) -> U256 {
    let by = U256::from(MAX_BPS) + U256::from(bps);
    amount.saturating_mul(by).saturating_add(U256::from(MAX_BPS - 1)) / U256::from(MAX_BPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discount_is_rounded_down_and_slippage_up() {
        let price = own_token(U256::from(199), 250).expect("small");
        assert_eq!((price.gross, price.discount), (U256::from(195), U256::from(4)));
        assert_eq!(price.max_amount, price.gross);
        assert_eq!(own_token(U256::from(5), 10_000).expect("small").gross, U256::ZERO);
        assert_eq!(risen_up(U256::from(101), 100), U256::from(103));
        assert_eq!(risen_up(U256::from(100), 0), U256::from(100));
    }
}
