//! Objects in the order in which they were made, and lists of them.

use std::collections::HashMap;

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::refusal::Refusal;

/// What has an id and a time of its making.
pub(super) trait Object {
    fn id(&self) -> &str;
    fn created_at(&self) -> OffsetDateTime;
}

#[derive(Debug)]
pub(super) struct Objects<T> {
    all: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: HashMap::new() }
    }
}

impl<T: Object> Objects<T> {
    pub(super) fn push(&mut self, object: T) {
        self.places.insert(object.id().to_owned(), self.all.len());
        self.all.push(object);
    }

    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.places.get(id).map(|place| &self.all[*place])
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.places.get(id).map(|place| &mut self.all[*place])
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.all.iter()
    }

    /// Newest first: those after the query's cursor that are in its time and that `keep` keeps.
    pub(super) fn page(
        &self,
        query: &[(String, String)],
        keep: impl Fn(&T) -> bool,
        show: impl Fn(&T) -> Value,
    ) -> Result<Value, Refusal> {
        let limit = match argument(query, "limit") {
            None => 10,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=100).contains(limit))
                .ok_or_else(|| Refusal::invalid("limit", "Must be from 1 to 100"))?,
        };
        let end = match argument(query, "cursor") {
            None => self.all.len(),
            Some(cursor) => *self.places.get(cursor).ok_or_else(|| Refusal::invalid("cursor", "No such cursor"))?,
        };
        let during = Span::of(query, "created_at")?;
        let kept = |object: &&T| during.holds(object.created_at()) && keep(object);
        let mut found = self.all[..end].iter().rev().filter(kept);
        let items: Vec<&T> = found.by_ref().take(limit).collect();
        let mut list = json!({ "type": "list", "items": items.iter().map(|object| show(object)).collect::<Vec<_>>() });
        if let (Some(last), true) = (items.last(), found.next().is_some()) {
            list["next_cursor"] = json!(last.id());
        }
        Ok(list)
    }
}

pub(super) fn argument<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Bounds of `NAME.gte`, `NAME.gt`, `NAME.lte` and `NAME.lt`.
#[derive(Default)]
pub(super) struct Span {
    bounds: Vec<(&'static str, OffsetDateTime)>,
}

impl Span {
    pub(super) fn of(query: &[(String, String)], name: &str) -> Result<Self, Refusal> {
        let mut span = Self::default();
        for bound in ["gte", "gt", "lte", "lt"] {
            let parameter = format!("{name}.{bound}");
            if let Some(text) = argument(query, &parameter) {
                let at = OffsetDateTime::parse(text, &Rfc3339);
                span.bounds.push((bound, at.map_err(|_| Refusal::invalid(parameter, "No instant of ISO 8601"))?));
            }
        }
        Ok(span)
    }

    pub(super) const fn is_open(&self) -> bool {
        self.bounds.is_empty()
    }

    pub(super) fn holds(&self, at: OffsetDateTime) -> bool {
        self.bounds.iter().all(|(bound, limit)| match *bound {
            "gte" => at >= *limit,
            "gt" => at > *limit,
            "lte" => at <= *limit,
            _ => at < *limit,
        })
    }
}

/// To the millisecond, as the vendor writes it.
pub(super) fn instant(at: OffsetDateTime) -> String {
    let text = to_milli(at).format(&Rfc3339);
    text.expect("an instant of a year with four digits")
}

pub(super) fn to_milli(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_millisecond(at.millisecond()).expect("its own millisecond")
}
