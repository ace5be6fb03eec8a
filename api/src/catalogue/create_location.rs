//! `POST /locations`: set up a location.

use axum::extract::State;

use crate::answer::Written;
use crate::body::Body;
use crate::catalogue::location_body::LocationBody;
use crate::catalogue::lookup::{location_of, segment};
use crate::catalogue::view::LocationAnswer;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// Create a location.
#[utoipa::path(
    post,
    path = "/locations",
    operation_id = "create_location",
    tag = "catalogue",
    request_body = LocationBody,
    responses((status = 201, description = "The new location", body = LocationAnswer)),
    extensions(("x-room" = json!("catalogue")))
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Body { value, digest }: Body<LocationBody>,
) -> Result<Written<LocationAnswer>, Problem> {
    let (outcome, done) = state.submit_one(&caller, digest, value.create()?).await?;
    let answer = LocationAnswer { location: location_of(outcome)?, position: done.position };
    let (version, path) =
        (answer.location.version, format!("/locations/{}", segment(&answer.location.location_id)));
    Ok(Written::created(answer, done).etag(version).location(&path))
}
