//! The company's time zone, in which dates become instants.

use chrono_tz::Tz;
use commands::operation::CompanyEdit;
use commands::{Operation, Outcome, Submission, Verdict};
use projections::companies;
use sqlx::PgConnection;

use crate::body::Digest;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// The zone. Where the read model does not know the company yet, the committer does.
pub(crate) async fn company_zone(
    conn: &mut PgConnection,
    state: &AppState,
    caller: &Caller,
) -> Result<Tz, Problem> {
    let company = companies::queries::company(conn, caller.company_id).await?;
    if let Some(zone) = company.and_then(|company| company.time_zone.parse().ok()) {
        return Ok(zone);
    }
    let no_change = Operation::EditCompany { edit: CompanyEdit::default() };
    let asked = Submission { request_key: None, ..caller.submission(Digest::NONE, vec![no_change]) };
    match state.committers.submit(asked).await?.verdicts.pop() {
        Some(Verdict::Accepted(Outcome::Company { profile, .. })) => Ok(profile.time_zone),
        _ => Err(Problem::not_found("company")),
    }
}
