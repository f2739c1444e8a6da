//! How often one caller may ask: a token bucket per service, or per client address.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{StatusCode, header};
use moka::future::Cache;

use crate::problem::Problem;

/// Buckets kept; past this the ones least used are forgotten, and full again.
const BUCKETS_MAX: u64 = 100_000;
/// A bucket not used for this long is full again under any sensible limit.
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// One kind of caller's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests per second in the long run; zero for no limit.
    pub per_second: u32,
    /// Requests at once after a pause.
    pub burst: u32,
}

/// Whose bucket a request draws on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// By the token's name.
    Service(String),
    /// Without a token. An IPv6 client is its /64, which one line holds.
    Client(IpAddr),
}

impl Caller {
    pub(crate) fn client(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let network = v6.to_bits() >> 64 << 64;
                Self::Client(IpAddr::V6(network.into()))
            }
            v4 => Self::Client(v4),
        }
    }
}

/// All buckets of this process.
#[derive(Clone, Debug)]
pub struct RateLimits {
    service: Limit,
    client: Limit,
    buckets: Cache<Caller, Arc<Mutex<Bucket>>>,
}

#[derive(Debug)]
struct Bucket {
    /// Micro-requests left.
    left: u64,
    filled_at: Instant,
}

const MICRO: u64 = 1_000_000;

impl RateLimits {
    /// Limits per service token and per client address.
    #[must_use]
    pub fn new(service: Limit, client: Limit) -> Self {
        let buckets = Cache::builder().max_capacity(BUCKETS_MAX).time_to_idle(FORGET_AFTER).build();
        Self { service, client, buckets }
    }

    /// Takes one request out of the caller's bucket.
    ///
    /// # Errors
    /// 429 with `Retry-After`.
    pub(crate) async fn take(&self, caller: Caller, now: Instant) -> Result<(), Problem> {
        let limit = match caller {
            Caller::Service(_) => self.service,
            Caller::Client(_) => self.client,
        };
        if limit.per_second == 0 {
            return Ok(());
        }
        let full = async { Arc::new(Mutex::new(Bucket { left: u64::from(limit.burst) * MICRO, filled_at: now })) };
        let bucket = self.buckets.get_with(caller, full).await;
        let wait = bucket.lock().unwrap_or_else(PoisonError::into_inner).take(limit, now);
        wait.map_or(Ok(()), |wait| {
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests")
                .detail(format!("{} a second, {} at once", limit.per_second, limit.burst))
                .header(header::RETRY_AFTER, &wait.as_secs().max(1).to_string()))
        })
    }
}

impl Bucket {
    /// `None` when there was a request left, else how long to wait for one.
    fn take(&mut self, limit: Limit, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.filled_at).as_micros();
        let gained = u64::try_from(passed).unwrap_or(u64::MAX).saturating_mul(u64::from(limit.per_second));
        self.left = self.left.saturating_add(gained).min(u64::from(limit.burst) * MICRO);
        self.filled_at = self.filled_at.max(now);
        if let Some(left) = self.left.checked_sub(MICRO) {
            self.left = left;
            return None;
        }
        let micros = (MICRO - self.left).div_ceil(u64::from(limit.per_second));
        Some(Duration::from_micros(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let limit = Limit { per_second: 2, burst: 3 };
        let begun = Instant::now();
        let mut bucket = Bucket { left: 3 * MICRO, filled_at: begun };
        for _ in 0..3 {
            assert_eq!(bucket.take(limit, begun), None);
        }
        assert_eq!(bucket.take(limit, begun), Some(Duration::from_millis(500)));
        assert_eq!(bucket.take(limit, begun + Duration::from_millis(500)), None);
        assert!(bucket.take(limit, begun + Duration::from_millis(500)).is_some());
        let rested = begun + Duration::from_secs(60);
        assert_eq!((0..9).filter(|_| bucket.take(limit, rested).is_none()).count(), 3);
    }

    #[test]
    fn neighbours_in_one_ipv6_network_share_a_bucket() {
        let caller = |text: &str| Caller::client(text.parse().expect("an address"));
        assert_eq!(caller("2001:db8::1"), caller("2001:db8::ffff:2"));
        assert_ne!(caller("2001:db8::1"), caller("2001:db8:0:1::1"));
        assert_eq!(caller("::ffff:192.0.2.1"), caller("192.0.2.1"));
        assert_ne!(caller("192.0.2.1"), caller("192.0.2.2"));
    }
}
