//! Money that goes back: refunds and disputes.

use anyhow::{Context, Result, ensure};
use billing_fiat::{
    Capabilities, Dispute, DisputeStatus, Money, NewRefund, Outcome, ProviderError, Refund, RefundOutcome,
};

use super::{
    refused,
    state::{Asked, State},
    unknown,
};

/// What it takes for a dispute, in the smallest unit.
const DISPUTE_FEE: i64 = 1_500;

impl State {
    pub(super) fn refund(&mut self, asked: &NewRefund, can: Capabilities) -> Result<Refund, ProviderError> {
        let key = Asked::Refund(Box::new(asked.clone()));
        if let Some(id) = self.made_before(asked.reference, &key)? {
            return self.refunds.get(&id).cloned().ok_or_else(|| unknown("the refund is away"));
        }
        if asked.receipt.is_some() && !can.receipts {
            return Err(refused("not_supported", Some("receipt")));
        }
        let held = self.held_mut(&asked.payment).ok_or_else(|| refused("no_such_payment", Some("payment")))?;
        let left = held.payment.amount.minor() - held.payment.refunded_minor;
        if held.payment.outcome != Outcome::Succeeded {
            return Err(refused("not_paid", Some("payment")));
        }
        if asked.amount.currency() != held.payment.amount.currency() || asked.amount.minor() > left {
            return Err(refused("amount_too_large", Some("amount")));
        }
        held.payment.refunded_minor += asked.amount.minor();
        let payment = held.payment.external_id.clone();
        let id = self.new_id("refund");
        let refund = Refund {
            external_id: id.clone(),
            payment,
            reference: Some(asked.reference),
            amount: asked.amount,
            outcome: if self.slow_refunds { RefundOutcome::Pending } else { RefundOutcome::Succeeded },
            created_at: self.now,
        };
        self.refunds.insert(id.clone(), refund.clone());
        self.keep(asked.reference, key, &id);
        self.tell("refund.created", "refund", &id);
        Ok(refund)
    }

    pub(super) fn end_refund(&mut self, id: &str, outcome: RefundOutcome) -> Result<()> {
        let refund = self.refunds.get_mut(id).context("no such refund")?;
        ensure!(refund.outcome == RefundOutcome::Pending, "the refund is {:?}", refund.outcome);
        refund.outcome = outcome;
        let (payment, amount) = (refund.payment.clone(), refund.amount.minor());
        let came_back = matches!(refund.outcome, RefundOutcome::Canceled { .. });
        if let Some(held) = self.held_mut(&payment).filter(|_| came_back) {
            held.payment.refunded_minor -= amount;
        }
        self.tell("refund.updated", "refund", id);
        Ok(())
    }

    pub(super) fn open_dispute(&mut self, payment: &str, amount: Money) -> Result<String> {
        let charge = self.held(payment).and_then(|held| held.payment.charge_id.clone()).context("nothing was paid")?;
        let id = self.new_id("dispute");
        let dispute = Dispute {
            external_id: id.clone(),
            payment: charge,
            amount,
            status: DisputeStatus::Open,
            fee_minor: DISPUTE_FEE,
            reason: "fraudulent".to_owned(),
        };
        self.disputes.insert(id.clone(), dispute);
        self.tell("dispute.opened", "dispute", &id);
        Ok(id)
    }

    pub(super) fn close_dispute(&mut self, id: &str, is_won: bool) -> Result<()> {
        let dispute = self.disputes.get_mut(id).context("no such dispute")?;
        ensure!(dispute.status == DisputeStatus::Open, "the dispute is {:?}", dispute.status);
        dispute.status = if is_won { DisputeStatus::Won } else { DisputeStatus::Lost };
        self.tell("dispute.closed", "dispute", id);
        Ok(())
    }
}
