//! `/warehouses`: the operations of `/locations` under the name that older clients know (decision 3).

use axum::extract::State;
use axum::response::Response;

use crate::answer::Written;
use crate::body::{Body, Digest};
use crate::catalogue::if_match::IfMatch;
use crate::catalogue::list_locations::LocationFilters;
use crate::catalogue::location_body::LocationBody;
use crate::catalogue::view::{LocationAnswer, LocationView};
use crate::catalogue::{
    create_location, deactivate_location, edit_location, list_locations, reactivate_location, read_location,
};
use crate::context::Caller;
use crate::extract::{Path, Query};
use crate::list::{List, ListParams, Listing};
use crate::problem::Problem;
use crate::state::AppState;

type Changed = Result<Written<LocationAnswer>, Problem>;

/// List warehouses: the same as `GET /locations`.
#[utoipa::path(
    get,
    path = "/warehouses",
    operation_id = "list_warehouses",
    tag = "catalogue",
    params(ListParams, LocationFilters),
    responses((status = 200, description = "A page of locations", body = List<LocationView>)),
    extensions(("x-room" = json!("read")))
)]
pub(crate) async fn list(
    state: State<AppState>,
    caller: Caller,
    listing: Listing,
    filters: Query<LocationFilters>,
) -> Result<Response, Problem> {
    list_locations::list(state, caller, listing, filters).await
}

/// Create a warehouse: the same as `POST /locations`.
#[utoipa::path(
    post,
    path = "/warehouses",
    operation_id = "create_warehouse",
    tag = "catalogue",
    request_body = LocationBody,
    responses((status = 201, description = "The new location", body = LocationAnswer)),
    extensions(("x-room" = json!("catalogue")))
)]
pub(crate) async fn create(state: State<AppState>, caller: Caller, body: Body<LocationBody>) -> Changed {
    create_location::create(state, caller, body).await
}

/// Read a warehouse: the same as `GET /locations/{location_id}`.
#[utoipa::path(
    get,
    path = "/warehouses/{location_id}",
    operation_id = "read_warehouse",
    tag = "catalogue",
    params(("location_id" = String, Path, description = "External code of the location")),
    responses((status = 200, description = "The location; its version is the ETag", body = LocationView)),
    extensions(("x-room" = json!("read")))
)]
pub(crate) async fn read(
    state: State<AppState>,
    caller: Caller,
    location_id: Path<String>,
) -> Result<Response, Problem> {
    read_location::read(state, caller, location_id).await
}

/// Edit a warehouse: the same as `PUT /locations/{location_id}`.
#[utoipa::path(
    put,
    path = "/warehouses/{location_id}",
    operation_id = "edit_warehouse",
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
    state: State<AppState>,
    caller: Caller,
    location_id: Path<String>,
    if_match: IfMatch,
    body: Body<LocationBody>,
) -> Changed {
    edit_location::edit(state, caller, location_id, if_match, body).await
}

/// Delete a warehouse: the same as `DELETE /locations/{location_id}`.
#[utoipa::path(
    delete,
    path = "/warehouses/{location_id}",
    operation_id = "delete_warehouse",
    tag = "catalogue",
    params(("location_id" = String, Path, description = "External code of the location")),
    responses((status = 200, description = "The location as it stands now", body = LocationAnswer)),
    extensions(("x-room" = json!("catalogue")))
)]
pub(crate) async fn delete(
    state: State<AppState>,
    caller: Caller,
    location_id: Path<String>,
    digest: Digest,
) -> Changed {
    deactivate_location::delete(state, caller, location_id, digest).await
}

/// Deactivate a warehouse: the same as `POST /locations/{location_id}/deactivate`.
#[utoipa::path(
    post,
    path = "/warehouses/{location_id}/deactivate",
    operation_id = "deactivate_warehouse",
    tag = "catalogue",
    params(("location_id" = String, Path, description = "External code of the location")),
    responses((status = 200, description = "The location as it stands now", body = LocationAnswer)),
    extensions(("x-room" = json!("catalogue")))
)]
pub(crate) async fn deactivate(
    state: State<AppState>,
    caller: Caller,
    location_id: Path<String>,
    digest: Digest,
) -> Changed {
    deactivate_location::deactivate(state, caller, location_id, digest).await
}

/// Reactivate a warehouse: the same as `POST /locations/{location_id}/reactivate`.
#[utoipa::path(
    post,
    path = "/warehouses/{location_id}/reactivate",
    operation_id = "reactivate_warehouse",
    tag = "catalogue",
    params(("location_id" = String, Path, description = "External code of the location")),
    responses((status = 200, description = "The location as it stands now", body = LocationAnswer)),
    extensions(("x-room" = json!("catalogue")))
)]
pub(crate) async fn reactivate(
    state: State<AppState>,
    caller: Caller,
    location_id: Path<String>,
    digest: Digest,
) -> Changed {
    reactivate_location::reactivate(state, caller, location_id, digest).await
}
