//! Starts jobs when their time comes: at a company's local midnight, or by a cron expression.
//!
//! What was started is recorded in the transaction that enqueues the job, so nothing starts twice however many
//! schedulers run. After downtime every missed local day is started, one job a day and in order; of missed cron times
//! only the latest.

use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use domain::shared::moment::local_date;
use futures::future::BoxFuture;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Jobs, NewJob, PLATFORM};
use crate::accounts::AccountsError;

/// When a schedule starts its job.
#[derive(Debug, Clone)]
pub enum Cadence {
    /// Once for each local day of each company; the payload is `{"date": "2026-11-20"}`.
    LocalMidnight {
        /// Of days that were missed only the newest, and not the day on which the company came.
        newest_only: bool,
    },
    /// For each company by this expression, in its time zone; the payload is `{"at": instant}`.
    CompanyCron(Box<Cron>),
    /// Once for the platform by this expression, in UTC; the payload is `{"at": instant}`.
    PlatformCron(Box<Cron>),
}

/// A kind of job and when it starts.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Kind of job. Stored, so it never changes.
    pub kind: &'static str,
    /// Lane of its jobs.
    pub lane: &'static str,
    /// When it starts.
    pub cadence: Cadence,
}

/// Why a cron expression cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{expression} is not a cron expression")]
pub struct BadCron {
    /// What was given.
    expression: String,
    /// What the reader said.
    #[source]
    source: croner::errors::CronError,
}

impl Schedule {
    /// At each company's local midnight.
    pub fn at_midnight(kind: &'static str) -> Self {
        Self { kind, lane: kind, cadence: Cadence::LocalMidnight { newest_only: false } }
    }

    /// For the newest day of each company but its first, after the jobs of `lane` that were enqueued before.
    pub fn after_midnight(kind: &'static str, lane: &'static str) -> Self {
        Self { kind, lane, cadence: Cadence::LocalMidnight { newest_only: true } }
    }

    /// For the platform, by a cron expression in UTC.
    pub fn platform(kind: &'static str, expression: &str) -> Result<Self, BadCron> {
        Ok(Self { kind, lane: kind, cadence: Cadence::PlatformCron(Box::new(cron(expression)?)) })
    }

    /// For each company, by a cron expression in its time zone.
    pub fn company(kind: &'static str, expression: &str) -> Result<Self, BadCron> {
        Ok(Self { kind, lane: kind, cadence: Cadence::CompanyCron(Box::new(cron(expression)?)) })
    }
}

/// Tells the time zones of companies; answered from their profiles.
pub trait CompanyZones: Send + Sync + 'static {
    /// Zones of those of `companies` that are known.
    fn zones<'a>(
        &'a self,
        companies: &'a [Uuid],
    ) -> BoxFuture<'a, Result<HashMap<Uuid, Tz>, Box<dyn std::error::Error + Send + Sync>>>;
}

/// Starts what is due.
pub struct Scheduler {
    jobs: Jobs,
    zones: Arc<dyn CompanyZones>,
    schedules: Vec<Schedule>,
}

/// Why a look at the schedules failed.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The tables cannot be used.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The time zones cannot be had.
    #[error("the time zones of the companies cannot be had")]
    Zones(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<sqlx::Error> for ScheduleError {
    fn from(error: sqlx::Error) -> Self {
        Self::Accounts(error.into())
    }
}

/// A company and how far one of its schedules is.
#[derive(sqlx::FromRow)]
struct Due {
    company_id: Uuid,
    created_at: DateTime<Utc>,
    last_run_at: Option<DateTime<Utc>>,
}

impl Scheduler {
    /// A scheduler of these schedules.
    pub fn new(jobs: Jobs, zones: Arc<dyn CompanyZones>, schedules: Vec<Schedule>) -> Self {
        Self { jobs, zones, schedules }
    }

    /// Looks every `pause` until `shutdown`.
    pub async fn run(self, pause: Duration, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            if let Err(error) = self.tick().await {
                tracing::warn!(error = %super::JobError::again(&error), "the schedules cannot be kept");
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Starts everything that is due now; answers how many jobs.
    pub async fn tick(&self) -> Result<usize, ScheduleError> {
        let now = self.jobs.clock().now();
        let mut started = 0;
        for schedule in &self.schedules {
            started += match &schedule.cadence {
                Cadence::LocalMidnight { newest_only } => {
                    self.start_days(schedule, *newest_only, now).await?
                }
                Cadence::CompanyCron(cron) => self.start_company_cron(schedule, cron, now).await?,
                Cadence::PlatformCron(cron) => {
                    self.start_cron(schedule, PLATFORM, last_before(cron, now, Tz::UTC)).await?
                }
            };
        }
        if started > 0 {
            self.jobs.wake();
        }
        Ok(started)
    }

    async fn start_days(
        &self,
        schedule: &Schedule,
        newest_only: bool,
        now: DateTime<Utc>,
    ) -> Result<usize, ScheduleError> {
        // No clock on earth is more than 14 hours ahead of UTC.
        let latest = (now + TimeDelta::hours(14)).date_naive();
        let due: Vec<Due> = sqlx::query_as(
            "select c.company_id, c.created_at, s.last_run_at
             from accounts.companies c
             left join accounts.schedules s on s.company_id = c.company_id and s.kind = $1
             where s.last_run_for is null or s.last_run_for < $2
             order by c.company_id",
        )
        .bind(schedule.kind)
        .bind(latest)
        .fetch_all(self.jobs.pool())
        .await?;
        let mut started = 0;
        for (company, zone) in self.with_zones(due).await? {
            let came = local_date(company.created_at, zone);
            let today = local_date(now, zone);
            let first = if newest_only { today.max(came.succ_opt().unwrap_or(came)) } else { came };
            started += self.start_days_of(schedule, company.company_id, first, today).await?;
        }
        Ok(started)
    }

    /// Enqueues a job for each day after the last recorded one up to `today`, none before `first`.
    async fn start_days_of(
        &self,
        &Schedule { kind, lane, .. }: &Schedule,
        company_id: Uuid,
        first: NaiveDate,
        today: NaiveDate,
    ) -> Result<usize, ScheduleError> {
        let mut tx = self.jobs.pool().begin().await?;
        let last = locked_schedule(&mut tx, company_id, kind).await?.0;
        let next = last.map_or(Some(first), |last| last.succ_opt().map(|next| next.max(first)));
        let mut started = 0;
        for day in next.into_iter().flat_map(|day| day.iter_days()).take_while(|day| *day <= today) {
            let job = NewJob::new(company_id, kind, serde_json::json!({ "date": day }))
                .deduplicated(day.to_string())
                .in_lane(lane);
            self.jobs.enqueue(&mut tx, job).await?;
            started += 1;
        }
        if started > 0 {
            sqlx::query(
                "update accounts.schedules set last_run_for = $3 where company_id = $1 and kind = $2",
            )
            .bind(company_id)
            .bind(kind)
            .bind(today)
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
        }
        Ok(started)
    }

    async fn start_company_cron(
        &self,
        schedule: &Schedule,
        cron: &Cron,
        now: DateTime<Utc>,
    ) -> Result<usize, ScheduleError> {
        let companies: Vec<Due> = sqlx::query_as(
            "select c.company_id, c.created_at, s.last_run_at
             from accounts.companies c
             left join accounts.schedules s on s.company_id = c.company_id and s.kind = $1
             order by c.company_id",
        )
        .bind(schedule.kind)
        .fetch_all(self.jobs.pool())
        .await?;
        let mut started = 0;
        for (company, zone) in self.with_zones(companies).await? {
            let since = company.last_run_at.unwrap_or(company.created_at);
            let at = last_before(cron, now, zone).filter(|at| *at > since);
            started += self.start_cron(schedule, company.company_id, at).await?;
        }
        Ok(started)
    }

    /// Enqueues the job of the time `at`, unless it was started before.
    async fn start_cron(
        &self,
        &Schedule { kind, lane, .. }: &Schedule,
        company_id: Uuid,
        at: Option<DateTime<Utc>>,
    ) -> Result<usize, ScheduleError> {
        let Some(at) = at else { return Ok(0) };
        let mut tx = self.jobs.pool().begin().await?;
        if locked_schedule(&mut tx, company_id, kind).await?.1.is_some_and(|last| last >= at) {
            return Ok(0);
        }
        let job = NewJob::new(company_id, kind, serde_json::json!({ "at": at }))
            .deduplicated(at.to_rfc3339())
            .in_lane(lane);
        self.jobs.enqueue(&mut tx, job).await?;
        sqlx::query("update accounts.schedules set last_run_at = $3 where company_id = $1 and kind = $2")
            .bind(company_id)
            .bind(kind)
            .bind(at)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(1)
    }

    /// Adds the zones; a company that is not known yet waits for the next look.
    async fn with_zones(&self, companies: Vec<Due>) -> Result<Vec<(Due, Tz)>, ScheduleError> {
        if companies.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = companies.iter().map(|company| company.company_id).collect();
        let zones = self.zones.zones(&ids).await.map_err(ScheduleError::Zones)?;
        let known = |company: Due| zones.get(&company.company_id).map(|zone| (company, *zone));
        Ok(companies.into_iter().filter_map(known).collect())
    }
}

/// The record of a schedule, locked and made if missing: last local day, last instant.
async fn locked_schedule(
    conn: &mut PgConnection,
    company_id: Uuid,
    kind: &str,
) -> Result<(Option<NaiveDate>, Option<DateTime<Utc>>), AccountsError> {
    let row = sqlx::query_as(
        "insert into accounts.schedules as known (company_id, kind)
         values ($1, $2)
         on conflict (company_id, kind) do update set kind = known.kind
         returning last_run_for, last_run_at",
    )
    .bind(company_id)
    .bind(kind)
    .fetch_one(conn)
    .await?;
    Ok(row)
}

fn last_before(cron: &Cron, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    cron.find_previous_occurrence(&now.with_timezone(&zone), true).ok().map(|at| at.with_timezone(&Utc))
}

fn cron(expression: &str) -> Result<Cron, BadCron> {
    Cron::from_str(expression).map_err(|source| BadCron { expression: expression.to_owned(), source })
}
