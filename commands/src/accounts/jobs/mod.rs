//! Work that outlives a request: a queue in PostgreSQL, a runner and a scheduler.
//!
//! A job is enqueued in the transaction of what causes it, claimed with `skip locked` under a lease, and run at least
//! once: a worker that dies loses its lease, and another goes on. Handlers must therefore be safe to run twice.
//! Jobs of one lane of a company run one after the other, in the order in which they were enqueued. The lease follows
//! the database's time, all other times the clock that is handed in. Payloads hold no secrets.
//!
//! Read in this order: this file (what a job is), [`queue`], `lease` (its life), [`runner`], [`schedule`], [`housekeeping`].

pub mod queue;
mod lease;
pub mod runner;
pub mod schedule;
pub mod housekeeping;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use housekeeping::{DayStart, ExpireRequestKeys, StartDays};
pub use queue::Jobs;
pub use runner::{JobContext, JobError, JobHandler, Runner, RunnerSettings};
pub use schedule::{Cadence, CompanyZones, Schedule, Scheduler};

/// The company of work that belongs to no company.
pub const PLATFORM: Uuid = Uuid::nil();

/// Attempts before a job counts as failed.
pub const MAX_ATTEMPTS: i32 = 5;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its time or for a free worker.
    Queued,
    /// A worker is at it.
    Running,
    /// Done.
    Finished,
    /// Given up.
    Failed,
    /// Called off.
    Cancelled,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Finished, Self::Failed, Self::Cancelled];

    /// Name in the table and on the surface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl TryFrom<String> for JobState {
    type Error = crate::accounts::AccountsError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let known = Self::ALL.into_iter().find(|state| state.name() == name);
        known.ok_or(crate::accounts::AccountsError::Internal("a stored job state is unknown"))
    }
}

/// A job to be enqueued.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Whose job it is, or [`PLATFORM`].
    pub company_id: Uuid,
    /// Names the handler.
    pub kind: &'static str,
    /// What the handler needs to know; no secrets.
    pub payload: serde_json::Value,
    /// Jobs of one lane of a company run one after the other.
    pub lane: Option<String>,
    /// While a job of this kind and key is open, no second one is made.
    pub dedupe_key: Option<String>,
    /// Earliest start; at once where it is missing.
    pub run_at: Option<DateTime<Utc>>,
    /// Attempts before it counts as failed.
    pub max_attempts: i32,
}

impl NewJob {
    /// A job to run at once.
    pub fn new(company_id: Uuid, kind: &'static str, payload: serde_json::Value) -> Self {
        Self {
            company_id,
            kind,
            payload,
            lane: None,
            dedupe_key: None,
            run_at: None,
            max_attempts: MAX_ATTEMPTS,
        }
    }

    /// Not beside another open job of the same kind and `key`.
    #[must_use]
    pub fn deduplicated(mut self, key: impl Into<String>) -> Self {
        self.dedupe_key = Some(key.into());
        self
    }

    /// After the earlier jobs of the same lane.
    #[must_use]
    pub fn in_lane(mut self, lane: impl Into<String>) -> Self {
        self.lane = Some(lane.into());
        self
    }
}

/// A job as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Job {
    /// Whose job it is, or [`PLATFORM`].
    pub company_id: Uuid,
    /// The job's id.
    pub job_id: Uuid,
    /// Order of enqueueing.
    pub seq: i64,
    /// Names the handler.
    pub kind: String,
    /// What the handler was told.
    pub payload: serde_json::Value,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub state: JobState,
    /// Attempts so far.
    pub attempts: i32,
    /// Attempts before it counts as failed.
    pub max_attempts: i32,
    /// Earliest start of the next attempt.
    pub run_at: DateTime<Utc>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When the first attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Whether somebody asked a running job to stop.
    pub cancel_requested: bool,
    /// Steps done.
    pub progress_done: i64,
    /// Steps in all, where they are known.
    pub progress_total: Option<i64>,
    /// What it brought.
    pub result: Option<serde_json::Value>,
    /// Why the last attempt did not succeed.
    pub error: Option<String>,
}

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs of this kind.
    pub kind: Option<String>,
    /// The oldest first; else the newest.
    pub oldest_first: bool,
    /// Skips this many.
    pub offset: i64,
    /// At most this many.
    pub limit: i64,
}
