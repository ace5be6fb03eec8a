//! POST /inventory/metrics/refresh: plan everything anew.

use axum::extract::State;
use commands::accounts::jobs::{JobContext, JobError, JobHandler, NewJob};
use futures::future::BoxFuture;
use projections::planning::refresh;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::Written;
use crate::body::Digest;
use crate::context::Caller;
use crate::extract::Query;
use crate::jobs::start::{StartedJob, start};
use crate::problem::Problem;
use crate::state::AppState;

/// How to refresh.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RefreshParams {
    /// Compare only; plans stay as they are.
    #[param(default = false)]
    diff_only: Option<bool>,
}

/// Refresh the metrics.
///
/// Starts a job that computes the plans of all products anew from everything that is kept, and tells how many were others
/// before; while one waits or runs there is no second. Plans follow every fact by themselves, so there should be none.
#[utoipa::path(
    post,
    path = "/inventory/metrics/refresh",
    operation_id = "refresh_metrics",
    tag = "planning",
    params(RefreshParams),
    responses((status = 202, description = "A job was started, or is under way", body = StartedJob)),
    extensions(("x-room" = json!("planning")))
)]
pub(crate) async fn refresh(
    State(state): State<AppState>,
    caller: Caller,
    Query(params): Query<RefreshParams>,
    digest: Digest,
) -> Result<Written<StartedJob>, Problem> {
    let diff_only = params.diff_only.unwrap_or(false);
    let job =
        NewJob::new(caller.company_id, RefreshMetrics::KIND, serde_json::json!({"diff_only": diff_only}))
            .deduplicated(if diff_only { "compare" } else { "replace" });
    start(&state, &caller, digest, job).await
}

/// Handler of `refresh_metrics` jobs.
pub(crate) struct RefreshMetrics {
    state: AppState,
}

#[derive(Deserialize)]
struct Payload {
    diff_only: bool,
}

impl RefreshMetrics {
    /// Kind of its jobs.
    pub(crate) const KIND: &'static str = "refresh_metrics";

    pub(crate) fn new(state: AppState) -> Self {
        Self { state }
    }
}

impl JobHandler for RefreshMetrics {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run(
        &self,
        context: JobContext,
        payload: serde_json::Value,
    ) -> BoxFuture<'_, Result<serde_json::Value, JobError>> {
        Box::pin(async move {
            let never = |error: serde_json::Error| JobError::Never(error.to_string());
            let Payload { diff_only } = serde_json::from_value(payload).map_err(never)?;
            let company_id = context.company_id();
            let partition = self.state.committers.partition_of(company_id);
            let refreshed = refresh::refresh(self.state.database.owner(), company_id, partition, diff_only)
                .await
                .map_err(|error| JobError::again(&error))?;
            serde_json::to_value(refreshed).map_err(never)
        })
    }
}
