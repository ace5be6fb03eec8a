//! PUT /settings/recommendation-rules: choose which recommendations are made, and for whom.

use axum::extract::State;
use commands::{Operation, Outcome};

use crate::answer::Written;
use crate::body::Body;
use crate::context::Caller;
use crate::planning::rules_document::{RulesBody, RulesDocument};
use crate::planning::unexpected;
use crate::problem::Problem;
use crate::state::AppState;

/// Choose rules of recommendations.
///
/// Parts that are absent stay, null takes one back to its default. The thresholds are the company's settings of the same
/// names: they change together with the rules, or (422) nothing does.
#[utoipa::path(put, path = "/settings/recommendation-rules", operation_id = "edit_recommendation_rules", tag = "settings",
    request_body = RulesBody,
    responses((status = 200, description = "The rules as they stand now", body = RulesDocument)),
    extensions(("x-room" = json!("settings")), ("x-problems" = json!([404]))))]
pub(crate) async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Body { value, digest }: Body<RulesBody>,
) -> Result<Written<RulesDocument>, Problem> {
    let (change, thresholds) = value.into_change();
    let operation = Operation::ChooseRecommendationRules { change, thresholds };
    let (outcome, done) = state.submit_one(&caller, digest, operation).await?;
    let Outcome::RecommendationRules { rules, thresholds } = outcome else { return Err(unexpected()) };
    Ok(Written::ok(RulesDocument::new(rules, thresholds, done.position), done))
}
