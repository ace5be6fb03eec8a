//! So many requests a second per company and key; more are answered 429.

use std::num::NonZeroU32;
use std::str::FromStr;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use uuid::Uuid;

use crate::problem::{Problem, Status};

/// Setting `STOCKTRAIL_RATE_LIMIT`: `off`, or `per_second` or `per_second/burst`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimit {
    /// No limit.
    Off,
    /// A limit per company and key.
    PerSecond {
        /// Requests a second in the long run.
        rate: NonZeroU32,
        /// Requests at once after a pause.
        burst: NonZeroU32,
    },
}

impl Default for RateLimit {
    fn default() -> Self {
        let number = |value| NonZeroU32::new(value).unwrap_or(NonZeroU32::MIN);
        Self::PerSecond { rate: number(1_000), burst: number(5_000) }
    }
}

/// The setting cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be off, a number per second, or number/burst")]
pub struct RateLimitError;

impl FromStr for RateLimit {
    type Err = RateLimitError;

    fn from_str(text: &str) -> Result<Self, RateLimitError> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self::Off);
        }
        let (rate, burst) = text.split_once('/').unwrap_or((text, text));
        let number = |part: &str| part.trim().parse().map_err(|_| RateLimitError);
        Ok(Self::PerSecond { rate: number(rate)?, burst: number(burst)? })
    }
}

/// Counts requests.
pub struct Limiter {
    counters: Option<DefaultKeyedRateLimiter<(Uuid, Uuid)>>,
    clock: DefaultClock,
}

impl Limiter {
    /// A limiter for this setting.
    pub fn new(limit: RateLimit) -> Self {
        let counters = match limit {
            RateLimit::Off => None,
            RateLimit::PerSecond { rate, burst } => {
                Some(RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst)))
            }
        };
        Self { counters, clock: DefaultClock::default() }
    }

    /// Counts one request of a person or key in a company.
    pub(crate) fn check(&self, company: Uuid, who: Uuid) -> Result<(), Problem> {
        let Some(counters) = &self.counters else { return Ok(()) };
        counters.check_key(&(company, who)).map_err(|later| {
            let wait = later.wait_time_from(self.clock.now());
            Problem::new(Status::TooManyRequests, "rate_limited", "more requests than allowed per second")
                .retry_after(wait.as_secs() + 1)
        })
    }

    /// Forgets who has been quiet.
    pub(crate) fn forget_quiet(&self) {
        if let Some(counters) = &self.counters {
            counters.retain_recent();
        }
    }
}
