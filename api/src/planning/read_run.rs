//! `GET /forecast/{run_id}`: a run of forecasts.

use axum::extract::State;
use axum::response::Response;
use projections::planning::run_queries;
use uuid::Uuid;

use super::run_job::RunForecasts;
use super::run_view::{RunFilter, RunView, published, unpublished};
use crate::context::Caller;
use crate::extract::{Path, Query};
use crate::list::{ListParams, Listing};
use crate::problem::Problem;
use crate::state::AppState;

/// Read a run of forecasts.
///
/// What it says of each product, as it was published; before that, how far it is.
#[utoipa::path(get, path = "/forecast/{run_id}", operation_id = "read_forecast_run", tag = "planning",
    params(("run_id" = Uuid, Path, description = "The run"), RunFilter, ListParams),
    responses((status = 200, description = "The run", body = RunView)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Path(run_id): Path<Uuid>,
    Query(filter): Query<RunFilter>,
    listing: Listing,
) -> Result<Response, Problem> {
    let mut tx = caller.read(&state, &["planning"]).await?;
    if let Some(run) = run_queries::run(&mut tx, caller.company_id, run_id).await? {
        return published(tx, &caller, run, (&filter, &listing)).await;
    }
    drop(tx);
    let job = state.jobs.get(caller.company_id, run_id).await?;
    if job.kind != RunForecasts::KIND {
        return Err(Problem::not_found("run of forecasts"));
    }
    Ok(unpublished(job, &listing))
}
