//! Bodies and queries: flat names that nest by brackets.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// Names as they came, in order of the name; of a name that came twice all values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Form(BTreeMap<String, Vec<String>>);

impl Form {
    pub(super) fn parse(text: &str) -> Self {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let url = reqwest::Url::parse(&format!("http://form/?{text}"));
        for (name, value) in url.iter().flat_map(reqwest::Url::query_pairs) {
            fields.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Self(fields)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|values| values.first()).map(String::as_str)
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    pub(super) fn need(&self, name: &str) -> Result<&str, Refusal> {
        let value = self.get(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| Refusal::parameter("parameter_missing", name, &format!("Missing required param: {name}.")))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let wrong = || Refusal::parameter("parameter_invalid_integer", name, &format!("Invalid integer: {text}"));
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// `expand[]` and `expand[0]` alike.
    pub(super) fn expand(&self) -> Vec<&str> {
        let named = self.0.iter().filter(|(name, _)| name.starts_with("expand["));
        named.flat_map(|(_, values)| values).map(String::as_str).collect()
    }

    /// What is below `name`: `metadata[payment_id]`.
    pub(super) fn object(&self, name: &str) -> Value {
        let below = self.0.iter().filter_map(|(field, values)| {
            let key = field.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
            Some((key.to_owned(), Value::from(values.first()?.as_str())))
        });
        Value::Object(below.collect::<Map<_, _>>())
    }

    /// Refuses names that are not in the list: `metadata[*]` stands for any key, `[]` for any index.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        for name in self.0.keys() {
            if !known.iter().any(|known| fits(name, known)) {
                let message = format!("Received unknown parameter: {name}");
                return Err(Refusal::parameter("parameter_unknown", name, &message));
            }
        }
        Ok(())
    }
}

fn fits(name: &str, known: &str) -> bool {
    let (name, known) = (name.split('['), known.split('['));
    let part = |(part, known): (&str, &str)| match known {
        "*]" => part.ends_with(']'),
        "]" => part.strip_suffix(']').is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit())),
        known => part == known,
    };
    name.clone().count() == known.clone().count() && name.zip(known).all(part)
}
