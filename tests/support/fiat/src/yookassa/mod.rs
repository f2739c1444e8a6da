//! YooKassa, as its documents describe it: payments of one and two stages, saved methods, refunds, receipts, notifications.
//!
//! Invariant: a status only moves along the documented ways; each answer of the API, also one that a fault asked for, is one
//! that the vendor's own document allows; faults spoil what is sent, never what is kept.

mod document;
mod fault;
mod method;
mod notify;
mod objects;
mod options;
mod page;
mod payment;
mod read;
mod receipt;
mod refund;
mod refusal;
mod server;
mod shared;
mod shop;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use axum::{Router, http::HeaderValue, routing::get};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use fault::Faults;
use notify::Courier;
use shared::Shared;
use shop::Shop;

pub use document::document;
pub use fault::{Effect, Fault, Operation};
pub use options::{Options, OtherBody};
pub use server::Exchange;

/// A YooKassa of this machine with one shop; ends when it is dropped.
#[derive(Debug)]
pub struct YooKassaEmulator {
    shared: Arc<Shared>,
    _end: DropGuard,
}

impl YooKassaEmulator {
    /// Starts one.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(options: Options) -> Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], options.port))).await;
        let listener = listener.with_context(|| format!("port {}", options.port))?;
        let address = format!("http://{}", listener.local_addr()?);
        let end = CancellationToken::new();
        let shared = Arc::new(Shared {
            authorization: basic(&options)?,
            document: options.validate.then(document),
            courier: Courier::new(options.webhook.clone(), options.retries.clone(), end.clone()),
            shop: Mutex::new(Shop::new(options, address)),
            faults: Mutex::default(),
            exchanges: Mutex::default(),
            violations: Mutex::default(),
        });
        let router = Router::new()
            .route("/pay/{payment_id}", get(page::show).post(page::pay))
            .fallback(server::api)
            .with_state(Arc::clone(&shared));
        let stopped = end.clone().cancelled_owned();
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        Ok(Self { shared, _end: end.drop_guard() })
    }

    /// Of the API, its version included.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/v3", self.shared.shop().address)
    }

    /// The shop's number.
    #[must_use]
    pub fn shop_id(&self) -> String {
        self.shared.shop().options.shop_id.clone()
    }

    /// The shop's key.
    #[must_use]
    pub fn secret_key(&self) -> String {
        self.shared.shop().options.secret_key.clone()
    }

    /// The payer pays on the page.
    ///
    /// # Errors
    /// There is no such payment, or it is decided.
    pub fn pay(&self, payment: &str) -> Result<()> {
        ensure!(self.shared.with_shop(|shop| shop.pay(payment)), "payment {payment} does not wait for its payer");
        Ok(())
    }

    /// The payer's card is declined, for a reason of the vendor's.
    ///
    /// # Errors
    /// There is no such payment, or it is decided.
    pub fn decline(&self, payment: &str, reason: &str) -> Result<()> {
        let declined = self.shared.with_shop(|shop| shop.decline(payment, reason));
        ensure!(declined, "payment {payment} does not wait for its payer");
        Ok(())
    }

    /// Nobody pays, or nobody captures, in time.
    ///
    /// # Errors
    /// There is no such payment, or it waits for nobody.
    pub fn expire(&self, payment: &str) -> Result<()> {
        ensure!(self.shared.with_shop(|shop| shop.expire(payment)), "payment {payment} waits for nobody");
        Ok(())
    }

    /// The payer takes back the permission to charge a saved method.
    ///
    /// # Errors
    /// There is none.
    pub fn revoke_method(&self, method: &str) -> Result<()> {
        let mut shop = self.shared.shop();
        shop.methods.get_mut(method).with_context(|| format!("no saved method {method}"))?.revoked = true;
        Ok(())
    }

    /// What comes of the next charges of a saved method: `None` for a good one, or a reason of the vendor's.
    ///
    /// # Errors
    /// There is none.
    pub fn script_method(&self, method: &str, charges: impl IntoIterator<Item = Option<String>>) -> Result<()> {
        let mut shop = self.shared.shop();
        let found = shop.methods.get_mut(method).with_context(|| format!("no saved method {method}"))?;
        found.script.extend(charges);
        Ok(())
    }

    /// Whether refunds stay open until [`Self::decide_refund`].
    pub fn hold_refunds(&self, hold: bool) {
        self.shared.shop().refunds_wait = hold;
    }

    /// An open refund succeeds, or is canceled for a reason of the vendor's.
    ///
    /// # Errors
    /// There is none, or it is decided.
    pub fn decide_refund(&self, refund: &str, canceled: Option<&str>) -> Result<()> {
        let decided = self.shared.with_shop(|shop| shop.decide_refund(refund, canceled));
        ensure!(decided, "refund {refund} is not open");
        Ok(())
    }

    /// The till refuses a receipt.
    ///
    /// # Errors
    /// There is none.
    pub fn fail_receipt(&self, receipt: &str) -> Result<()> {
        let mut shop = self.shared.shop();
        shop.receipts.get_mut(receipt).with_context(|| format!("no receipt {receipt}"))?.failed = true;
        Ok(())
    }

    /// Goes wrong with the next request to the API.
    pub fn fault(&self, fault: Fault) {
        match fault {
            Fault::Decline(reason) => self.shared.shop().declines.push_back(reason),
            fault => self.shared.faults().push(None, fault),
        }
    }

    /// Goes wrong with the next request of that kind.
    pub fn fault_on(&self, operation: Operation, fault: Fault) {
        self.shared.faults().push(Some(operation), fault);
    }

    /// Asked for each request that no other fault is meant for; takes the place of the one before.
    pub fn faults_by(&self, oracle: impl FnMut(Operation) -> Option<Fault> + Send + 'static) {
        self.shared.faults().ask(Some(Box::new(oracle)));
    }

    /// No more faults.
    pub fn heal(&self) {
        *self.shared.faults() = Faults::default();
        self.shared.shop().declines.clear();
    }

    /// As the API gives it.
    #[must_use]
    pub fn payment(&self, id: &str) -> Option<Value> {
        self.shared.with_shop(|shop| shop.payment(id))
    }

    /// All, oldest first.
    #[must_use]
    pub fn payments(&self) -> Vec<Value> {
        self.shared.with_shop(|shop| shop.all_payments())
    }

    /// All, oldest first.
    #[must_use]
    pub fn refunds(&self) -> Vec<Value> {
        self.shared.shop().all_refunds()
    }

    /// All, oldest first.
    #[must_use]
    pub fn receipts(&self) -> Vec<Value> {
        self.shared.shop().all_receipts()
    }

    /// What was asked and answered, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Exchange> {
        self.shared.exchanges()
    }

    /// What of all that was asked, answered and told is not as the vendor's document says.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.violations()
    }

    /// Where later notifications go.
    pub fn set_webhook(&self, webhook: Option<String>) {
        self.shared.courier.set_webhook(webhook);
    }

    /// How often each later notification is delivered.
    pub fn repeat_notifications(&self, copies: u32) {
        self.shared.courier.set_copies(copies);
    }

    /// Whether later notifications wait for [`Self::take_notifications`]; those that waited are lost.
    pub fn hold_notifications(&self, hold: bool) {
        self.shared.courier.hold(hold);
    }

    /// Bodies of those that wait, oldest first.
    #[must_use]
    pub fn take_notifications(&self) -> Vec<Value> {
        self.shared.courier.take()
    }

    /// By the emulator's clock.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.shared.shop().now()
    }

    /// Moves the clock; what is over by then ends.
    pub fn advance(&self, by: Duration) {
        self.shared.with_shop(|shop| {
            shop.offset += by;
            shop.expire_all();
        });
    }
}

/// The one value of the header that is let in.
fn basic(options: &Options) -> Result<HeaderValue> {
    let request = reqwest::Client::builder().tls_certs_only([]).build()?.get("http://127.0.0.1/");
    let mut request = request.basic_auth(&options.shop_id, Some(&options.secret_key)).build()?;
    request.headers_mut().remove("authorization").context("no credentials")
}
