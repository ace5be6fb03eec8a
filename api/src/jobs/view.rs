//! A job as clients see it.

use chrono::{DateTime, Utc};
use commands::accounts::jobs::{Job, JobState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::list::{Cell, Row};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobState)]
pub(crate) enum StateName {
    Queued,
    Running,
    Finished,
    Failed,
    Cancelled,
}

impl From<JobState> for StateName {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Queued => Self::Queued,
            JobState::Running => Self::Running,
            JobState::Finished => Self::Finished,
            JobState::Failed => Self::Failed,
            JobState::Cancelled => Self::Cancelled,
        }
    }
}

impl From<StateName> for JobState {
    fn from(state: StateName) -> Self {
        match state {
            StateName::Queued => Self::Queued,
            StateName::Running => Self::Running,
            StateName::Finished => Self::Finished,
            StateName::Failed => Self::Failed,
            StateName::Cancelled => Self::Cancelled,
        }
    }
}

/// Work that outlives a request.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobView {
    /// The job's id.
    job_id: Uuid,
    /// What it does.
    #[schema(example = "day_start")]
    kind: String,
    /// What it was told.
    #[schema(value_type = Object, nullable)]
    payload: serde_json::Value,
    /// Where it stands.
    #[schema(inline)]
    state: StateName,
    /// Attempts so far.
    attempts: i32,
    /// Attempts before it counts as failed.
    max_attempts: i32,
    /// How far it is.
    progress: Progress,
    /// Earliest start of the next attempt.
    run_at: DateTime<Utc>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When the first attempt began.
    started_at: Option<DateTime<Utc>>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
    /// Whether somebody asked it to stop while it ran.
    cancel_requested: bool,
    /// What came of it.
    #[schema(value_type = Option<Object>)]
    result: Option<serde_json::Value>,
    /// Why the last attempt did not succeed.
    error: Option<String>,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Progress {
    /// Steps done.
    done: i64,
    /// Steps in all, where they are known.
    total: Option<i64>,
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        Self {
            job_id: job.job_id,
            kind: job.kind,
            payload: job.payload,
            state: job.state.into(),
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            progress: Progress { done: job.progress_done, total: job.progress_total },
            run_at: job.run_at,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            cancel_requested: job.cancel_requested,
            result: job.result,
            error: job.error,
        }
    }
}

impl Row for JobView {
    const COLUMNS: &'static [&'static str] = &[
        "job_id",
        "kind",
        "state",
        "attempts",
        "done",
        "total",
        "created_at",
        "started_at",
        "finished_at",
        "error",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.job_id.to_string().into(),
            self.kind.clone().into(),
            JobState::from(self.state).name().into(),
            i64::from(self.attempts).into(),
            self.progress.done.into(),
            self.progress.total.into(),
            self.created_at.into(),
            self.started_at.into(),
            self.finished_at.into(),
            self.error.clone().into(),
        ]
    }
}
