//! How fast events may be folded.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Holds a rate over all partitions together.
pub(super) struct Pace {
    max_rate: Option<u32>,
    /// When all events that have asked may be folded.
    next: Mutex<Instant>,
}

impl Pace {
    /// At most so many events a second; as many as there are when none is said.
    pub(super) fn new(max_rate: Option<u32>) -> Self {
        Self { max_rate, next: Mutex::new(Instant::now()) }
    }

    /// Waits until so many events may be folded.
    pub(super) async fn wait(&self, events: usize) {
        let Some(rate) = self.max_rate else { return };
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        let time = Duration::from_micros(events.saturating_mul(1_000_000) / u64::from(rate.max(1)));
        let due = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next = (*next).max(Instant::now()) + time;
            *next
        };
        sleep_until(due).await;
    }
}
