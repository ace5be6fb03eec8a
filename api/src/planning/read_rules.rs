//! GET /settings/recommendation-rules: which recommendations are made, and for whom.

use axum::Json;
use axum::extract::State;
use domain::companies::Settings;
use domain::planning::event::COMPANY_STREAM;
use domain::planning::recommendation::THRESHOLDS;
use projections::{companies, planning_settings};

use crate::context::Caller;
use crate::planning::rules_document::RulesDocument;
use crate::problem::Problem;
use crate::state::AppState;

/// Read the rules of recommendations.
#[utoipa::path(get, path = "/settings/recommendation-rules", operation_id = "read_recommendation_rules", tag = "settings",
    responses((status = 200, description = "The rules that hold", body = RulesDocument)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<RulesDocument>, Problem> {
    let mut tx = caller.read(&state, &["companies", "planning_settings"]).await?;
    let chosen = planning_settings::queries::chosen(&mut tx, caller.company_id, COMPANY_STREAM).await?;
    let company = companies::queries::company(&mut tx, caller.company_id).await?;
    let settings = company.map_or_else(Settings::default, |company| company.settings());
    let mut thresholds = settings.document();
    thresholds.retain(|key, _| THRESHOLDS.contains(&key.as_str()));
    Ok(Json(RulesDocument::new(chosen.rules(), thresholds, None)))
}
