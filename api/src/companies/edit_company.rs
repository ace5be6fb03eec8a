//! `PUT /company`: change name, currency or time zone.

use axum::extract::State;

use commands::operation::CompanyEdit;
use commands::{Operation, Outcome};

use crate::answer::Written;
use crate::body::Body;
use crate::companies::profile::{CompanyAnswer, CompanyBody, CompanyView};
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// Edit the company.
///
/// Absent fields stay. The currency is refused (409) once a price was recorded.
#[utoipa::path(
    put,
    path = "/company",
    operation_id = "edit_company",
    tag = "settings",
    request_body = CompanyBody,
    responses((status = 200, description = "The company as it stands now", body = CompanyAnswer)),
    extensions(("x-room" = json!("settings")), ("x-problems" = json!([404])))
)]
pub(crate) async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Body { value, digest }: Body<CompanyBody>,
) -> Result<Written<CompanyAnswer>, Problem> {
    let operation = Operation::EditCompany { edit: CompanyEdit::try_from(value)? };
    let (outcome, done) = state.submit_one(&caller, digest, operation).await?;
    let Outcome::Company { profile, currency_locked } = outcome else {
        return Err(Problem::unavailable("the log answered something else", 1));
    };
    let company = CompanyView::of_profile(caller.company_id, profile, currency_locked);
    Ok(Written::ok(CompanyAnswer { company, position: done.position }, done))
}
