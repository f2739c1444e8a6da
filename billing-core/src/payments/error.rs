use billing_fiat::{Money, ProviderError, WebhookError};

use crate::{
    ids::{PaymentId, PaymentMethodId},
    ledger::{LedgerError, Refusal},
};

/// Why a verb of this room did nothing.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// The installation has no such provider.
    #[error("there is no provider {0:?} here")]
    NoProvider(String),
    /// The provider cannot do what is asked for.
    #[error("{provider} {cannot}")]
    Incapable {
        /// Which.
        provider: String,
        /// What it cannot do.
        cannot: &'static str,
    },
    /// No such payment.
    #[error("there is no payment {0}")]
    NoPayment(PaymentId),
    /// No such method, or it was ended.
    #[error("there is no method {0} that can be charged")]
    NoMethod(PaymentMethodId),
    /// The key was used for something else.
    #[error("this key was used to ask for something else")]
    Differs,
    /// Money that was not paid cannot be given back.
    #[error("payment {0} was not paid")]
    NotPaid(PaymentId),
    /// More than can be given back.
    #[error("of payment {payment}, {} can be given back", most.map_or("nothing".to_owned(), |most| most.to_string()))]
    NotRefundable {
        /// The payment.
        payment: PaymentId,
        /// What can.
        most: Option<Money>,
    },
    /// A notification that is not believed.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The ledger refuses what must be booked: nothing was written.
    #[error("the ledger refuses: {0}")]
    Refused(Refusal),
    /// The ledger's.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The provider's: what was asked for goes on by itself.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The database's.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}
