//! Parts of a request's body.

use billing_fiat::Money;
use serde_json::{Value, json};

use super::refusal::Refusal;

/// `1000.00 RUB` of `{"value": "1000.00", "currency": "RUB"}`.
pub(super) fn money(body: &Value, name: &str) -> Result<Money, Refusal> {
    let amount = &body[name];
    let text = |part: &str| {
        let invalid = || Refusal::invalid(format!("{name}.{part}"), "Missing or not a string");
        amount[part].as_str().ok_or_else(invalid)
    };
    let currency = text("currency")?
        .parse()
        .map_err(|error| Refusal::invalid(format!("{name}.currency"), format!("Currency {error}")))?;
    Money::parse(text("value")?, currency)
        .map_err(|error| Refusal::invalid(format!("{name}.value"), format!("Amount {error}")))
}

pub(super) fn money_json(money: Money) -> Value {
    minor_json(money.minor(), money)
}

/// So many of the smallest unit of `like`'s currency, which may be nothing.
pub(super) fn minor_json(minor: i64, like: Money) -> Value {
    let value = format!("{}.{:02}", minor / 100, minor % 100);
    json!({ "value": value, "currency": like.currency().code() })
}

/// `None` when it is not there; an empty text is there.
pub(super) fn text<'a>(body: &'a Value, name: &str, most: usize) -> Result<Option<&'a str>, Refusal> {
    match &body[name] {
        Value::Null => Ok(None),
        Value::String(text) if text.chars().count() <= most => Ok(Some(text)),
        Value::String(_) => Err(Refusal::invalid(name, format!("Longer than {most} characters"))),
        _ => Err(Refusal::invalid(name, "Not a string")),
    }
}

pub(super) fn flag(body: &Value, name: &str) -> Result<bool, Refusal> {
    match &body[name] {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        _ => Err(Refusal::invalid(name, "Not a boolean")),
    }
}

/// 16 pairs at most, names of 32 and values of 512 characters.
pub(super) fn metadata(body: &Value) -> Result<Value, Refusal> {
    let given = match &body["metadata"] {
        Value::Null => return Ok(json!({})),
        Value::Object(given) => given,
        _ => return Err(Refusal::invalid("metadata", "Not an object")),
    };
    let fits = |(name, value): (&String, &Value)| {
        name.chars().count() <= 32
            && (value.is_null() || value.as_str().is_some_and(|text| text.chars().count() <= 512))
    };
    if given.len() > 16 || !given.iter().all(fits) {
        return Err(Refusal::invalid("metadata", "Too many, too long, or not strings"));
    }
    Ok(given.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())).collect())
}
