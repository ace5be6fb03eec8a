//! GET /inventory/metrics/refresh: the last job that planned everything anew.

use axum::Json;
use axum::extract::State;

use super::refresh_metrics::RefreshMetrics;
use crate::context::Caller;
use crate::jobs::view::JobView;
use crate::problem::Problem;
use crate::state::AppState;

/// Read the last refresh of the metrics.
///
/// The newest job of POST on the same path; 404 where there was none.
#[utoipa::path(
    get,
    path = "/inventory/metrics/refresh",
    operation_id = "read_refresh",
    tag = "planning",
    responses((status = 200, description = "The job", body = JobView)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404])))
)]
pub(crate) async fn read(State(state): State<AppState>, caller: Caller) -> Result<Json<JobView>, Problem> {
    let job = state.jobs.newest(caller.company_id, RefreshMetrics::KIND).await?;
    job.map(|job| Json(job.into())).ok_or_else(|| Problem::not_found("job"))
}
