#![expect(unused_qualifications, reason = "utoipa::path writes one around query parameters")]

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use alloy::primitives::{Address, B256};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use billing_core::{
    ids::ChainId,
    mirror::feed::{self, FeedMessage, FeedPosition},
};
use futures::{Stream, stream};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::IntoParams;

use crate::{extract::QueryOf, problem::Problem, state::AppState};

/// Looks although nothing was heard: a word of the database may be lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Messages read at once.
const PAGE: usize = 200;

/// Whose events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Only this wallet's.
    #[param(value_type = Option<String>)]
    subscriber: Option<Address>,
    /// Only on this chain.
    chain_id: Option<i64>,
    /// Only to this plan.
    #[param(value_type = Option<String>)]
    plan_hash: Option<B256>,
    /// Events behind this `id`; a `Last-Event-ID` header, which browsers send by themselves, goes before. Absent: from now on.
    after: Option<String>,
}

/// Streams what happens to subscriptions
///
/// Server-sent events: `event` is the topic (`billing.subscription.charged.v1`), `data` its JSON, `id` where to go on. After
/// a reorganisation `billing.subscription.reverted.v1` says what no longer holds.
#[utoipa::path(get, path = "/v1/billing/subscriptions/events", tag = "subscriptions", params(EventsQuery),
    responses(
        (status = OK, body = String, content_type = "text/event-stream"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ))]
pub(super) async fn stream_subscription_events(
    State(state): State<AppState>,
    headers: HeaderMap,
    QueryOf(query): QueryOf<EventsQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(query.after.as_deref());
    let position = match resumed {
        Some(text) => text.parse().map_err(|error| Problem::field("after", error))?,
        None => feed::position_at(&state.pool, OffsetDateTime::now_utc()).await?,
    };
    let Some((signal, permit)) = state.feed.enter() else {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-streams", "Too many streams are open"));
    };
    let reader = Reader { state, query, position, ready: VecDeque::new(), signal, _permit: permit };
    let events = stream::unfold(reader, |mut reader| async { reader.next().await.map(|event| (Ok(event), reader)) });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

struct Reader {
    state: AppState,
    query: EventsQuery,
    position: FeedPosition,
    ready: VecDeque<Event>,
    signal: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    /// The next event; `None` when the process ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if *self.signal.borrow_and_update() {
                return None;
            }
            match self.read().await {
                Ok(true) => {}
                Ok(false) => drop(tokio::time::timeout(LOOK_EVERY, self.signal.changed()).await),
                Err(error) => {
                    tracing::warn!(error = %error, "the feed could not be read");
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        }
    }

    /// Whether there may be more at once.
    async fn read(&mut self) -> Result<bool, billing_core::mirror::MirrorError> {
        let page = feed::read_of(&self.state.pool, Some(&feed::ABOUT_SUBSCRIPTIONS), self.position, PAGE).await?;
        for message in &page {
            self.position = message.position;
            if self.wants(message) {
                let data = message.payload.to_string();
                let id = message.position.to_string();
                self.ready.push_back(Event::default().event(&message.topic).id(id).data(data));
            }
        }
        Ok(page.len() >= PAGE)
    }

    fn wants(&self, message: &FeedMessage) -> bool {
        let of = |field: &str, wanted: Option<serde_json::Value>| {
            wanted.is_none_or(|it| message.payload.get(field) == Some(&it))
        };
        feed::ABOUT_SUBSCRIPTIONS.contains(&message.topic.as_str())
            && of("subscriber", self.query.subscriber.map(|subscriber| json!(subscriber)))
            && of("plan_hash", self.query.plan_hash.map(|hash| json!(hash)))
            && of("chain_id", self.query.chain_id.map(|id| json!(ChainId(id))))
    }
}
