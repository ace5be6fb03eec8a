//! POST /forecast: forecasts of all items, published as a run.

use std::time::Duration;

use axum::extract::State;
use domain::planning::event::ForecastPolicy;
use domain::shared::ids::LocationId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::run_job::RunOrder;
use crate::answer::Written;
use crate::body::Body;
use crate::context::Caller;
use crate::jobs::start::{StartedJob, start as start_job};
use crate::planning::as_of::PlanParams;
use crate::problem::Problem;
use crate::state::AppState;

/// How long a request waits for what was written before it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to forecast, and how.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = ForecastRunRequest)]
pub(crate) struct RunBody {
    /// The location whose demand is forecast; the whole company's where absent.
    #[schema(example = "MAIN")]
    location_id: Option<String>,
    /// `MOVING_AVERAGE`, `AUTOMATIC`, `AUTO_ETS` or `EXTERNAL`; as the company chose where absent.
    #[schema(value_type = Option<String>, example = "AUTOMATIC")]
    policy: Option<ForecastPolicy>,
}

/// A run that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StartedRun {
    /// The job that makes it; see GET /jobs/{id}.
    job_id: Uuid,
    /// The run; see `GET /forecast/{run_id}`.
    run_id: Uuid,
}

/// Forecast.
///
/// Computes what every product is expected to sell on each of the next 30 days, from all that is known now, and publishes
/// it as a run, which is kept as it is. Plans follow runs that were made as the company chose. While a run of the same
/// location and policy is waiting, it is answered instead of another one.
#[utoipa::path(post, path = "/forecast", operation_id = "start_forecast_run", tag = "planning",
    request_body = RunBody,
    responses((status = 202, description = "A run was asked for", body = StartedRun)),
    extensions(("x-room" = json!("planning")), ("x-problems" = json!([404, 409]))))]
pub(crate) async fn start(
    State(state): State<AppState>,
    caller: Caller,
    Body { value, digest }: Body<RunBody>,
) -> Result<Written<StartedRun>, Problem> {
    if value.policy == Some(ForecastPolicy::External) && state.config.forecaster.is_none() {
        return Err(Problem::conflict("no_model_service", "this server knows no model outside"));
    }
    let head = state.committers.head(caller.company_id);
    if value.location_id.is_some() {
        // A location that was made a moment ago is known.
        state.wait(caller.company_id, &["catalogue"], head, PATIENCE).await?;
    }
    let mut tx = projections::tenant::begin(&state.reads, caller.company_id).await?;
    let place = PlanParams { as_of: None, location_id: value.location_id };
    let location = place.location(&mut tx, &caller).await?;
    drop(tx);
    let location_id = location.map(|location| LocationId::new(&location)).transpose();
    let location_id = location_id.map_err(|error| Problem::internal(&error))?;
    let order = RunOrder::asked((location_id, value.policy), caller.actor(), head);
    let job = order.job(caller.company_id).map_err(|error| Problem::internal(&error))?;
    let started = start_job(&state, &caller, digest, job).await?;
    Ok(started.map(|StartedJob { job_id }| StartedRun { job_id, run_id: job_id }))
}
