//! The first users of the queue: a company's new day, and forgetting what is kept for a time only.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::future::BoxFuture;
use serde::Deserialize;
use uuid::Uuid;

use super::{JobContext, JobError, JobHandler, Jobs};
use crate::accounts::{Accounts, once, session};

const KEEP_EXPIRED_SESSIONS: TimeDelta = TimeDelta::days(30);
const KEEP_ENDED_JOBS: TimeDelta = TimeDelta::days(90);
/// Shorter than request keys live: the founding of an unfinished registration must still be recognised as a repeat.
const KEEP_UNFINISHED_REGISTRATIONS: TimeDelta = TimeDelta::days(7);
const KEEP_FAILED_LOGINS: TimeDelta = TimeDelta::days(1);

/// An error of another room.
type Outside = Box<dyn std::error::Error + Send + Sync>;

/// Records that a company's local day began. Recording a day twice must change nothing.
pub trait StartDays: Send + Sync + 'static {
    /// Appends the day.
    fn start_day(&self, company_id: Uuid, date: NaiveDate) -> BoxFuture<'_, Result<(), Outside>>;
}

/// Handler of `day_start`.
pub struct DayStart {
    days: Arc<dyn StartDays>,
}

impl DayStart {
    /// Kind of its jobs.
    pub const KIND: &'static str = "day_start";

    /// The handler that records days through `days`.
    pub fn new(days: Arc<dyn StartDays>) -> Self {
        Self { days }
    }
}

#[derive(Deserialize)]
struct DayPayload {
    date: NaiveDate,
}

impl JobHandler for DayStart {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run(
        &self,
        context: JobContext,
        payload: serde_json::Value,
    ) -> BoxFuture<'_, Result<serde_json::Value, JobError>> {
        Box::pin(async move {
            let DayPayload { date } =
                serde_json::from_value(payload).map_err(|error| JobError::Never(error.to_string()))?;
            let recorded = self.days.start_day(context.company_id(), date).await;
            recorded.map_err(|error| JobError::again(&*error))?;
            Ok(serde_json::json!({ "date": date }))
        })
    }
}

/// Forgets request keys that the log keeps.
pub trait ExpireLogKeys: Send + Sync + 'static {
    /// Forgets keys made before `before`; answers how many.
    fn expire(&self, before: DateTime<Utc>) -> BoxFuture<'_, Result<u64, Outside>>;
}

/// Handler of `expire_request_keys`: forgets request keys older than 8 days, here and in the log, and with them
/// sessions, jobs, registrations and failed logins whose time is long over.
pub struct ExpireRequestKeys {
    accounts: Accounts,
    jobs: Jobs,
    log: Arc<dyn ExpireLogKeys>,
}

impl ExpireRequestKeys {
    /// Kind of its jobs.
    pub const KIND: &'static str = "expire_request_keys";

    /// Cron expression, in UTC.
    pub const DAILY: &'static str = "20 3 * * *";

    /// The handler.
    pub fn new(accounts: Accounts, jobs: Jobs, log: Arc<dyn ExpireLogKeys>) -> Self {
        Self { accounts, jobs, log }
    }

    async fn expire(&self) -> Result<serde_json::Value, JobError> {
        let pool = self.accounts.pool();
        let now = self.jobs.clock().now();
        let again = |error: crate::accounts::AccountsError| JobError::again(&error);
        let keys = once::expire(pool, now - once::KEPT).await.map_err(again)?;
        let log_keys = self.log.expire(now - once::KEPT).await.map_err(|error| JobError::again(&*error))?;
        let sessions = session::expire(pool, now - KEEP_EXPIRED_SESSIONS).await.map_err(again)?;
        let jobs = self.jobs.expire(now - KEEP_ENDED_JOBS).await.map_err(again)?;
        for (table, column, keep) in [
            ("registrations", "created_at", KEEP_UNFINISHED_REGISTRATIONS),
            ("login_failures", "window_start", KEEP_FAILED_LOGINS),
        ] {
            sqlx::query(&format!("delete from accounts.{table} where {column} < $1"))
                .bind(now - keep)
                .execute(pool)
                .await
                .map_err(|error| JobError::again(&error))?;
        }
        Ok(serde_json::json!({
            "request_keys": keys, "log_keys": log_keys, "refresh_tokens": sessions, "jobs": jobs,
        }))
    }
}

impl JobHandler for ExpireRequestKeys {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run(
        &self,
        _context: JobContext,
        _payload: serde_json::Value,
    ) -> BoxFuture<'_, Result<serde_json::Value, JobError>> {
        Box::pin(self.expire())
    }
}
