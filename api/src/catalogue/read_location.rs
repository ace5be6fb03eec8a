//! `GET /locations/{location_id}`: one location.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use projections::catalogue::queries;

use crate::catalogue::lookup::{location_named, unknown_location};
use crate::catalogue::view::LocationView;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Read a location.
#[utoipa::path(
    get,
    path = "/locations/{location_id}",
    operation_id = "read_location",
    tag = "catalogue",
    params(("location_id" = String, Path, description = "External code of the location")),
    responses((status = 200, description = "The location; its version is the ETag", body = LocationView)),
    extensions(("x-room" = json!("read")))
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Path(location_id): Path<String>,
) -> Result<Response, Problem> {
    let key = location_named(&location_id)?;
    let mut tx = caller.read(&state, &["catalogue"]).await?;
    let row = queries::location(&mut tx, caller.company_id, key.as_str()).await?;
    let row = row.ok_or_else(|| unknown_location(key.as_str()))?;
    let etag = format!("\"{}\"", row.version);
    Ok(([(header::ETAG, etag)], Json(LocationView::from(row))).into_response())
}
