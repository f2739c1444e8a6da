//! Lists, and the search for a payment in them.

use serde::de::DeserializeOwned;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    Pairs, Stripe, pairs, read, refund, unknown,
    wire::{Intent, List, Refund as WireRefund, Session},
};
use crate::{Page, Payment, ProviderError, Refund, Window};

/// How many Stripe gives at once.
const LIMIT: usize = 100;
/// Parts of one list that are looked through for one payment.
const PARTS: usize = 100;
/// How far the clocks may be apart.
const SKEW: Duration = Duration::minutes(5);
/// Where a payment is looked for first: one that is asked for again is made within minutes, or within the day that its key lives.
const AT_FIRST: Duration = Duration::minutes(15);
const AT_LAST: Duration = Duration::hours(25);

pub(super) async fn payments(
    stripe: &Stripe,
    window: Window,
    cursor: Option<&str>,
) -> Result<Page<Payment>, ProviderError> {
    let part: List<Intent> = part(stripe, "/v1/payment_intents", read::whole("data"), window, cursor).await?;
    let next = next(&part, |intent| &intent.id);
    let items = part.data.iter().filter_map(|intent| read::intent(intent).transpose());
    Ok(Page { items: items.collect::<Result<_, _>>()?, next })
}

pub(super) async fn refunds(
    stripe: &Stripe,
    window: Window,
    cursor: Option<&str>,
) -> Result<Page<Refund>, ProviderError> {
    let part: List<WireRefund> = part(stripe, "/v1/refunds", Vec::new(), window, cursor).await?;
    let next = next(&part, |refund| &refund.id);
    let items = part.data.iter().filter_map(|refund| refund::refund_of(refund).transpose());
    Ok(Page { items: items.collect::<Result<_, _>>()?, next })
}

/// Sessions before intents: an intent that a session made is told by its session.
pub(super) async fn find(
    stripe: &Stripe,
    reference: Uuid,
    sent_at: OffsetDateTime,
) -> Result<Option<Payment>, ProviderError> {
    let near = Window { since: sent_at - SKEW, until: sent_at + AT_FIRST };
    let far = Window { since: near.until, until: sent_at + AT_LAST };
    for window in [near, far] {
        let mut cursor = None;
        for _ in 0..PARTS {
            let query = read::whole("data.payment_intent");
            let part: List<Session> = part(stripe, "/v1/checkout/sessions", query, window, cursor.as_deref()).await?;
            for session in &part.data {
                if let Some(payment) = read::session(session)?.filter(|payment| payment.reference == Some(reference)) {
                    return Ok(Some(payment));
                }
            }
            cursor = next(&part, |session| &session.id);
            if cursor.is_none() {
                break;
            }
        }
        too_many(cursor.take())?;
        for _ in 0..PARTS {
            let part = payments(stripe, window, cursor.as_deref()).await?;
            if let Some(payment) = part.items.into_iter().find(|payment| payment.reference == Some(reference)) {
                return Ok(Some(payment));
            }
            cursor = part.next;
            if cursor.is_none() {
                break;
            }
        }
        too_many(cursor)?;
    }
    Ok(None)
}

/// Not to have found it is not to have looked everywhere.
fn too_many(cursor: Option<String>) -> Result<(), ProviderError> {
    match cursor {
        None => Ok(()),
        Some(_) => Err(unknown("there are too many payments to look through".to_owned(), None)),
    }
}

async fn part<T: DeserializeOwned>(
    stripe: &Stripe,
    path: &str,
    mut query: Pairs,
    window: Window,
    cursor: Option<&str>,
) -> Result<List<T>, ProviderError> {
    query.extend(pairs([
        ("limit", LIMIT.to_string()),
        ("created[gte]", whole_second(window.since).to_string()),
        ("created[lt]", whole_second(window.until).to_string()),
    ]));
    query.extend(cursor.map(|last| ("starting_after".to_owned(), last.to_owned())));
    let list = stripe.client.get(path, &query).await?;
    list.ok_or_else(|| unknown("the list is away".to_owned(), None))
}

fn next<T>(part: &List<T>, id: impl Fn(&T) -> &String) -> Option<String> {
    part.data.last().filter(|_| part.has_more).map(|last| id(last).clone())
}

/// Stripe's times are whole seconds: the first that is not before `at`.
fn whole_second(at: OffsetDateTime) -> i64 {
    at.unix_timestamp() + i64::from(at.nanosecond() > 0)
}
