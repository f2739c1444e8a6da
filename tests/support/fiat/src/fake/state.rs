//! What it has, and what may become of it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use anyhow::{Context, Result, ensure};
use billing_fiat::{
    CancelReason, Canceled, Capabilities, Capture, Dispute, DisputeStatus, Money, NewPayment, NewRefund, Outcome, Page,
    Payment, Pays, ProviderError, ReceiptStatus, Refund, RefundOutcome, SavedMethod, Window,
};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::{event::Body, is_final, loss::Losses, refused, unknown};

const KEPT: Duration = Duration::hours(24);
const HELD: Duration = Duration::days(7);
/// Items of one part of a list.
const PART: usize = 20;
/// What it keeps: three of a hundred, and what it takes for a dispute.
const FEE_PERCENT: i64 = 3;
const DISPUTE_FEE: i64 = 1_500;

#[derive(Debug)]
pub(super) struct State {
    pub(super) now: OffsetDateTime,
    pub(super) payments: BTreeMap<String, Held>,
    pub(super) refunds: BTreeMap<String, Refund>,
    pub(super) disputes: BTreeMap<String, Dispute>,
    pub(super) events: Vec<Vec<u8>>,
    pub(super) losses: Losses,
    pub(super) next_refusals: VecDeque<CancelReason>,
    pub(super) refused_methods: HashMap<String, Option<CancelReason>>,
    pub(super) slow_charges: bool,
    pub(super) slow_refunds: bool,
    charges: HashMap<String, String>,
    references: HashMap<Uuid, String>,
    keys: HashMap<Uuid, Key>,
    made: u64,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) payment: Payment,
    asked: NewPayment,
}

/// What was made under a reference.
#[derive(Debug)]
struct Key {
    asked: Asked,
    id: String,
    at: OffsetDateTime,
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Payment(Box<NewPayment>),
    Refund(Box<NewRefund>),
}

impl Default for State {
    fn default() -> Self {
        Self {
            now: datetime!(2030-01-01 00:00 UTC),
            payments: BTreeMap::new(),
            refunds: BTreeMap::new(),
            disputes: BTreeMap::new(),
            events: Vec::new(),
            losses: Losses::default(),
            next_refusals: VecDeque::new(),
            refused_methods: HashMap::new(),
            slow_charges: false,
            slow_refunds: false,
            charges: HashMap::new(),
            references: HashMap::new(),
            keys: HashMap::new(),
            made: 0,
        }
    }
}

impl State {
    fn new_id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}_{:012}", self.made)
    }

    pub(super) fn tell(&mut self, event: &str, object: &str, object_id: &str) {
        let id = self.new_id("event");
        let body = serde_json::to_vec(&Body { id: &id, event, object, object_id });
        self.events.extend(body);
    }

    /// By its id or its charge's.
    pub(super) fn held(&self, id: &str) -> Option<&Held> {
        self.payments.get(self.charges.get(id).map_or(id, String::as_str))
    }

    fn held_mut(&mut self, id: &str) -> Option<&mut Held> {
        self.payments.get_mut(self.charges.get(id).map_or(id, String::as_str))
    }

    pub(super) fn by_reference(&self, reference: Uuid) -> Option<Payment> {
        self.held(self.references.get(&reference)?).map(|held| held.payment.clone())
    }

    /// The id of what was made under this reference, as long as the key lives.
    fn made_before(&self, reference: Uuid, asked: &Asked) -> Result<Option<String>, ProviderError> {
        match self.keys.get(&reference).filter(|key| self.now - key.at < KEPT) {
            Some(key) if key.asked == *asked => Ok(Some(key.id.clone())),
            Some(_) => Err(unknown("the key was used for another request")),
            None => Ok(None),
        }
    }

    pub(super) fn create(&mut self, asked: &NewPayment, can: Capabilities) -> Result<Payment, ProviderError> {
        let key = Asked::Payment(Box::new(asked.clone()));
        if let Some(id) = self.made_before(asked.reference, &key)? {
            return self.held(&id).map(|held| held.payment.clone()).ok_or_else(|| unknown("the payment is away"));
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
        self.keys.insert(asked.reference, Key { asked: key, id: id.clone(), at: self.now });
        if let Pays::WithSaved(method) = &asked.pays {
            self.charge(&id, method);
        }
        self.held(&id).map(|held| held.payment.clone()).ok_or_else(|| unknown("the payment is away"))
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
        self.held(id).map(|held| held.payment.clone()).ok_or_else(|| unknown("the payment is away"))
    }

    pub(super) fn cancel(&mut self, id: &str) -> Result<Payment, ProviderError> {
        let held = self.held(id).ok_or_else(|| refused("no_such_payment", Some("payment")))?;
        match &held.payment.outcome {
            Outcome::Succeeded | Outcome::Pending => return Err(refused("not_cancelable", Some("payment"))),
            Outcome::Canceled(_) => return Ok(held.payment.clone()),
            Outcome::Authorized { .. } | Outcome::RequiresAction { .. } => {}
        }
        self.end(id, CancelReason::ByMerchant).map_err(|_| refused("not_cancelable", Some("payment")))?;
        self.held(id).map(|held| held.payment.clone()).ok_or_else(|| unknown("the payment is away"))
    }

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
        self.keys.insert(asked.reference, Key { asked: key, id: id.clone(), at: self.now });
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
}

/// Oldest first; the cursor is the last id of the part before.
pub(super) fn page<'a, T: Clone + 'a>(
    all: impl Iterator<Item = (&'a String, &'a T)>,
    window: Window,
    cursor: Option<&str>,
    created_at: impl Fn(&T) -> OffsetDateTime,
) -> Page<T> {
    let is_in = |item: &T| window.since <= created_at(item) && created_at(item) < window.until;
    let mut rest = all.filter(|(id, item)| cursor.is_none_or(|cursor| id.as_str() > cursor) && is_in(item));
    let part: Vec<(&String, &T)> = rest.by_ref().take(PART).collect();
    let next = part.last().filter(|_| rest.next().is_some()).map(|(id, _)| (*id).clone());
    Page { items: part.into_iter().map(|(_, item)| item.clone()).collect(), next }
}
