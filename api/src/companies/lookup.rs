//! What others write money and dates in: the company's currency and time zone.
//!
//! They come from the read model; where it does not know the company yet, the committer does.

use chrono_tz::Tz;
use commands::operation::CompanyEdit;
use commands::{Operation, Outcome, Submission, Verdict};
use domain::companies::event::Profile;
use domain::shared::money::Currency;
use projections::companies::queries;
use sqlx::PgConnection;

use crate::body::Digest;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// The company's currency.
pub(crate) async fn currency(
    conn: &mut PgConnection,
    state: &AppState,
    caller: &Caller,
) -> Result<Currency, Problem> {
    let company = queries::company(conn, caller.company_id).await?;
    match company.and_then(|company| Currency::new(&company.currency).ok()) {
        Some(currency) => Ok(currency),
        None => Ok(founded(state, caller).await?.currency),
    }
}

/// The company's time zone.
pub(crate) async fn time_zone(
    conn: &mut PgConnection,
    state: &AppState,
    caller: &Caller,
) -> Result<Tz, Problem> {
    let company = queries::company(conn, caller.company_id).await?;
    match company.and_then(|company| company.time_zone.parse().ok()) {
        Some(zone) => Ok(zone),
        None => Ok(founded(state, caller).await?.time_zone),
    }
}

/// The company as the committer knows it.
async fn founded(state: &AppState, caller: &Caller) -> Result<Profile, Problem> {
    let no_change = Operation::EditCompany { edit: CompanyEdit::default() };
    let asked = Submission { request_key: None, ..caller.submission(Digest::NONE, vec![no_change]) };
    match state.committers.submit(asked).await?.verdicts.pop() {
        Some(Verdict::Accepted(Outcome::Company { profile, .. })) => Ok(profile),
        _ => Err(Problem::not_found("company")),
    }
}
