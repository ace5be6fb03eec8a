//! `PUT /locations/{location_id}`: change a location.

use axum::extract::State;

use commands::Operation;

use crate::answer::Written;
use crate::body::Body;
use crate::catalogue::if_match::IfMatch;
use crate::catalogue::location_body::LocationBody;
use crate::catalogue::lookup::{answer_location, location_named};
use crate::catalogue::view::LocationAnswer;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Edit a location.
///
/// Absent fields stay, null clears; the key never changes. `is_primary: true` makes it the primary location in place of
/// the present one. With `If-Match` the edit happens only on that version (else 412 with the current one).
#[utoipa::path(
    put,
    path = "/locations/{location_id}",
    operation_id = "edit_location",
    tag = "catalogue",
    params(
        ("location_id" = String, Path, description = "External code of the location"),
        ("If-Match" = Option<String>, Header, description = "ETag of the version that the caller saw"),
    ),
    request_body = LocationBody,
    responses((status = 200, description = "The location as it stands now", body = LocationAnswer)),
    extensions(("x-room" = json!("catalogue")), ("x-problems" = json!([412])))
)]
pub(crate) async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(location_id): Path<String>,
    IfMatch(expected_version): IfMatch,
    Body { value, digest }: Body<LocationBody>,
) -> Result<Written<LocationAnswer>, Problem> {
    let location_id = location_named(&location_id)?;
    let operation = Operation::EditLocation { location_id, edit: Box::new(value.edit()), expected_version };
    answer_location(&state, &caller, digest, operation).await
}
