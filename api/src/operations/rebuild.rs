//! POST /ops/projections/{name}/rebuild: fold a read model again beside the live one.

use std::time::Duration;

use axum::extract::State;
use commands::accounts::jobs::{JobContext, JobError, JobHandler, NewJob};
use event_log::LogError;
use event_log::archive::Archive;
use futures::future::BoxFuture;
use migrations::Database;
use projections::projection::ProjectionError;
use projections::rebuild::{Options, Progress, rebuild};
use serde::Deserialize;
use tokio::sync::watch;
use utoipa::IntoParams;

use crate::answer::Written;
use crate::body::Digest;
use crate::context::Caller;
use crate::extract::{Path, Query};
use crate::jobs::start::{StartedJob, start};
use crate::problem::Problem;
use crate::state::AppState;

/// Pause between two notes of a job's progress.
const SHOWN_EVERY: Duration = Duration::from_millis(500);

/// How to rebuild.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RebuildParams {
    /// Compare only; the new copy is discarded.
    #[param(default = false)]
    diff_only: Option<bool>,
    /// Fold at most so many events a second; unless told, as fast as it goes, and 100,000 while people read and write.
    #[param(minimum = 1)]
    max_rate: Option<u32>,
}

/// Rebuild a read model.
///
/// Folds it from zero beside the live one, compares both, and lets the new copy take its place, while reads and commands
/// go on. GET /ops/projections shows how far it has come; the job's result holds the comparison.
#[utoipa::path(post, path = "/ops/projections/{name}/rebuild", operation_id = "rebuild_projection", tag = "operations",
    params(("name" = String, Path, description = "Projection, for example `inventory`"), RebuildParams),
    responses((status = 202, description = "A job was started", body = StartedJob)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn rebuild_projection(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Query(params): Query<RebuildParams>,
    digest: Digest,
) -> Result<Written<StartedJob>, Problem> {
    let name = projections::registry::named(&name)?.name();
    if params.max_rate == Some(0) {
        return Err(Problem::invalid("invalid_parameter", "?max_rate", "must be 1 or more"));
    }
    let payload = serde_json::json!({
        "projection": name,
        "diff_only": params.diff_only.unwrap_or(false),
        "max_rate": params.max_rate,
    });
    let job = NewJob::new(caller.company_id, RebuildProjection::KIND, payload).deduplicated(name);
    start(&state, &caller, digest, job).await
}

/// Handler of `rebuild_projection` jobs.
pub(crate) struct RebuildProjection {
    database: Database,
    archive: Archive,
}

#[derive(Deserialize)]
struct Payload {
    projection: String,
    diff_only: bool,
    #[serde(default)]
    max_rate: Option<u32>,
}

impl RebuildProjection {
    /// Kind of its jobs.
    pub(crate) const KIND: &'static str = "rebuild_projection";

    pub(crate) fn new(database: Database, archive: Archive) -> Self {
        Self { database, archive }
    }
}

impl JobHandler for RebuildProjection {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run(
        &self,
        context: JobContext,
        payload: serde_json::Value,
    ) -> BoxFuture<'_, Result<serde_json::Value, JobError>> {
        Box::pin(self.rebuild(context, payload))
    }
}

impl RebuildProjection {
    async fn rebuild(
        &self,
        context: JobContext,
        payload: serde_json::Value,
    ) -> Result<serde_json::Value, JobError> {
        let never = |error: &dyn std::error::Error| JobError::Never(error.to_string());
        let Payload { projection, diff_only, max_rate } =
            serde_json::from_value(payload).map_err(|error| never(&error))?;
        let projection = projections::registry::named(&projection).map_err(|error| never(&error))?;
        let (progress, mut news) = watch::channel(Progress::default());
        let archive = self.archive.clone();
        let options = Options { diff_only, max_rate, progress, archive, ..Options::default() };
        let rebuilt = rebuild(self.database.owner(), &projection, options);
        let shown = async {
            while news.changed().await.is_ok() {
                let Progress { done, total, .. } = *news.borrow_and_update();
                context.progress(done, Some(total)).await?;
                tokio::time::sleep(SHOWN_EVERY).await;
            }
            std::future::pending().await
        };
        let rebuilt = tokio::select! {
            rebuilt = rebuilt => rebuilt.map_err(|error| failed(&error))?,
            stopped = shown => return stopped,
        };
        serde_json::to_value(rebuilt).map_err(|error| never(&error))
    }
}

/// Where the archive is not known no attempt will succeed.
fn failed(error: &ProjectionError) -> JobError {
    match error {
        ProjectionError::Log(archived @ LogError::Archived { .. }) => JobError::Never(archived.to_string()),
        error => JobError::again(error),
    }
}
