//! The queue as everybody sees it: enqueue, look, retry, cancel. What workers do with it stands in `lease`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Job, JobFilter, JobState, NewJob};
use crate::accounts::{Accounts, AccountsError, Answer, RequestKey};
use crate::clock::{Clock, Ids};

macro_rules! job_columns {
    () => {
        "company_id, job_id, seq, kind, payload, state, attempts, max_attempts, run_at, created_at, started_at, \
         finished_at, cancel_requested, progress_done, progress_total, result, error"
    };
}

pub(super) use job_columns;

/// The queue. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    pool: PgPool,
    clock: Clock,
    ids: Ids,
    wake: Arc<Notify>,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").finish_non_exhaustive()
    }
}

impl Jobs {
    /// The queue on a pool of the role `stocktrail_accounts`.
    pub fn new(pool: PgPool, clock: Clock, ids: Ids) -> Self {
        Self { pool, clock, ids, wake: Arc::new(Notify::new()) }
    }

    /// The pool of the queue.
    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The clock of the queue.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A new id.
    pub(super) fn new_id(&self) -> Uuid {
        self.ids.next()
    }

    /// Wakes this process's runner; call it after the transaction of [`Self::enqueue`] has committed.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Enqueues within the caller's transaction; answers the job's id, or that of the open job with the same key.
    pub async fn enqueue(&self, conn: &mut PgConnection, new: NewJob) -> Result<Uuid, AccountsError> {
        const TRIES: usize = 5;
        let now = self.clock.now();
        for _ in 0..TRIES {
            let job_id = self.ids.next();
            let written = sqlx::query(
                "insert into accounts.jobs
                     (company_id, job_id, kind, payload, lane, dedupe_key, max_attempts, run_at, created_at)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                 on conflict do nothing",
            )
            .bind(new.company_id)
            .bind(job_id)
            .bind(new.kind)
            .bind(&new.payload)
            .bind(&new.lane)
            .bind(&new.dedupe_key)
            .bind(new.max_attempts)
            .bind(new.run_at.unwrap_or(now))
            .bind(now)
            .execute(&mut *conn)
            .await?;
            if written.rows_affected() == 1 {
                return Ok(job_id);
            }
            // The open one may have ended in between; then the next try writes.
            if let Some(open) = open_twin(conn, &new).await? {
                return Ok(open);
            }
        }
        Err(AccountsError::Busy)
    }

    /// Enqueues in a transaction of its own and wakes the runner.
    pub async fn enqueue_now(&self, new: NewJob) -> Result<Uuid, AccountsError> {
        let mut tx = self.pool.begin().await?;
        let job_id = self.enqueue(&mut tx, new).await?;
        tx.commit().await?;
        self.wake();
        Ok(job_id)
    }

    /// One job of a company.
    pub async fn get(&self, company_id: Uuid, job_id: Uuid) -> Result<Job, AccountsError> {
        let mut conn = self.pool.acquire().await?;
        job_row(&mut conn, company_id, job_id).await
    }

    /// The newest job of a kind, if there was one.
    pub async fn newest(&self, company_id: Uuid, kind: &str) -> Result<Option<Job>, AccountsError> {
        let filter = JobFilter { kind: Some(kind.to_owned()), limit: 1, ..JobFilter::default() };
        Ok(self.list(company_id, &filter).await?.0.into_iter().next())
    }

    /// A page of the jobs of a company, and how many match in all.
    pub async fn list(&self, company_id: Uuid, filter: &JobFilter) -> Result<(Vec<Job>, i64), AccountsError> {
        let state = filter.state.map(JobState::name);
        let direction = if filter.oldest_first { "asc" } else { "desc" };
        let columns = job_columns!();
        let jobs = sqlx::query_as(&format!(
            "select {columns}
             from accounts.jobs
             where company_id = $1
               and ($2::text is null or state = $2)
               and ($3::text is null or kind = $3)
             order by seq {direction}
             offset $4
             limit $5",
        ))
        .bind(company_id)
        .bind(state)
        .bind(&filter.kind)
        .bind(filter.offset)
        .bind(filter.limit)
        .fetch_all(&self.pool)
        .await?;
        let total = sqlx::query_scalar(
            "select count(*)
             from accounts.jobs
             where company_id = $1 and ($2::text is null or state = $2) and ($3::text is null or kind = $3)",
        )
        .bind(company_id)
        .bind(state)
        .bind(&filter.kind)
        .fetch_one(&self.pool)
        .await?;
        Ok((jobs, total))
    }

    /// Jobs by state, over all companies, for the metrics.
    pub async fn counts(&self) -> Result<Vec<(String, i64)>, AccountsError> {
        let counts =
            sqlx::query_as("select state, count(*) from accounts.jobs group by state").fetch_all(&self.pool);
        Ok(counts.await?)
    }

    /// Enqueues a failed or cancelled job again, with all its attempts.
    pub async fn retry(
        &self,
        accounts: &Accounts,
        company_id: Uuid,
        job_id: Uuid,
        request: Option<&RequestKey>,
    ) -> Result<Answer<Job>, AccountsError> {
        let now = self.clock.now();
        let job = accounts
            .once(company_id, request, move |conn| {
                Box::pin(async move {
                    let job = job_row(conn, company_id, job_id).await?;
                    if !matches!(job.state, JobState::Failed | JobState::Cancelled) {
                        return Err(AccountsError::JobState { state: job.state.name().to_owned() });
                    }
                    requeue(conn, company_id, job_id, now).await?;
                    job_row(conn, company_id, job_id).await
                })
            })
            .await?;
        self.wake();
        Ok(job)
    }

    /// Calls a job off: a waiting one at once, a running one at its next heartbeat.
    pub async fn cancel(
        &self,
        accounts: &Accounts,
        company_id: Uuid,
        job_id: Uuid,
        request: Option<&RequestKey>,
    ) -> Result<Answer<Job>, AccountsError> {
        let now = self.clock.now();
        accounts
            .once(company_id, request, move |conn| {
                Box::pin(async move {
                    let changed = sqlx::query(
                        "update accounts.jobs
                         set cancel_requested = true,
                             state = case when state = 'queued' then 'cancelled' else state end,
                             finished_at = case when state = 'queued' then $3 else finished_at end
                         where company_id = $1 and job_id = $2 and state in ('queued', 'running')",
                    )
                    .bind(company_id)
                    .bind(job_id)
                    .bind(now)
                    .execute(&mut *conn)
                    .await?;
                    let job = job_row(conn, company_id, job_id).await?;
                    if changed.rows_affected() == 0 && job.state != JobState::Cancelled {
                        return Err(AccountsError::JobState { state: job.state.name().to_owned() });
                    }
                    Ok(job)
                })
            })
            .await
    }

    /// Forgets jobs that ended before `before`; answers how many.
    pub(super) async fn expire(&self, before: DateTime<Utc>) -> Result<u64, AccountsError> {
        let done =
            sqlx::query("delete from accounts.jobs where finished_at < $1").bind(before).execute(&self.pool);
        Ok(done.await?.rows_affected())
    }
}

async fn open_twin(conn: &mut PgConnection, new: &NewJob) -> Result<Option<Uuid>, AccountsError> {
    let open = sqlx::query_scalar(
        "select job_id
         from accounts.jobs
         where company_id = $1 and kind = $2 and dedupe_key = $3 and state in ('queued', 'running')",
    )
    .bind(new.company_id)
    .bind(new.kind)
    .bind(&new.dedupe_key)
    .fetch_optional(conn)
    .await?;
    Ok(open)
}

async fn requeue(
    conn: &mut PgConnection,
    company_id: Uuid,
    job_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), AccountsError> {
    // A twin may be open under the same dedupe key by now; the retried job goes on without it.
    sqlx::query(
        "update accounts.jobs j
         set state = 'queued',
             attempts = 0,
             run_at = $3,
             finished_at = null,
             cancel_requested = false,
             progress_done = 0,
             error = null,
             dedupe_key = case when exists (
                 select 1
                 from accounts.jobs o
                 where o.company_id = j.company_id
                   and o.kind = j.kind
                   and o.dedupe_key = j.dedupe_key
                   and o.state in ('queued', 'running'))
             then null else dedupe_key end
         where company_id = $1 and job_id = $2",
    )
    .bind(company_id)
    .bind(job_id)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

async fn job_row(conn: &mut PgConnection, company_id: Uuid, job_id: Uuid) -> Result<Job, AccountsError> {
    let job = sqlx::query_as(concat!(
        "select ",
        job_columns!(),
        " from accounts.jobs where company_id = $1 and job_id = $2"
    ))
    .bind(company_id)
    .bind(job_id)
    .fetch_optional(conn)
    .await?;
    job.ok_or(AccountsError::NotFound)
}
