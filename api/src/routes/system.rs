//! Routes that other crates serve, for the description only.
#![expect(dead_code, reason = "described, not called")]

/// The process runs.
#[utoipa::path(get, path = "/health", tag = "system", responses((status = OK, body = String, content_type = "text/plain")))]
pub(super) fn health() {}

/// The process can do its work; else what is wrong, a line each.
#[utoipa::path(get, path = "/ready", tag = "system", responses(
    (status = OK, body = String, content_type = "text/plain"),
    (status = SERVICE_UNAVAILABLE, body = String, content_type = "text/plain"),
))]
pub(super) fn ready() {}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "system", responses((status = OK, body = String, content_type = "text/plain")))]
pub(super) fn metrics() {}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "system", responses((status = OK, body = Object)))]
pub(super) fn openapi_json() {}
