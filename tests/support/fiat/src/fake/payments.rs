//! What becomes of payments.

use anyhow::{Context, Result, ensure};
use billing_fiat::{
    CancelReason, Canceled, Capabilities, Capture, Money, NewPayment, Outcome, Payment, Pays, ProviderError,
    ReceiptStatus, SavedMethod,
};
use time::Duration;

use super::{
    refused,
    state::{Asked, Held, State},
};

/// How long money is held.
const HELD: Duration = Duration::days(7);
/// What it keeps: three of a hundred, halves up.
const FEE_PERCENT: i64 = 3;

impl State {
    pub(super) fn create(&mut self, asked: &NewPayment, can: Capabilities) -> Result<Payment, ProviderError> {
        let key = Asked::Payment(Box::new(asked.clone()));
        if let Some(id) = self.made_before(asked.reference, &key)? {
            return self.told(&id);
        }
        let saves = !matches!(asked.pays, Pays::OnPage { save_method: false, .. });
        if (saves && !can.saved_methods)
            || (asked.capture == Capture::Later && !can.two_stage)
            || (asked.receipt.is_some() && !can.receipts)
        {
            return Err(refused("not_supported", None));
        }
        let id = self.new_id("payment");
        let outcome = match asked.pays {
            Pays::OnPage { .. } => Outcome::RequiresAction { url: format!("https://fake.invalid/pay/{id}") },
            Pays::WithSaved(_) => Outcome::Pending,
        };
        let payment = Payment {
            external_id: id.clone(),
            charge_id: None,
            reference: Some(asked.reference),
            amount: asked.amount,
            outcome,
            refunded_minor: 0,
            fee_minor: None,
            saved_method: None,
            receipt: asked.receipt.as_ref().map(|_| ReceiptStatus::Pending),
            created_at: self.now,
            test: true,
        };
        self.payments.insert(id.clone(), Held { payment, asked: asked.clone() });
        self.references.insert(asked.reference, id.clone());
        self.keep(asked.reference, key, &id);
        if let Pays::WithSaved(method) = &asked.pays {
            self.charge(&id, method);
        }
        self.told(&id)
    }

    fn charge(&mut self, id: &str, method: &str) {
        let scripted = self.next_refusals.pop_front();
        let is_known = method.starts_with("method_");
        let unknown_method = (!is_known).then_some(CancelReason::MethodInvalid);
        let of_method = self.refused_methods.get(method).copied().flatten();
        let done = match scripted.or(of_method).or(unknown_method) {
            Some(reason) => self.end(id, reason),
            None if self.slow_charges => Ok(()),
            None => self.pay(id),
        };
        debug_assert!(done.is_ok(), "a new payment is open");
    }

    pub(super) fn pay(&mut self, id: &str) -> Result<()> {
        let (charge, method, now) = (self.new_id("charge"), self.new_id("method"), self.now);
        let held = self.held_mut(id).context("no such payment")?;
        let is_open = !is_final(&held.payment.outcome) && !matches!(held.payment.outcome, Outcome::Authorized { .. });
        ensure!(is_open, "the payment is {:?}", held.payment.outcome);
        held.payment.charge_id = Some(charge.clone());
        if let Pays::OnPage { save_method: true, .. } = held.asked.pays {
            held.payment.saved_method = Some(SavedMethod { external_id: method, title: "Fake *4242".to_owned() });
        }
        let (id, later) = (held.payment.external_id.clone(), held.asked.capture == Capture::Later);
        self.charges.insert(charge, id.clone());
        if later {
            self.set_outcome(&id, Outcome::Authorized { expires_at: Some(now + HELD) }, "payment.authorized");
        } else {
            self.take(&id);
        }
        Ok(())
    }

    fn take(&mut self, id: &str) {
        if let Some(held) = self.held_mut(id) {
            held.payment.fee_minor = Some((held.payment.amount.minor() * FEE_PERCENT + 50) / 100);
            held.payment.receipt = held.payment.receipt.map(|_| ReceiptStatus::Succeeded);
        }
        self.set_outcome(id, Outcome::Succeeded, "payment.succeeded");
    }

    fn set_outcome(&mut self, id: &str, outcome: Outcome, event: &str) {
        if let Some(held) = self.held_mut(id) {
            held.payment.outcome = outcome;
        }
        self.tell(event, "payment", id);
    }

    pub(super) fn end(&mut self, id: &str, reason: CancelReason) -> Result<()> {
        let held = self.held_mut(id).context("no such payment")?;
        ensure!(!is_final(&held.payment.outcome), "the payment is {:?}", held.payment.outcome);
        let id = held.payment.external_id.clone();
        held.payment.receipt = None;
        let canceled = Canceled { reason, code: reason.as_str().to_owned() };
        self.set_outcome(&id, Outcome::Canceled(canceled), "payment.canceled");
        Ok(())
    }

    pub(super) fn capture(&mut self, id: &str, amount: Money) -> Result<Payment, ProviderError> {
        let held = self.held_mut(id).ok_or_else(|| refused("no_such_payment", Some("payment")))?;
        match held.payment.outcome {
            Outcome::Authorized { .. } => {}
            Outcome::Succeeded if held.payment.amount == amount => return Ok(held.payment.clone()),
            _ => return Err(refused("not_authorized", Some("payment"))),
        }
        if amount.currency() != held.payment.amount.currency() || amount.minor() > held.payment.amount.minor() {
            return Err(refused("amount_too_large", Some("amount")));
        }
        held.payment.amount = amount;
        self.take(id);
        self.told(id)
    }

    pub(super) fn cancel(&mut self, id: &str) -> Result<Payment, ProviderError> {
        let held = self.held(id).ok_or_else(|| refused("no_such_payment", Some("payment")))?;
        match &held.payment.outcome {
            Outcome::Succeeded | Outcome::Pending => return Err(refused("not_cancelable", Some("payment"))),
            Outcome::Canceled(_) => return Ok(held.payment.clone()),
            Outcome::Authorized { .. } | Outcome::RequiresAction { .. } => {}
        }
        self.end(id, CancelReason::ByMerchant).map_err(|_| refused("not_cancelable", Some("payment")))?;
        self.told(id)
    }
}

/// Whether nothing more comes of it.
const fn is_final(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Succeeded | Outcome::Canceled(_))
}
