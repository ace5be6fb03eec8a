//! GET /settings/forecast-policy: how forecasts are made.

use axum::Json;
use axum::extract::State;
use domain::planning::event::{COMPANY_STREAM, ForecastPolicy};
use projections::planning_settings::queries;
use serde::Serialize;
use utoipa::ToSchema;

use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// How forecasts are made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForecastPolicy)]
pub(super) struct PolicyView {
    /// `MOVING_AVERAGE`: by the rules. `AUTOMATIC`: for each item by the method that a back-test liked best. `AUTO_ETS`: by
    /// exponential smoothing with a trend or none. `EXTERNAL`: by a model outside. By the rules where these have nothing to
    /// say.
    #[schema(value_type = String, example = "MOVING_AVERAGE")]
    pub(super) policy: ForecastPolicy,
    /// Position of the change, in answers to commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<i64>,
}

/// Read how forecasts are made.
#[utoipa::path(get, path = "/settings/forecast-policy", operation_id = "read_forecast_policy", tag = "settings",
    responses((status = 200, description = "The policy that holds", body = PolicyView)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn read(State(state): State<AppState>, caller: Caller) -> Result<Json<PolicyView>, Problem> {
    let mut tx = caller.read(&state, &["planning_settings"]).await?;
    let chosen = queries::chosen(&mut tx, caller.company_id, COMPANY_STREAM).await?;
    Ok(Json(PolicyView { policy: chosen.policy, position: None }))
}
