//! PUT /settings/holidays/{`date_local`}: make a day a holiday.

use axum::extract::State;
use chrono::NaiveDate;
use commands::{Operation, Outcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::Written;
use crate::body::{Body, Digest};
use crate::calendar;
use crate::context::Caller;
use crate::extract::Path;
use crate::planning::unexpected;
use crate::problem::Problem;
use crate::state::AppState;

/// What a holiday is called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HolidayBody {
    /// Its name, at most 200 characters.
    #[schema(example = "Easter Monday")]
    name: String,
}

/// A day as a command left it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HolidayAnswer {
    /// The day, local to the company.
    date_local: NaiveDate,
    /// What it is called; null where it is no holiday.
    name: Option<String>,
    /// Position of the change.
    position: Option<i64>,
}

/// Make a day a holiday.
///
/// Nothing happens where it is one of this name.
#[utoipa::path(put, path = "/settings/holidays/{date_local}", operation_id = "set_holiday", tag = "settings",
    params(("date_local" = NaiveDate, Path, description = "The day, local to the company")),
    request_body = HolidayBody,
    responses((status = 200, description = "The day as it stands now", body = HolidayAnswer)),
    extensions(("x-room" = json!("settings"))))]
pub(crate) async fn set(
    State(state): State<AppState>,
    caller: Caller,
    Path(date_local): Path<NaiveDate>,
    Body { value, digest }: Body<HolidayBody>,
) -> Result<Written<HolidayAnswer>, Problem> {
    let date_local = calendar::in_body("", date_local)?;
    answer_holiday(&state, &caller, digest, Operation::SetHoliday { date_local, name: value.name }).await
}

/// Submits an operation about one day and answers the day.
pub(super) async fn answer_holiday(
    state: &AppState,
    caller: &Caller,
    digest: Digest,
    operation: Operation,
) -> Result<Written<HolidayAnswer>, Problem> {
    let (outcome, done) = state.submit_one(caller, digest, operation).await?;
    let Outcome::Holiday { date_local, name } = outcome else { return Err(unexpected()) };
    Ok(Written::ok(HolidayAnswer { date_local, name, position: done.position }, done))
}
