//! A provider in memory: no HTTP, its own clock, and nothing by chance but what a seed decides.
//!
//! Its state is shared by all clones, so it outlives whatever of ours is ended in the middle of something. As with real
//! providers a key is forgotten after a day of its clock: whoever sends the same payment again then makes a second one.

mod event;
mod loss;
mod payments;
mod refunds;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use async_trait::async_trait;
use billing_fiat::{
    CancelReason, Capabilities, Dispute, FiatProvider, Money, NewPayment, NewRefund, Notification, Page, Payment,
    ProviderError, Refund, RefundOutcome, WebhookError, WebhookRequest, Window,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub use event::FakeEvent;

use crate::contract::Lost;
use state::{State, page};

/// Its name, and the reference of its errors.
const NAME: &str = "fake";

/// Takes money that there is none of.
#[derive(Clone, Debug)]
pub struct FakeProvider {
    capabilities: Capabilities,
    state: Arc<Mutex<State>>,
}

impl Default for FakeProvider {
    fn default() -> Self {
        Self::new(Capabilities { saved_methods: true, two_stage: true, receipts: true, disputes: true })
    }
}

impl FakeProvider {
    /// It refuses what it is not capable of.
    pub fn new(capabilities: Capabilities) -> Self {
        Self { capabilities, state: Arc::default() }
    }

    /// By its clock, which stands still.
    pub fn now(&self) -> OffsetDateTime {
        self.state().now
    }

    /// Sets its clock.
    pub fn set_now(&self, now: OffsetDateTime) {
        self.state().now = now;
    }

    /// Its clock jumps ahead.
    pub fn advance(&self, by: Duration) {
        self.state().now += by;
    }

    /// The payer pays.
    pub fn pay(&self, id: &str) -> Result<()> {
        self.state().pay(id)
    }

    /// The payer's bank says no, for good.
    pub fn decline(&self, id: &str, reason: CancelReason) -> Result<()> {
        self.state().end(id, reason)
    }

    /// Nobody paid, or nobody captured, in time.
    pub fn expire(&self, id: &str) -> Result<()> {
        self.state().end(id, CancelReason::Expired)
    }

    /// The next charge of a saved method is declined.
    pub fn refuse_next_charge(&self, reason: CancelReason) {
        self.state().next_refusals.push_back(reason);
    }

    /// All charges of a saved method are declined from now on; `None` ends that.
    pub fn refuse_method(&self, method: &str, reason: Option<CancelReason>) {
        self.state().refused_methods.insert(method.to_owned(), reason);
    }

    /// Charges of saved methods are pending until they are paid or declined.
    pub fn set_slow_charges(&self, slow: bool) {
        self.state().slow_charges = slow;
    }

    /// Refunds are pending until they are settled or canceled.
    pub fn set_slow_refunds(&self, slow: bool) {
        self.state().slow_refunds = slow;
    }

    /// A pending refund arrives.
    pub fn settle_refund(&self, id: &str) -> Result<()> {
        self.state().end_refund(id, RefundOutcome::Succeeded)
    }

    /// A pending refund will never arrive.
    pub fn cancel_refund(&self, id: &str, code: &str) -> Result<()> {
        self.state().end_refund(id, RefundOutcome::Canceled { code: code.to_owned() })
    }

    /// A bank asks this much of a payment back.
    pub fn open_dispute(&self, payment: &str, amount: Money) -> Result<String> {
        self.state().open_dispute(payment, amount)
    }

    /// The bank has decided.
    pub fn close_dispute(&self, id: &str, is_won: bool) -> Result<()> {
        self.state().close_dispute(id, is_won)
    }

    /// The next answer to something that is to be done is lost.
    pub fn lose_next_answer(&self, lost: Lost) {
        self.state().losses.next.push_back(lost);
    }

    /// So many of a thousand answers are lost, of questions too; half of them after the effect. Zero ends that.
    pub fn lose_answers(&self, per_mille: u64, seed: u64) {
        self.state().losses.at_random(per_mille, seed);
    }

    /// What happened since the last time, oldest first, signed now. Whoever drops some, keeps some back or hands some out twice
    /// does what real networks do.
    pub fn take_notifications(&self) -> Vec<FakeEvent> {
        let mut state = self.state();
        let now = state.now;
        std::mem::take(&mut state.events).into_iter().map(|body| FakeEvent::signed(body, now)).collect()
    }

    /// All payments, as they stand, oldest first: what is really true, with no answer lost.
    pub fn all_payments(&self) -> Vec<Payment> {
        self.state().payments.values().map(|held| held.payment.clone()).collect()
    }

    /// The same of refunds.
    pub fn all_refunds(&self) -> Vec<Refund> {
        self.state().refunds.values().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done<T>(&self, act: impl FnOnce(&mut State) -> Result<T, ProviderError>) -> Result<T, ProviderError> {
        let mut state = self.state();
        match state.losses.of_deed() {
            Some(Lost::BeforeEffect) => Err(unknown("no answer")),
            Some(Lost::AfterEffect) => {
                // A refusal is lost like any other answer.
                drop(act(&mut state));
                Err(unknown("no answer"))
            }
            None => act(&mut state),
        }
    }

    fn asked<T>(&self, ask: impl FnOnce(&State) -> T) -> Result<T, ProviderError> {
        let mut state = self.state();
        if state.losses.of_question() { Err(unknown("no answer")) } else { Ok(ask(&state)) }
    }
}

#[async_trait]
impl FiatProvider for FakeProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn create(&self, payment: &NewPayment) -> Result<Payment, ProviderError> {
        let capabilities = self.capabilities;
        self.done(|state| state.create(payment, capabilities))
    }

    async fn capture(&self, payment: &Payment, amount: Money) -> Result<Payment, ProviderError> {
        self.done(|state| state.capture(&payment.external_id, amount))
    }

    async fn cancel(&self, payment: &Payment) -> Result<Payment, ProviderError> {
        self.done(|state| state.cancel(&payment.external_id))
    }

    async fn payment(&self, id: &str) -> Result<Option<Payment>, ProviderError> {
        self.asked(|state| state.held(id).map(|held| held.payment.clone()))
    }

    async fn find(&self, reference: Uuid, _: OffsetDateTime) -> Result<Option<Payment>, ProviderError> {
        self.asked(|state| state.by_reference(reference))
    }

    async fn refund(&self, refund: &NewRefund) -> Result<Refund, ProviderError> {
        let capabilities = self.capabilities;
        self.done(|state| state.refund(refund, capabilities))
    }

    async fn refund_by_id(&self, id: &str) -> Result<Option<Refund>, ProviderError> {
        self.asked(|state| state.refunds.get(id).cloned())
    }

    async fn dispute(&self, id: &str) -> Result<Option<Dispute>, ProviderError> {
        self.asked(|state| state.disputes.get(id).cloned())
    }

    async fn payments(&self, window: Window, cursor: Option<&str>) -> Result<Page<Payment>, ProviderError> {
        self.asked(|state| page(&state.payments, window, cursor, |held| (&held.payment, held.payment.created_at)))
    }

    async fn refunds(&self, window: Window, cursor: Option<&str>) -> Result<Page<Refund>, ProviderError> {
        self.asked(|state| page(&state.refunds, window, cursor, |refund| (refund, refund.created_at)))
    }

    fn notification(&self, request: &WebhookRequest<'_>) -> Result<Notification, WebhookError> {
        event::read(request)
    }
}

fn unknown(what: &str) -> ProviderError {
    ProviderError::Unknown { provider: NAME, what: what.to_owned(), retry_after: None }
}

fn refused(code: &str, parameter: Option<&str>) -> ProviderError {
    let parameter = parameter.map(str::to_owned);
    ProviderError::Refused { provider: NAME, code: code.to_owned(), description: code.replace('_', " "), parameter }
}
