//! What runs beside requests: jobs, schedules, and the small tasks that keep the process tidy.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use commands::accounts::jobs::housekeeping::ExpireLogKeys;
use commands::accounts::jobs::{
    CompanyZones, DayStart, ExpireRequestKeys, JobHandler, Runner, RunnerSettings, Schedule, Scheduler,
    StartDays,
};
use commands::{Committers, Operation, Submission, Verdict};
use connectors::forecaster::NoClient;
use domain::shared::ids::CompanyId;
use event_log::event::Metadata;
use futures::future::BoxFuture;
use projections::projection::{Projection, ProjectionError};
use projections::rebuild::{Options, Progress};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::operations::RebuildProjection;
use crate::planning::RefreshMetrics;
use crate::planning::run_job::RunForecasts;
use crate::state::AppState;

type Outside = Box<dyn std::error::Error + Send + Sync>;

/// Pause between looks at the schedules.
const SCHEDULE_PAUSE: Duration = Duration::from_secs(5);
/// Pause between tidyings.
const TIDY_PAUSE: Duration = Duration::from_secs(5);

/// Pause before a read model is built again after a failure; doubled each time.
const BUILD_PAUSE: Duration = Duration::from_secs(1);
/// Longest such pause.
const MAX_BUILD_PAUSE: Duration = Duration::from_mins(1);
/// Pause between two lines about a read model that is built.
const BUILD_TOLD_EVERY: Duration = Duration::from_secs(5);

/// Starts jobs and schedules; they end when the state's `stop` is cancelled.
pub(crate) fn start_jobs(
    state: &AppState,
    committing: PgPool,
    projecting: PgPool,
    tasks: &TaskTracker,
) -> Result<(), NoClient> {
    let days = Arc::new(Days { state: state.clone() });
    let keys = Arc::new(LogKeys { pool: committing });
    let handlers: Vec<Arc<dyn JobHandler>> = vec![
        Arc::new(DayStart::new(days)),
        Arc::new(ExpireRequestKeys::new(state.accounts.clone(), state.jobs.clone(), keys)),
        Arc::new(RebuildProjection::new(state.database.clone(), state.config.archive.clone())),
        Arc::new(RefreshMetrics::new(state.clone())),
        Arc::new(RunForecasts::new(state.clone())?),
    ];
    let runner = Runner::new(state.jobs.clone(), handlers, RunnerSettings::default());
    tasks.spawn(runner.run(state.stop.clone()));
    let mut schedules = vec![
        Schedule::at_midnight(DayStart::KIND),
        Schedule::after_midnight(RunForecasts::KIND, DayStart::KIND),
    ];
    match Schedule::platform(ExpireRequestKeys::KIND, ExpireRequestKeys::DAILY) {
        Ok(schedule) => schedules.push(schedule),
        Err(error) => tracing::error!(%error, "a schedule cannot be read"),
    }
    let zones = Arc::new(Zones { pool: projecting });
    let midnight = Scheduler::new(state.jobs.clone(), zones, schedules);
    tasks.spawn(midnight.run(SCHEDULE_PAUSE, state.stop.clone()));
    Ok(())
}

/// Forgets quiet callers and empties the metrics' buffers now and then.
pub(crate) async fn tidy(state: AppState) {
    loop {
        tokio::select! {
            () = state.stop.cancelled() => return,
            () = tokio::time::sleep(TIDY_PAUSE) => {}
        }
        state.limiter.forget_quiet();
        state.metrics.run_upkeep();
    }
}

/// Builds read models whose version is new to a long log, one after the other. Until then nobody reads them: the
/// process is not ready, and a process of the former release goes on with its own version.
pub(crate) async fn build(state: AppState, unbuilt: Vec<Arc<dyn Projection>>) {
    for projection in unbuilt {
        let mut pause = BUILD_PAUSE;
        while let Err(error) = build_one(&state, &projection).await {
            tracing::error!(projection = projection.name(), %error, "a read model cannot be built");
            tokio::select! {
                () = state.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(MAX_BUILD_PAUSE),
            }
        }
        if state.stop.is_cancelled() {
            return;
        }
    }
}

async fn build_one(state: &AppState, projection: &Arc<dyn Projection>) -> Result<(), ProjectionError> {
    let (name, version) = (projection.name(), projection.version());
    let (progress, news) = watch::channel(Progress::default());
    let options = Options { progress, archive: state.config.archive.clone(), ..Options::default() };
    let told = async {
        loop {
            tokio::time::sleep(BUILD_TOLD_EVERY).await;
            let Progress { stage, done, total, per_second } = *news.borrow();
            tracing::info!(
                name,
                version,
                stage = stage.name(),
                done,
                total,
                per_second,
                "a read model is built"
            );
        }
    };
    tokio::select! {
        () = state.stop.cancelled() => Ok(()),
        () = told => Ok(()),
        built = projections::rebuild::build(state.database.owner(), projection, options) => {
            built?;
            tracing::info!(name, version, "a read model is complete");
            Ok(())
        }
    }
}

struct Days {
    state: AppState,
}

impl StartDays for Days {
    fn start_day(&self, company_id: Uuid, date: NaiveDate) -> BoxFuture<'_, Result<(), Outside>> {
        Box::pin(
            async move { start_day(&self.state.committers, self.state.ids.next(), company_id, date).await },
        )
    }
}

async fn start_day(
    committers: &Committers,
    id: Uuid,
    company_id: Uuid,
    date: NaiveDate,
) -> Result<(), Outside> {
    let submission = Submission {
        company_id: CompanyId(company_id),
        metadata: Metadata {
            actor: "system:scheduler".to_owned(),
            command_id: id,
            correlation_id: id,
            causation_id: None,
            source: "job:day_start".to_owned(),
        },
        request_key: None,
        operations: vec![Operation::StartDay { date }],
    };
    let receipt = committers.submit(submission).await?;
    match receipt.verdicts.into_iter().next() {
        Some(Verdict::Refused(refused)) => Err(refused.message.into()),
        _ => Ok(()),
    }
}

struct LogKeys {
    pool: PgPool,
}

impl ExpireLogKeys for LogKeys {
    fn expire(&self, before: DateTime<Utc>) -> BoxFuture<'_, Result<u64, Outside>> {
        Box::pin(async move {
            let mut conn = self.pool.acquire().await?;
            let expired = event_log::keys::expire(&mut conn, before).await?;
            Ok(u64::try_from(expired).unwrap_or(0))
        })
    }
}

struct Zones {
    pool: PgPool,
}

impl CompanyZones for Zones {
    fn zones<'a>(
        &'a self,
        companies: &'a [Uuid],
    ) -> BoxFuture<'a, Result<HashMap<Uuid, chrono_tz::Tz>, Outside>> {
        Box::pin(async move {
            let mut conn = self.pool.acquire().await?;
            let rows = projections::companies::queries::time_zones(&mut conn, companies).await?;
            Ok(rows.into_iter().filter_map(|(company, zone)| Some((company, zone.parse().ok()?))).collect())
        })
    }
}
