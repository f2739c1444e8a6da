//! What goes wrong, and with which request.

use std::{fmt, time::Duration};

/// What is asked of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST /payments`
    CreatePayment,
    /// `GET /payments/{payment_id}`
    GetPayment,
    /// `GET /payments`
    ListPayments,
    /// `POST /payments/{payment_id}/capture`
    CapturePayment,
    /// `POST /payments/{payment_id}/cancel`
    CancelPayment,
    /// `GET /payment_methods/{payment_method_id}`
    GetMethod,
    /// `POST /refunds`
    CreateRefund,
    /// `GET /refunds/{refund_id}`
    GetRefund,
    /// `GET /refunds`
    ListRefunds,
    /// `POST /receipts`
    CreateReceipt,
    /// `GET /receipts/{receipt_id}`
    GetReceipt,
    /// `GET /receipts`
    ListReceipts,
    /// `GET /me`
    Me,
}

impl Operation {
    /// By method and path, and the id in it.
    pub(super) fn of<'a>(method: &str, path: &[&'a str]) -> Option<(Self, &'a str)> {
        Some(match (method, path) {
            ("POST", ["payments"]) => (Self::CreatePayment, ""),
            ("GET", ["payments"]) => (Self::ListPayments, ""),
            ("GET", ["payments", id]) => (Self::GetPayment, *id),
            ("POST", ["payments", id, "capture"]) => (Self::CapturePayment, *id),
            ("POST", ["payments", id, "cancel"]) => (Self::CancelPayment, *id),
            ("GET", ["payment_methods", id]) => (Self::GetMethod, *id),
            ("POST", ["refunds"]) => (Self::CreateRefund, ""),
            ("GET", ["refunds"]) => (Self::ListRefunds, ""),
            ("GET", ["refunds", id]) => (Self::GetRefund, *id),
            ("POST", ["receipts"]) => (Self::CreateReceipt, ""),
            ("GET", ["receipts"]) => (Self::ListReceipts, ""),
            ("GET", ["receipts", id]) => (Self::GetReceipt, *id),
            ("GET", ["me"]) => (Self::Me, ""),
            _ => return None,
        })
    }

    /// Whether it changes something, and so needs a key.
    #[must_use]
    pub const fn is_write(self) -> bool {
        matches!(
            self,
            Self::CreatePayment | Self::CapturePayment | Self::CancelPayment | Self::CreateRefund | Self::CreateReceipt
        )
    }
}

/// Whether what is asked is done all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is, and only the answer is lost.
    Done,
    /// It is not.
    NotDone,
}

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next payment with a saved method is canceled for this reason of the vendor's.
    Decline(String),
    /// It takes its time before and after it is done.
    Delay {
        /// Before.
        before: Duration,
        /// After.
        after: Duration,
    },
    /// 500.
    InternalError(Effect),
    /// The connection ends in the middle of the answer.
    Cut(Effect),
    /// 429; nothing is done.
    TooManyRequests {
        /// How long to wait, if it is told.
        retry_after: Option<Duration>,
    },
    /// 202.
    Processing {
        /// Whether it is done all the same.
        effect: Effect,
        /// How long to wait.
        retry_after: Duration,
    },
    /// 200 with a page of HTML.
    Garbage(Effect),
}

impl Fault {
    pub(super) const fn effect(&self) -> Effect {
        match self {
            Self::Decline(_) | Self::Delay { .. } => Effect::Done,
            Self::InternalError(effect)
            | Self::Cut(effect)
            | Self::Garbage(effect)
            | Self::Processing { effect, .. } => *effect,
            Self::TooManyRequests { .. } => Effect::NotDone,
        }
    }
}

type Oracle = Box<dyn FnMut(Operation) -> Option<Fault> + Send>;

/// Faults that are to come.
#[derive(Default)]
pub(super) struct Faults {
    queue: Vec<(Option<Operation>, Fault)>,
    oracle: Option<Oracle>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("queue", &self.queue).finish_non_exhaustive()
    }
}

impl Faults {
    pub(super) fn push(&mut self, on: Option<Operation>, fault: Fault) {
        self.queue.push((on, fault));
    }

    pub(super) fn ask(&mut self, oracle: Option<Oracle>) {
        self.oracle = oracle;
    }

    /// The first that fits, which is then over; else what the oracle says.
    pub(super) fn next(&mut self, operation: Operation) -> Option<Fault> {
        let fits = |(on, _): &(Option<Operation>, Fault)| on.is_none_or(|on| on == operation);
        match self.queue.iter().position(fits) {
            Some(first) => Some(self.queue.remove(first).1),
            None => self.oracle.as_mut().and_then(|oracle| oracle(operation)),
        }
    }
}
