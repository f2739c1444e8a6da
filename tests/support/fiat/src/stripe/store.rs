//! Objects by id, in lists of one kind, newest first to whoever asks.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{form::Form, refusal::Refusal};

#[derive(Debug, Default)]
pub(super) struct Store {
    objects: HashMap<String, Value>,
    /// Ids in the order of their making, which is their own order too.
    lists: HashMap<&'static str, Vec<String>>,
    /// Refunds by their charge.
    refunds: HashMap<String, Vec<String>>,
    made: u64,
}

impl Store {
    pub(super) fn new_id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}_{:012}", self.made)
    }

    pub(super) fn insert(&mut self, list: &'static str, object: Value) {
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        if let (true, Some(charge)) = (list == "refunds", object["charge"].as_str()) {
            self.refunds.entry(charge.to_owned()).or_default().push(id.clone());
        }
        self.lists.entry(list).or_default().push(id.clone());
        self.objects.insert(id, object);
    }

    /// `Null` when there is none.
    pub(super) fn get(&self, id: &str) -> &Value {
        self.objects.get(id).unwrap_or(&Value::Null)
    }

    pub(super) fn set(&mut self, id: &str, fields: Value) {
        if let (Some(object), Value::Object(fields)) = (self.objects.get_mut(id), fields) {
            object.as_object_mut().into_iter().for_each(|object| object.extend(fields.clone()));
        }
    }

    /// The id in a field of an object; empty when there is none.
    pub(super) fn link(&self, id: &str, field: &str) -> String {
        self.get(id)[field].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn amount(&self, id: &str, field: &str) -> i64 {
        self.get(id)[field].as_i64().unwrap_or_default()
    }

    pub(super) fn found(&self, id: &str, object: &str) -> Result<&Value, Refusal> {
        let found = Some(self.get(id)).filter(|found| found["object"] == object);
        found.ok_or_else(|| Refusal::missing(object, id, "id"))
    }

    pub(super) fn refunds_of(&self, charge: &str) -> Vec<Value> {
        let ids = self.refunds.get(charge).map(Vec::as_slice).unwrap_or_default();
        ids.iter().rev().map(|id| self.get(id).clone()).collect()
    }

    pub(super) fn page(&self, list: &str, url: &str, query: &Form) -> Result<Value, Refusal> {
        let limit = query.number("limit")?.unwrap_or(10);
        let limit = usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit));
        let limit = limit.ok_or_else(|| Refusal::parameter("parameter_invalid_integer", "limit", "Invalid limit"))?;
        let ids = self.lists.get(list).map(Vec::as_slice).unwrap_or_default();
        let end = match query.get("starting_after") {
            Some(after) => ids.binary_search_by(|id| id.as_str().cmp(after)).map_err(|_| {
                Refusal::parameter("resource_missing", "starting_after", &format!("No such object: '{after}'"))
            })?,
            None => ids.len(),
        };
        let created = Created::of(query)?;
        let of_intent = query.get("payment_intent");
        let mut fitting = ids[..end].iter().rev().map(|id| self.get(id)).filter(|object| {
            created.holds(object["created"].as_i64().unwrap_or_default())
                && of_intent.is_none_or(|intent| object["payment_intent"] == intent)
        });
        let data: Vec<Value> = fitting.by_ref().take(limit).cloned().collect();
        let has_more = fitting.next().is_some();
        Ok(json!({ "object": "list", "url": url, "has_more": has_more, "data": data }))
    }

    /// Puts whole objects in place of their ids: `data.payment_intent.latest_charge`.
    pub(super) fn expand(&self, value: &mut Value, path: &str) -> Result<(), Refusal> {
        if path.split('.').count() > 4 {
            return Err(not_expanded(path));
        }
        self.expand_part(value, path)
    }

    fn expand_part(&self, value: &mut Value, path: &str) -> Result<(), Refusal> {
        let (field, rest) = path.split_once('.').map_or((path, None), |(field, rest)| (field, Some(rest)));
        if value["object"] == "charge" && field == "refunds" && value[field].is_null() {
            let refunds = self.refunds_of(value["id"].as_str().unwrap_or_default());
            value[field] = json!({ "object": "list", "has_more": refunds.len() > 10, "url": "/v1/refunds",
                "data": refunds.into_iter().take(10).collect::<Vec<_>>() });
        }
        let inner = value.get_mut(field).ok_or_else(|| not_expanded(path))?;
        if let Some(id) = inner.as_str() {
            let whole = self.objects.get(id).ok_or_else(|| not_expanded(path))?;
            *inner = whole.clone();
        }
        match (rest, inner) {
            (Some(rest), Value::Array(items)) => items.iter_mut().try_for_each(|item| self.expand_part(item, rest)),
            (Some(rest), inner @ Value::Object(_)) => self.expand_part(inner, rest),
            _ => Ok(()),
        }
    }
}

fn not_expanded(path: &str) -> Refusal {
    Refusal::parameter("parameter_invalid", "expand", &format!("This property cannot be expanded ({path})."))
}

/// Bounds on `created`.
struct Created {
    from: i64,
    until: i64,
}

impl Created {
    fn of(query: &Form) -> Result<Self, Refusal> {
        let bound = |name: &str| query.number(&format!("created[{name}]"));
        let exact = query.number("created")?;
        let from = exact.or(bound("gte")?).or(bound("gt")?.map(|gt| gt.saturating_add(1)));
        let until = exact.map(|at| at.saturating_add(1)).or(bound("lt")?);
        let until = until.or(bound("lte")?.map(|lte| lte.saturating_add(1)));
        Ok(Self { from: from.unwrap_or(i64::MIN), until: until.unwrap_or(i64::MAX) })
    }

    const fn holds(&self, at: i64) -> bool {
        self.from <= at && at < self.until
    }
}
