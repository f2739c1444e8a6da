//! One file per route or pair of routes.

mod buy_listing;
mod change_plan;
mod charge;
mod create_listing;
mod create_plan;
mod cursor;
mod fallbacks;
mod fiat_price;
mod fiat_subscriptions;
mod freeze_plan;
mod listings;
mod mandate;
mod orders;
mod packs;
mod payer;
mod payment_methods;
mod payments;
mod plans;
mod providers;
mod read_fiat_subscriptions;
mod read_listings;
mod read_payments;
mod read_plans;
mod read_sales;
mod read_subscriptions;
mod refunds;
mod relays;
mod revoke_listing;
mod schema;
mod subscribe;
mod subscription_events;
mod switch;
mod system;
mod time_of;
mod topups;
mod webhooks;

use axum::{Json, Router, extract::DefaultBodyLimit, http::StatusCode, middleware, routing::get};
use billing_core::payments::BODY_MAX as NOTIFICATION_MAX;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::BODY_MAX,
    problem::Problem,
    request::{admit, attend},
    state::AppState,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Abono", description = "Subscriptions charged and listings sold on EVM chains; credits sold for fiat money. Errors are RFC 9457 problems."),
    paths(system::health, system::ready, system::metrics, system::openapi_json),
    components(schemas(Problem)),
    modifiers(&ServiceToken)
)]
struct Described;

struct ServiceToken;

impl Modify for ServiceToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("service_token", bearer);
    }
}

fn billing() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(create_plan::create_plan))
        .routes(routes!(change_plan::change_plan))
        .routes(routes!(freeze_plan::freeze_plan))
        .routes(routes!(read_plans::list_plans))
        .routes(routes!(read_plans::read_plan))
        .routes(routes!(subscribe::subscribe))
        .routes(routes!(orders::unsubscribe))
        .routes(routes!(orders::pause))
        .routes(routes!(orders::resume))
        .routes(routes!(switch::switch))
        .routes(routes!(switch::withdraw))
        .routes(routes!(relays::read_relay))
        .routes(routes!(read_subscriptions::list_subscriptions))
        .routes(routes!(subscription_events::stream_subscription_events))
        .routes(routes!(create_listing::create_listing))
        .routes(routes!(revoke_listing::revoke_listing))
        .routes(routes!(read_listings::list_listings))
        .routes(routes!(read_listings::read_listing))
        .routes(routes!(buy_listing::buy_listing))
        .routes(routes!(read_sales::list_sales))
        .routes(routes!(charge::charge))
        .routes(routes!(providers::list_providers))
        .routes(routes!(packs::list_packs))
        .routes(routes!(packs::put_pack))
        .routes(routes!(topups::create_topup))
        .routes(routes!(read_payments::list_payments))
        .routes(routes!(read_payments::read_payment))
        .routes(routes!(refunds::create_refund, refunds::list_refunds))
        .routes(routes!(payment_methods::list_payment_methods))
        .routes(routes!(payment_methods::end_payment_method))
        .routes(routes!(fiat_price::put_fiat_price))
        .routes(routes!(fallbacks::put_fallback, fallbacks::read_fallback, fallbacks::end_fallback))
        .routes(routes!(fiat_subscriptions::create_fiat_subscription, read_fiat_subscriptions::list_fiat_subscriptions))
        .routes(routes!(read_fiat_subscriptions::read_fiat_subscription))
        .routes(routes!(fiat_subscriptions::cancel_fiat_subscription))
        .routes(routes!(fiat_subscriptions::set_fiat_subscription_method))
}

/// What providers call: with their own proof of who they are, and limits of their own.
fn webhooks() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(webhooks::receive_webhook)).layer(DefaultBodyLimit::max(NOTIFICATION_MAX))
}

/// The description that `/openapi.json` serves.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    billing().merge(webhooks()).into_openapi()
}

/// Every route with every layer.
pub fn router(state: AppState) -> Router {
    let admitted = billing().layer(middleware::from_fn_with_state(state.clone(), admit));
    let (routes, description) = admitted.merge(webhooks()).split_for_parts();
    routes
        .with_state(state.clone())
        .merge(billing_process::ops_router(state.readiness))
        .route("/openapi.json", get(move || async { Json(description) }))
        .fallback(|| async { Problem::no_route() })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This path has other methods")
        })
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(middleware::from_fn(attend))
}
