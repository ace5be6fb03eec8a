//! DELETE /settings/holidays/{`date_local`}: a day is no holiday after all.

use axum::extract::State;
use chrono::NaiveDate;
use commands::Operation;

use crate::answer::Written;
use crate::body::Digest;
use crate::calendar;
use crate::context::Caller;
use crate::extract::Path;
use crate::planning::set_holiday::{HolidayAnswer, answer_holiday};
use crate::problem::Problem;
use crate::state::AppState;

/// Remove a holiday.
///
/// Nothing happens where the day is none.
#[utoipa::path(delete, path = "/settings/holidays/{date_local}", operation_id = "remove_holiday", tag = "settings",
    params(("date_local" = NaiveDate, Path, description = "The day, local to the company")),
    responses((status = 200, description = "The day as it stands now", body = HolidayAnswer)),
    extensions(("x-room" = json!("settings"))))]
pub(crate) async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(date_local): Path<NaiveDate>,
    digest: Digest,
) -> Result<Written<HolidayAnswer>, Problem> {
    let date_local = calendar::in_body("", date_local)?;
    answer_holiday(&state, &caller, digest, Operation::RemoveHoliday { date_local }).await
}
