//! What it has, and what may become of it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Bound,
};

use billing_fiat::{CancelReason, Dispute, NewPayment, NewRefund, Page, Payment, ProviderError, Refund, Window};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::{event::Body, loss::Losses, unknown};

/// After that a key is forgotten.
const KEPT: Duration = Duration::hours(24);
/// Items of one part of a list.
const PART: usize = 20;

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
    /// Payments by the ids of their charges.
    pub(super) charges: HashMap<String, String>,
    /// The latest payment of a reference.
    pub(super) references: HashMap<Uuid, String>,
    keys: HashMap<Uuid, Key>,
    made: u64,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) payment: Payment,
    pub(super) asked: NewPayment,
}

/// What was made under a reference.
#[derive(Debug)]
struct Key {
    asked: Asked,
    id: String,
    at: OffsetDateTime,
}

/// What was asked for, whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
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
    pub(super) fn new_id(&mut self, prefix: &str) -> String {
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

    pub(super) fn held_mut(&mut self, id: &str) -> Option<&mut Held> {
        self.payments.get_mut(self.charges.get(id).map_or(id, String::as_str))
    }

    /// As it stands.
    pub(super) fn told(&self, id: &str) -> Result<Payment, ProviderError> {
        self.held(id).map(|held| held.payment.clone()).ok_or_else(|| unknown("the payment is away"))
    }

    pub(super) fn keep(&mut self, reference: Uuid, asked: Asked, id: &str) {
        self.keys.insert(reference, Key { asked, id: id.to_owned(), at: self.now });
    }

    pub(super) fn by_reference(&self, reference: Uuid) -> Option<Payment> {
        self.held(self.references.get(&reference)?).map(|held| held.payment.clone())
    }

    /// The id of what was made under this reference, as long as the key lives.
    pub(super) fn made_before(&self, reference: Uuid, asked: &Asked) -> Result<Option<String>, ProviderError> {
        match self.keys.get(&reference).filter(|key| self.now - key.at < KEPT) {
            Some(key) if key.asked == *asked => Ok(Some(key.id.clone())),
            Some(_) => Err(unknown("the key was used for another request")),
            None => Ok(None),
        }
    }
}

/// Oldest first; the cursor is the last id of the part before.
pub(super) fn page<'a, T, U: Clone + 'a>(
    all: &'a BTreeMap<String, T>,
    window: Window,
    cursor: Option<&str>,
    item: impl Fn(&'a T) -> (&'a U, OffsetDateTime),
) -> Page<U> {
    let after = cursor.map_or(Bound::Unbounded, Bound::Excluded);
    let rest = all.range::<str, _>((after, Bound::Unbounded)).map(|(id, held)| (id, item(held)));
    let mut rest = rest.filter(|(_, (_, made_at))| window.since <= *made_at && *made_at < window.until);
    let part: Vec<(&String, (&U, OffsetDateTime))> = rest.by_ref().take(PART).collect();
    let next = part.last().filter(|_| rest.next().is_some()).map(|(id, _)| (*id).clone());
    Page { items: part.into_iter().map(|(_, (item, _))| item.clone()).collect(), next }
}
