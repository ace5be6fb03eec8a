//! PUT /settings/forecast-policy: choose how forecasts are made.

use axum::extract::State;
use commands::{Operation, Outcome};
use domain::planning::event::ForecastPolicy;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::Written;
use crate::body::Body;
use crate::context::Caller;
use crate::planning::read_policy::PolicyView;
use crate::planning::unexpected;
use crate::problem::Problem;
use crate::state::AppState;

/// How forecasts shall be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ForecastPolicyChange)]
pub(super) struct PolicyBody {
    /// `MOVING_AVERAGE`, `AUTOMATIC`, `AUTO_ETS` or `EXTERNAL`.
    #[schema(value_type = String, example = "AUTOMATIC")]
    policy: ForecastPolicy,
}

/// Choose how forecasts are made.
#[utoipa::path(put, path = "/settings/forecast-policy", operation_id = "edit_forecast_policy", tag = "settings",
    request_body = PolicyBody,
    responses((status = 200, description = "The policy that holds now", body = PolicyView)),
    extensions(("x-room" = json!("settings")), ("x-problems" = json!([404]))))]
pub(crate) async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Body { value, digest }: Body<PolicyBody>,
) -> Result<Written<PolicyView>, Problem> {
    let operation = Operation::ChooseForecastPolicy { policy: value.policy };
    let (outcome, done) = state.submit_one(&caller, digest, operation).await?;
    let Outcome::ForecastPolicy { policy } = outcome else { return Err(unexpected()) };
    Ok(Written::ok(PolicyView { policy, position: done.position }, done))
}
