//! Whether an exchange over HTTP is what an OpenAPI 3.0 document says.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use axum::http::HeaderMap;
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// What only explains; a discriminator becomes part of the alternatives.
const NOT_CHECKED: [&str; 6] = ["default", "description", "discriminator", "example", "nullable", "title"];

/// A request, as it is held against the document.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Below the server's address.
    pub path: &'a str,
    /// Decoded.
    pub query: &'a [(String, String)],
    /// All of them.
    pub headers: &'a HeaderMap,
    /// `None` without one.
    pub body: Option<&'a Value>,
}

/// An OpenAPI 3.0 document.
///
/// It is taken at its word and beyond: what an object of it does not name must not be there, unless it says that others may.
#[derive(Debug)]
pub struct OpenApi {
    document: Value,
    schemas: Map<String, Value>,
    /// Property and word by which an alternative is known.
    words: HashMap<String, (String, String)>,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

impl OpenApi {
    /// # Errors
    /// It has no schemas.
    pub fn new(document: Value) -> Result<Self> {
        let words = words(&document);
        let described = document["components"]["schemas"].as_object().context("no components.schemas")?;
        let schemas = described.iter().map(|(name, schema)| (name.clone(), converted(schema, &words, false))).collect();
        Ok(Self { document, schemas, words, compiled: Mutex::default() })
    }

    /// What of a request is not as the document says.
    #[must_use]
    pub fn request(&self, ask: &Ask<'_>) -> Vec<String> {
        let Some((template, operation)) = self.operation(ask.method, ask.path) else {
            return vec![format!("{} {}: no such operation", ask.method, ask.path)];
        };
        let name = format!("{} {template}", ask.method);
        let mut wrong = self.parameters(&name, template, operation, ask);
        match (ask.body, &operation["requestBody"]) {
            (Some(_), Value::Null) => wrong.push("takes no body".to_owned()),
            (None, body) if body["required"] == true => wrong.push("needs a body".to_owned()),
            (Some(body), described) => {
                let media = ask.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
                if !media.starts_with("application/json") {
                    wrong.push(format!("its content type is {media:?}"));
                }
                let schema = &described["content"]["application/json"]["schema"];
                wrong.extend(self.broken_rules(&format!("{name} asks"), schema, body));
            }
            (None, _) => {}
        }
        wrong.into_iter().map(|what| format!("{name}: {what}")).collect()
    }

    /// What of an answer is not as the document says.
    #[must_use]
    pub fn answer(&self, method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
        let Some((template, operation)) = self.operation(method, path) else {
            return vec![format!("{method} {path}: no such operation")];
        };
        let name = format!("{method} {template} {status}");
        let described = self.resolved(&operation["responses"][status.to_string()]);
        let schema = &described["content"]["application/json"]["schema"];
        if schema.is_null() {
            return vec![format!("{name}: no such answer")];
        }
        let wrong = self.broken_rules(&name, schema, body);
        wrong.into_iter().map(|what| format!("{name}: {what}")).collect()
    }

    fn operation(&self, method: &str, path: &str) -> Option<(&str, &Value)> {
        let method = method.to_lowercase();
        self.document["paths"].as_object()?.iter().find_map(|(template, operations)| {
            let operation = operations.get(&method).filter(|_| arguments(template, path).is_some())?;
            Some((template.as_str(), operation))
        })
    }

    fn parameters(&self, name: &str, template: &str, operation: &Value, ask: &Ask<'_>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut known = Vec::new();
        let arguments = arguments(template, ask.path).unwrap_or_default();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = self.resolved(parameter);
            let key = parameter["name"].as_str().unwrap_or_default();
            let given = match parameter["in"].as_str() {
                Some("path") => arguments.get(key).copied(),
                Some("header") => ask.headers.get(key).and_then(|value| value.to_str().ok()),
                _ => {
                    known.push(key);
                    ask.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
                }
            };
            match given {
                None if parameter["required"] == true => wrong.push(format!("needs {key}")),
                None => {}
                Some(text) => {
                    let schema = &parameter["schema"];
                    let number = text.parse::<i64>().ok().filter(|_| self.resolved(schema)["type"] == "integer");
                    let value = number.map_or_else(|| Value::from(text), Value::from);
                    wrong.extend(self.broken_rules(&format!("{name} {key}"), schema, &value));
                }
            }
        }
        let foreign = ask.query.iter().filter(|(key, _)| !known.contains(&key.as_str()));
        wrong.extend(foreign.map(|(key, _)| format!("{key} is no parameter of it")));
        wrong
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let target = value["$ref"].as_str().and_then(|reference| self.document.pointer(reference.strip_prefix('#')?));
        target.unwrap_or(value)
    }

    /// `name` is that of the schema's place in the document.
    fn broken_rules(&self, name: &str, schema: &Value, value: &Value) -> Vec<String> {
        match self.validator(name, schema) {
            Ok(validator) => {
                validator.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path())).collect()
            }
            Err(error) => vec![format!("{error:#}")],
        }
    }

    fn validator(&self, name: &str, schema: &Value) -> Result<Arc<Validator>> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = compiled.get(name) {
            return Ok(Arc::clone(validator));
        }
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let built = options.build(&self.bundled(converted(schema, &self.words, true)));
        let validator = Arc::new(built.map_err(|error| anyhow::anyhow!("{name} has a schema that is none: {error}"))?);
        compiled.insert(name.to_owned(), Arc::clone(&validator));
        Ok(validator)
    }

    /// With those schemas that it leads to: some of a document may be ones that no validator takes.
    fn bundled(&self, mut schema: Value) -> Value {
        let mut needed: BTreeMap<String, Value> = BTreeMap::new();
        let mut open = references(&schema);
        while let Some(name) = open.pop() {
            if let Some(found) = self.schemas.get(&name)
                && !needed.contains_key(&name)
            {
                open.extend(references(found));
                needed.insert(name, found.clone());
            }
        }
        schema["components"] = json!({ "schemas": needed });
        schema
    }
}

/// What a path has for the names of its template, if it is of that template.
fn arguments<'a>(template: &'a str, path: &'a str) -> Option<HashMap<&'a str, &'a str>> {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let mut found = HashMap::new();
    for (expected, given) in template.iter().zip(&path) {
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => drop(found.insert(name, *given)),
            None if expected == given => {}
            None => return None,
        }
    }
    (template.len() == path.len()).then_some(found)
}

/// As JSON Schema of 2020-12. A schema that is not part of another one is the whole of what an object may have.
fn converted(schema: &Value, words: &HashMap<String, (String, String)>, whole: bool) -> Value {
    let Some(source) = schema.as_object() else { return schema.clone() };
    let each = |list: &Value, convert: &dyn Fn(&Value) -> Value| -> Value {
        list.as_array().into_iter().flatten().map(convert).collect()
    };
    let mut out = Map::new();
    for (key, value) in source.iter().filter(|(key, _)| !NOT_CHECKED.contains(&key.as_str())) {
        let value = match key.as_str() {
            "properties" => {
                let named = value.as_object().into_iter().flatten();
                named.map(|(name, schema)| (name.clone(), converted(schema, words, true))).collect()
            }
            "items" | "additionalProperties" => converted(value, words, true),
            "allOf" => each(value, &|part| converted(part, words, false)),
            "oneOf" | "anyOf" => each(value, &|part| alternative(part, words)),
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    if source.get("nullable") == Some(&Value::Bool(true)) {
        out.insert("type".to_owned(), json!([source["type"], "null"]));
    }
    if whole && ["$ref", "allOf", "oneOf", "properties"].iter().any(|key| out.contains_key(*key)) {
        out.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
    }
    Value::Object(out)
}

/// Several alternatives may have the same properties: the word tells which one is meant.
fn alternative(part: &Value, words: &HashMap<String, (String, String)>) -> Value {
    let reference = converted(part, words, false);
    match part["$ref"].as_str().and_then(|name| words.get(name)) {
        None => reference,
        Some((property, word)) => {
            json!({ "allOf": [reference], "properties": { property: { "const": word } }, "required": [property] })
        }
    }
}

fn words(value: &Value) -> HashMap<String, (String, String)> {
    let mut found = HashMap::new();
    let inner: Vec<&Value> = match value {
        Value::Object(object) => object.values().collect(),
        Value::Array(list) => list.iter().collect(),
        _ => return found,
    };
    for value in inner {
        found.extend(words(value));
    }
    let discriminator = &value["discriminator"];
    for (word, reference) in discriminator["mapping"].as_object().into_iter().flatten() {
        if let (Some(property), Some(reference)) = (discriminator["propertyName"].as_str(), reference.as_str()) {
            found.insert(reference.to_owned(), (property.to_owned(), word.clone()));
        }
    }
    found
}

/// Names of the schemas it refers to.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => {
            let own =
                object.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix("#/components/schemas/"));
            own.map(str::to_owned).into_iter().chain(object.values().flat_map(references)).collect()
        }
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
