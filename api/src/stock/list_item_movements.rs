//! `GET /inventory/movements/{item_id}`: history of one product.

use axum::extract::State;
use axum::response::Response;

use crate::catalogue::resolve_item;
use crate::context::Caller;
use crate::extract::{Path, Query};
use crate::list::{List, ListParams, Listing};
use crate::problem::Problem;
use crate::state::AppState;
use crate::stock::movement_filters::MovementFilters;
use crate::stock::movement_row::{MovementRow, answer};

/// List a product's movements.
///
/// Newest first unless `sort` names other columns. With `format` the whole filtered list as a file (not for the role
/// WAREHOUSE).
#[utoipa::path(
    get,
    path = "/inventory/movements/{item_id}",
    operation_id = "list_item_movements",
    tag = "inventory",
    params(
        ("item_id" = String, Path, description = "Item id, sku, barcode or id of a listing"),
        ListParams,
        MovementFilters,
    ),
    responses((status = 200, description = "A page of movements", body = List<MovementRow>)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([409])))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Path(item_id): Path<String>,
    listing: Listing,
    Query(filters): Query<MovementFilters>,
) -> Result<Response, Problem> {
    let mut tx = caller.read(&state, &["catalogue", "companies", "movements"]).await?;
    let item_key = resolve_item(&mut tx, &caller, &item_id).await?;
    answer(&state, &caller, &listing, tx, (Some(item_key), filters)).await
}
