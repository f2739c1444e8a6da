//! The vendor's own document of the protocol.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::OpenApi;

static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| {
    let text = include_str!("../../../../data/yookassa-openapi.yaml");
    let document = serde_saphyr::from_str(text).expect("the document in the repository is YAML");
    OpenApi::new(completed(document)).expect("the document in the repository has schemas")
});

/// YooKassa's OpenAPI document, with what it leaves out: it declares only some of the statuses that the vendor's pages and
/// clients name, and has the schema of 429 for 500.
#[must_use]
pub fn document() -> &'static OpenApi {
    &DOCUMENT
}

fn completed(mut document: Value) -> Value {
    let error = |code: &str| {
        let named = json!({ "properties": { "code": { "type": "string", "enum": [code] } }, "required": ["code"] });
        answer(&json!({ "allOf": [{ "$ref": "#/components/schemas/Error" }, named] }))
    };
    document["components"]["responses"]["InternalServerError"] = error("internal_server_error");
    let undeclared = [
        ("202", answer(&processing())),
        ("404", json!({ "$ref": "#/components/responses/NotFound" })),
        ("405", error("method_not_allowed")),
        ("415", error("unsupported_media_type")),
        ("429", json!({ "$ref": "#/components/responses/TooManyRequests" })),
    ];
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in paths.filter_map(Value::as_object_mut).flat_map(|operations| operations.values_mut()) {
        let Some(responses) = operation["responses"].as_object_mut() else { continue };
        for (status, response) in &undeclared {
            responses.entry(*status).or_insert_with(|| response.clone());
        }
    }
    document
}

fn answer(schema: &Value) -> Value {
    json!({ "content": { "application/json": { "schema": schema } } })
}

fn processing() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": { "type": "string", "enum": ["processing"] },
            "description": { "type": "string" },
            "retry_after": { "type": "integer", "minimum": 0 },
        },
        "required": ["type", "retry_after"],
    })
}
