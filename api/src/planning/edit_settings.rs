//! PUT /settings/planning: choose settings of a category or an item.

use axum::extract::State;
use commands::{Operation, Outcome};
use serde_json::{Map, Value};

use crate::answer::Written;
use crate::body::Body;
use crate::catalogue::company_currency;
use crate::companies::SettingsChange;
use crate::context::Caller;
use crate::extract::Query;
use crate::planning::scope::{PlanningSettingsView, ScopeParams};
use crate::planning::unexpected;
use crate::problem::Problem;
use crate::state::AppState;

/// Choose settings of a category or an item.
///
/// Those that planning uses; others hold for the whole company (422). Keys that are absent stay, null takes a key back to
/// what holds around: for an item its category's, for a category the company's. One value that is not allowed (422)
/// refuses all.
#[utoipa::path(put, path = "/settings/planning", operation_id = "edit_planning_settings", tag = "settings",
    params(ScopeParams),
    request_body = SettingsChange,
    responses((status = 200, description = "What was chosen for it and what holds now", body = PlanningSettingsView)),
    extensions(("x-room" = json!("settings")), ("x-problems" = json!([404]))))]
pub(crate) async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Query(params): Query<ScopeParams>,
    Body { value, digest }: Body<Map<String, Value>>,
) -> Result<Written<PlanningSettingsView>, Problem> {
    let operation = Operation::ChoosePlanningSettings { scope: params.scope()?, changes: value };
    let (outcome, done) = state.submit_one(&caller, digest, operation).await?;
    let Outcome::PlanningSettings { scope, chosen, settings } = outcome else { return Err(unexpected()) };
    let currency = company_currency(&state, &caller).await?;
    Ok(Written::ok(PlanningSettingsView::new(scope, chosen, settings, currency, done.position), done))
}
