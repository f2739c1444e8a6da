//! What the server and the test both reach.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderValue};

use super::{
    fault::Faults,
    notify::Courier,
    server::Exchange,
    shop::{Event, Shop},
};
use crate::{Ask, OpenApi};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) authorization: HeaderValue,
    pub(super) document: Option<&'static OpenApi>,
    pub(super) courier: Courier,
    pub(super) shop: Mutex<Shop>,
    pub(super) faults: Mutex<Faults>,
    pub(super) exchanges: Mutex<Vec<Exchange>>,
    pub(super) violations: Mutex<Vec<String>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn shop(&self) -> MutexGuard<'_, Shop> {
        locked(&self.shop)
    }

    /// What happens to the shop, and the news of it.
    pub(super) fn with_shop<T>(&self, act: impl FnOnce(&mut Shop) -> T) -> T {
        let mut shop = self.shop();
        let done = act(&mut shop);
        let events = std::mem::take(&mut shop.events);
        for event in &events {
            self.check_event(event);
        }
        self.courier.deliver(events);
        done
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        locked(&self.faults)
    }

    pub(super) fn record(&self, exchange: Exchange) {
        locked(&self.exchanges).push(exchange);
    }

    pub(super) fn exchanges(&self) -> Vec<Exchange> {
        locked(&self.exchanges).clone()
    }

    pub(super) fn violations(&self) -> Vec<String> {
        locked(&self.violations).clone()
    }

    pub(super) fn check_request(&self, exchange: &Exchange, headers: &HeaderMap) {
        let Some(document) = self.document else { return };
        let Exchange { method, path, query, body, .. } = exchange;
        let wrong = document.request(&Ask { method, path, query, headers, body: body.as_ref() });
        locked(&self.violations).extend(wrong);
    }

    pub(super) fn check_answer(&self, exchange: &Exchange) {
        let (Some(document), Some(_)) = (self.document, exchange.operation) else { return };
        let Exchange { method, path, status, answer, .. } = exchange;
        locked(&self.violations).extend(document.answer(method, path, *status, answer));
    }

    /// A notification holds what would be answered if one asked.
    fn check_event(&self, event: &Event) {
        let (Some(document), Some(id)) = (self.document, event.object["id"].as_str()) else { return };
        let kind = if event.name.starts_with("refund.") { "refunds" } else { "payments" };
        locked(&self.violations).extend(document.answer("GET", &format!("/{kind}/{id}"), 200, &event.object));
    }
}
