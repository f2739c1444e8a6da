//! Adapters that break a promise each: the suite must see it.

use std::sync::{Arc, Mutex};

use anyhow::Result;
use async_trait::async_trait;
use billing_fiat::{
    Capabilities, Currency, Dispute, FiatProvider, Money, NewPayment, NewRefund, Notification, Outcome, Page, Payment,
    ProviderError, Refund, WebhookError, WebhookRequest, Window,
};
use fiat_emulators::{
    FakeProvider,
    contract::{self, Delivery, Forgery, Lost, Stage},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::fake_stage::FakeStage;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    NewKeyEachTime,
    TellsTheFirstAnswer,
    LossIsRefusal,
    FindsAnything,
    CapturesAll,
    DeclineIsError,
    NewRefundEachTime,
    SkipsTheEndOfParts,
    BelievesAnybody,
    CanDoLess,
    ForgetsTheFee,
}

const SEEN: [(Defect, &str); 11] = [
    (Defect::NewKeyEachTime, "a payment is made once"),
    (Defect::TellsTheFirstAnswer, "told as it stands now"),
    (Defect::LossIsRefusal, "a lost answer, asked again"),
    (Defect::FindsAnything, "found by its reference and no other"),
    (Defect::CapturesAll, "captured in part"),
    (Defect::DeclineIsError, "declined is a canceled payment"),
    (Defect::NewRefundEachTime, "a refund is made once"),
    (Defect::SkipsTheEndOfParts, "everything of a window once"),
    (Defect::BelievesAnybody, "forged notifications"),
    (Defect::CanDoLess, "cannot do it refuses"),
    (Defect::ForgetsTheFee, "has succeeded, with a fee"),
];

#[derive(Clone, Debug)]
struct Broken {
    fake: FakeProvider,
    defect: Defect,
    first: Arc<Mutex<Vec<Payment>>>,
}

impl Broken {
    fn has(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    fn told<T>(&self, answer: Result<T, ProviderError>) -> Result<T, ProviderError> {
        match answer {
            Err(ProviderError::Unknown { provider, what, .. }) if self.has(Defect::LossIsRefusal) => {
                Err(ProviderError::Refused { provider, code: what, description: String::new(), parameter: None })
            }
            answer => answer,
        }
    }
}

#[async_trait]
impl FiatProvider for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn capabilities(&self) -> Capabilities {
        let can = self.fake.capabilities();
        if self.has(Defect::CanDoLess) { Capabilities { two_stage: false, ..can } } else { can }
    }

    async fn create(&self, payment: &NewPayment) -> Result<Payment, ProviderError> {
        let mut asked = payment.clone();
        if self.has(Defect::NewKeyEachTime) {
            asked.reference = Uuid::now_v7();
        }
        let made = self.told(self.fake.create(&asked).await)?;
        let made = Payment { reference: Some(payment.reference), ..made };
        if self.has(Defect::DeclineIsError) && matches!(made.outcome, Outcome::Canceled(_)) {
            let (code, description) = ("declined".to_owned(), String::new());
            return Err(ProviderError::Refused { provider: "broken", code, description, parameter: None });
        }
        let mut first = self.first.lock().expect("nobody panics");
        let before = first.iter().find(|before| before.external_id == made.external_id).cloned();
        first.push(made.clone());
        Ok(before.filter(|_| self.has(Defect::TellsTheFirstAnswer)).unwrap_or(made))
    }

    async fn capture(&self, payment: &Payment, amount: Money) -> Result<Payment, ProviderError> {
        let amount = if self.has(Defect::CapturesAll) { payment.amount } else { amount };
        self.told(self.fake.capture(payment, amount).await)
    }

    async fn cancel(&self, payment: &Payment) -> Result<Payment, ProviderError> {
        self.fake.cancel(payment).await
    }

    async fn payment(&self, id: &str) -> Result<Option<Payment>, ProviderError> {
        let mut found = self.fake.payment(id).await?;
        if self.has(Defect::ForgetsTheFee) {
            found.iter_mut().for_each(|payment| payment.fee_minor = None);
        }
        Ok(found)
    }

    async fn find(&self, reference: Uuid, sent_at: OffsetDateTime) -> Result<Option<Payment>, ProviderError> {
        let any = self.fake.all_payments().pop().filter(|_| self.has(Defect::FindsAnything));
        Ok(self.fake.find(reference, sent_at).await?.or(any))
    }

    async fn refund(&self, refund: &NewRefund) -> Result<Refund, ProviderError> {
        let mut asked = refund.clone();
        if self.has(Defect::NewRefundEachTime) {
            asked.reference = Uuid::now_v7();
        }
        let made = self.told(self.fake.refund(&asked).await)?;
        Ok(Refund { reference: Some(refund.reference), ..made })
    }

    async fn refund_by_id(&self, id: &str) -> Result<Option<Refund>, ProviderError> {
        self.fake.refund_by_id(id).await
    }

    async fn dispute(&self, id: &str) -> Result<Option<Dispute>, ProviderError> {
        self.fake.dispute(id).await
    }

    async fn payments(&self, window: Window, cursor: Option<&str>) -> Result<Page<Payment>, ProviderError> {
        let mut part = self.fake.payments(window, cursor).await?;
        if self.has(Defect::SkipsTheEndOfParts) && part.next.is_some() {
            part.items.pop();
        }
        Ok(part)
    }

    async fn refunds(&self, window: Window, cursor: Option<&str>) -> Result<Page<Refund>, ProviderError> {
        self.fake.refunds(window, cursor).await
    }

    fn notification(&self, request: &WebhookRequest<'_>) -> Result<Notification, WebhookError> {
        let told = self.fake.notification(request);
        if self.has(Defect::BelievesAnybody) && matches!(told, Err(WebhookError::Stale { .. })) {
            let (event_id, event) = ("1".to_owned(), "1".to_owned());
            return Ok(Notification { event_id, event, subject: billing_fiat::Subject::Nothing });
        }
        told
    }
}

/// The stage of the provider in memory, with a broken adapter on it.
struct BrokenStage {
    stage: FakeStage,
    broken: Broken,
}

#[async_trait]
impl Stage for BrokenStage {
    fn provider(&self) -> Arc<dyn FiatProvider> {
        Arc::new(self.broken.clone())
    }

    fn currency(&self) -> Currency {
        self.stage.currency()
    }

    fn now(&self) -> OffsetDateTime {
        self.stage.now()
    }

    async fn pay(&self, payment: &Payment) -> Result<()> {
        self.stage.pay(payment).await
    }

    async fn decline(&self, payment: &Payment) -> Result<()> {
        self.stage.decline(payment).await
    }

    async fn refuse_next_charge(&self) -> Result<()> {
        self.stage.refuse_next_charge().await
    }

    async fn lose_next_answer(&self, lost: Lost) -> Result<()> {
        self.stage.lose_next_answer(lost).await
    }

    async fn open_dispute(&self, payment: &Payment, amount: Money) -> Result<String> {
        self.stage.open_dispute(payment, amount).await
    }

    async fn notifications(&self) -> Result<Vec<Delivery>> {
        self.stage.notifications().await
    }

    fn delivered(&self, body: &[u8]) -> Delivery {
        self.stage.delivered(body)
    }

    fn forged(&self, genuine: &Delivery, forgery: Forgery) -> Option<Delivery> {
        self.stage.forged(genuine, forgery)
    }
}

#[tokio::test]
async fn the_suite_names_the_promise_that_is_broken() {
    for (defect, promise) in SEEN {
        let fake = FakeProvider::default();
        let broken = Broken { fake: fake.clone(), defect, first: Arc::default() };
        let told = contract::holds(&BrokenStage { stage: FakeStage(fake), broken }).await;
        let told = told.expect_err("a defect that nobody sees").to_string();
        assert!(told.contains(promise), "{defect:?}: {told}");
    }
}
