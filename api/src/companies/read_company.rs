//! `GET /company`: the active company.

use axum::Json;
use axum::extract::State;

use projections::companies::queries;

use crate::companies::profile::CompanyView;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// Read the company.
#[utoipa::path(
    get,
    path = "/company",
    operation_id = "read_company",
    tag = "settings",
    responses((status = 200, description = "The active company", body = CompanyView)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404])))
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<CompanyView>, Problem> {
    let mut tx = caller.read(&state, &["companies"]).await?;
    let company = queries::company(&mut tx, caller.company_id).await?;
    company.map(|row| Json(CompanyView::from(row))).ok_or_else(|| Problem::not_found("company"))
}
