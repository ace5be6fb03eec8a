//! `POST /locations/{location_id}/reactivate`: open a location again.

use axum::extract::State;

use commands::Operation;

use crate::answer::Written;
use crate::body::Digest;
use crate::catalogue::lookup::{answer_location, location_named};
use crate::catalogue::view::LocationAnswer;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Reactivate a location.
#[utoipa::path(
    post,
    path = "/locations/{location_id}/reactivate",
    operation_id = "reactivate_location",
    tag = "catalogue",
    params(("location_id" = String, Path, description = "External code of the location")),
    responses((status = 200, description = "The location as it stands now", body = LocationAnswer)),
    extensions(("x-room" = json!("catalogue")))
)]
pub(crate) async fn reactivate(
    State(state): State<AppState>,
    caller: Caller,
    Path(location_id): Path<String>,
    digest: Digest,
) -> Result<Written<LocationAnswer>, Problem> {
    let operation = Operation::ReactivateLocation { location_id: location_named(&location_id)? };
    answer_location(&state, &caller, digest, operation).await
}
