//! Where time and ids come from. The only place besides the edge that asks the system for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// The server's clock, in whole microseconds as PostgreSQL keeps them. Tests move it forward.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    ahead_micros: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// The present instant.
    #[expect(clippy::disallowed_methods, reason = "this is the one source of time")]
    pub fn now(&self) -> DateTime<Utc> {
        let now = Utc::now() + TimeDelta::microseconds(self.ahead_micros.load(Ordering::Relaxed));
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    /// Moves the clock by `step` for everyone who shares it.
    pub fn advance(&self, step: TimeDelta) {
        self.ahead_micros.fetch_add(step.num_microseconds().unwrap_or(0), Ordering::Relaxed);
    }
}

/// Source of ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ids;

impl Ids {
    /// A new `UUIDv7`.
    #[expect(clippy::disallowed_methods, reason = "this is the one source of ids")]
    pub fn next(self) -> Uuid {
        Uuid::now_v7()
    }
}
