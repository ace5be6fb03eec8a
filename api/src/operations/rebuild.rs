//! POST /ops/projections/{name}/rebuild: fold a read model again beside the live one.

use axum::extract::State;
use commands::accounts::jobs::{JobContext, JobError, JobHandler, NewJob};
use futures::future::BoxFuture;
use migrations::Database;
use projections::rebuild::rebuild;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::answer::{Done, Written};
use crate::body::Digest;
use crate::context::Caller;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::state::AppState;

/// How to rebuild.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RebuildParams {
    /// Compare only; the new copy is discarded.
    #[param(default = false)]
    diff_only: Option<bool>,
}

/// A job that was started.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct StartedJob {
    /// The job; see GET /jobs/{id}.
    job_id: Uuid,
}

/// Rebuild a read model.
///
/// Folds it from zero beside the live one, compares both, and lets the new copy take its place. The job's result
/// holds the comparison.
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
    let payload = serde_json::json!({ "projection": name, "diff_only": params.diff_only.unwrap_or(false) });
    let job = NewJob::new(caller.company_id, RebuildProjection::KIND, payload).deduplicated(name);
    let jobs = state.jobs.clone();
    let key = caller.accounts_key(digest);
    let answer = state
        .accounts
        .once(caller.company_id, key.as_ref(), |conn| {
            Box::pin(async move { Ok(StartedJob { job_id: jobs.enqueue(conn, job).await? }) })
        })
        .await?;
    state.jobs.wake();
    let location = format!("/jobs/{}", answer.value.job_id);
    let done = Done::from(&answer);
    Ok(Written::accepted(answer.value, done).location(&location))
}

/// Handler of `rebuild_projection` jobs.
pub(crate) struct RebuildProjection {
    database: Database,
}

#[derive(Deserialize)]
struct Payload {
    projection: String,
    diff_only: bool,
}

impl RebuildProjection {
    /// Kind of its jobs.
    pub(crate) const KIND: &'static str = "rebuild_projection";

    pub(crate) fn new(database: Database) -> Self {
        Self { database }
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
        let Payload { projection, diff_only } =
            serde_json::from_value(payload).map_err(|error| never(&error))?;
        let projection = projections::registry::named(&projection).map_err(|error| never(&error))?;
        let (told, mut news) = watch::channel((0, 0));
        let progress = |done, target| {
            told.send_replace((done, target));
        };
        let rebuilt = rebuild(self.database.owner(), projection.as_ref(), diff_only, &progress);
        let shown = async {
            while news.changed().await.is_ok() {
                let (done, target) = *news.borrow_and_update();
                context.progress(done, Some(target)).await?;
            }
            std::future::pending().await
        };
        let rebuilt = tokio::select! {
            rebuilt = rebuilt => rebuilt.map_err(|error| JobError::again(&error))?,
            stopped = shown => return stopped,
        };
        serde_json::to_value(rebuilt).map_err(|error| never(&error))
    }
}
