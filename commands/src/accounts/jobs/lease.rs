//! The queue as workers see it: claim, beat, show progress, end.
//!
//! Every write of a worker names its lease, so that one who lost it can change nothing any more.

use std::time::Duration;

use chrono::TimeDelta;
use uuid::Uuid;

use super::queue::job_columns;
use super::{Job, JobState, Jobs};
use crate::accounts::AccountsError;

const FIRST_BACKOFF: TimeDelta = TimeDelta::seconds(2);
const LONGEST_BACKOFF: TimeDelta = TimeDelta::minutes(10);
const MAX_ERROR_CHARS: usize = 2_000;

/// A claimed job and the lease under which it runs.
#[derive(Debug, Clone)]
pub(in crate::accounts) struct Claimed {
    pub(super) job: Job,
    pub(super) lease: Uuid,
}

/// What a worker learns from its heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    /// Go on.
    Alive,
    /// Somebody asked the job to stop.
    Cancelled,
    /// Another worker has the job.
    Lost,
}

impl Jobs {
    /// Takes up to `most` jobs of these kinds whose time has come, for `lease`.
    pub(in crate::accounts) async fn claim(
        &self,
        kinds: &[String],
        most: usize,
        lease: Duration,
    ) -> Result<Vec<Claimed>, AccountsError> {
        self.bury().await?;
        let token = self.new_id();
        let jobs: Vec<Job> = sqlx::query_as(concat!(
            "update accounts.jobs j
             set state = 'running',
                 attempts = attempts + 1,
                 started_at = coalesce(started_at, $1),
                 lease_token = $2,
                 lease_until = clock_timestamp() + make_interval(secs => $3)
             from (
                 select company_id as company, job_id as job
                 from accounts.jobs o
                 where kind = any($4)
                   and state in ('queued', 'running')
                   and ((state = 'queued' and run_at <= $1)
                        or (state = 'running' and lease_until < clock_timestamp()
                            and attempts < max_attempts and not cancel_requested))
                   and (lane is null
                        or not exists (
                            select 1
                            from accounts.jobs e
                            where e.company_id = o.company_id
                              and e.lane = o.lane
                              and e.seq < o.seq
                              and e.state in ('queued', 'running')))
                 order by run_at, seq
                 limit $5
                 for update skip locked
             ) due
             where j.company_id = due.company and j.job_id = due.job
             returning ",
            job_columns!(),
        ))
        .bind(self.clock().now())
        .bind(token)
        .bind(lease.as_secs_f64())
        .bind(kinds)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(self.pool())
        .await?;
        Ok(jobs.into_iter().map(|job| Claimed { job, lease: token }).collect())
    }

    /// Prolongs a lease.
    pub(super) async fn beat(&self, claimed: &Claimed, lease: Duration) -> Result<Beat, AccountsError> {
        let cancel: Option<bool> = sqlx::query_scalar(
            "update accounts.jobs
             set lease_until = clock_timestamp() + make_interval(secs => $4)
             where company_id = $1 and job_id = $2 and lease_token = $3 and state = 'running'
             returning cancel_requested",
        )
        .bind(claimed.job.company_id)
        .bind(claimed.job.job_id)
        .bind(claimed.lease)
        .bind(lease.as_secs_f64())
        .fetch_optional(self.pool())
        .await?;
        Ok(match cancel {
            None => Beat::Lost,
            Some(true) => Beat::Cancelled,
            Some(false) => Beat::Alive,
        })
    }

    /// Shows how far a job is.
    pub(super) async fn progress(
        &self,
        claimed: &Claimed,
        done: i64,
        total: Option<i64>,
    ) -> Result<(), AccountsError> {
        sqlx::query(
            "update accounts.jobs
             set progress_done = $4, progress_total = $5
             where company_id = $1 and job_id = $2 and lease_token = $3 and state = 'running'",
        )
        .bind(claimed.job.company_id)
        .bind(claimed.job.job_id)
        .bind(claimed.lease)
        .bind(done)
        .bind(total)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Ends an attempt in `state`; does nothing when the lease was lost. `Queued` waits for the backoff.
    pub(in crate::accounts) async fn end(
        &self,
        claimed: &Claimed,
        state: JobState,
        result: Option<serde_json::Value>,
        error: Option<String>,
    ) -> Result<(), AccountsError> {
        let now = self.clock().now();
        let again = state == JobState::Queued;
        sqlx::query(
            "update accounts.jobs
             set state = case when $4 = 'queued' and cancel_requested then 'cancelled' else $4 end,
                 run_at = case when $5 then $6 else run_at end,
                 finished_at = case when $5 and not cancel_requested then null else $7 end,
                 lease_token = null,
                 lease_until = null,
                 result = $8,
                 error = $9
             where company_id = $1 and job_id = $2 and lease_token = $3 and state = 'running'",
        )
        .bind(claimed.job.company_id)
        .bind(claimed.job.job_id)
        .bind(claimed.lease)
        .bind(state.name())
        .bind(again)
        .bind(now + backoff(claimed.job.attempts))
        .bind(now)
        .bind(result)
        .bind(error.map(|text| text.chars().take(MAX_ERROR_CHARS).collect::<String>()))
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Ends jobs whose worker died and that were called off, or that have no attempt left.
    async fn bury(&self) -> Result<(), AccountsError> {
        sqlx::query(
            "update accounts.jobs
             set state = case when cancel_requested then 'cancelled' else 'failed' end,
                 error = case when cancel_requested then error else 'the worker died at the last attempt' end,
                 finished_at = $1,
                 lease_token = null,
                 lease_until = null
             where state = 'running'
               and lease_until < clock_timestamp()
               and (cancel_requested or attempts >= max_attempts)",
        )
        .bind(self.clock().now())
        .execute(self.pool())
        .await?;
        Ok(())
    }
}

/// Pause after the given number of attempts: 2 s, doubled each time, at most 10 minutes.
pub(super) fn backoff(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    (FIRST_BACKOFF * 2_i32.saturating_pow(doublings)).min(LONGEST_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_ten_minutes() {
        let pauses: Vec<i64> = (1..=11).map(|attempts| backoff(attempts).num_seconds()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!(backoff(i32::MAX), LONGEST_BACKOFF);
    }
}
