//! GET /forecast/latest: the run of forecasts that was published last.

use axum::extract::State;
use axum::response::Response;
use domain::planning::event::ForecastPolicy;
use projections::planning::run_queries;
use serde::Deserialize;
use utoipa::IntoParams;

use super::run_view::{RunFilter, RunView, published};
use crate::context::Caller;
use crate::extract::Query;
use crate::list::{ListParams, Listing};
use crate::planning::as_of::PlanParams;
use crate::problem::Problem;
use crate::state::AppState;

/// The last run of which kind.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LatestParams {
    /// The last run for this location; for the whole company where it is left out.
    location_id: Option<String>,
    /// Only runs that were made so: `MOVING_AVERAGE`, `AUTOMATIC`, `AUTO_ETS` or `EXTERNAL`.
    #[param(value_type = Option<String>)]
    policy: Option<ForecastPolicy>,
}

/// Read the newest run of forecasts.
#[utoipa::path(get, path = "/forecast/latest", operation_id = "read_latest_forecast_run", tag = "planning",
    params(LatestParams, RunFilter, ListParams),
    responses((status = 200, description = "The run", body = RunView)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404]))))]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Query(params): Query<LatestParams>,
    Query(filter): Query<RunFilter>,
    listing: Listing,
) -> Result<Response, Problem> {
    let mut tx = caller.read(&state, &["planning", "catalogue"]).await?;
    let place = PlanParams { as_of: None, location_id: params.location_id };
    let location = place.location(&mut tx, &caller).await?;
    let policy = params.policy.map(ForecastPolicy::name);
    let run = run_queries::latest(&mut tx, caller.company_id, location.as_deref(), policy).await?;
    let run = run.ok_or_else(|| Problem::not_found("run of forecasts"))?;
    published(tx, &caller, run, (&filter, &listing)).await
}
