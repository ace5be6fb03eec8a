//! GET /inventory/movements: history of the whole company.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::catalogue::resolve_item;
use crate::context::Caller;
use crate::extract::Query;
use crate::list::{List, ListParams, Listing};
use crate::problem::Problem;
use crate::state::AppState;
use crate::stock::movement_filters::MovementFilters;
use crate::stock::movement_row::{MovementRow, answer};

/// Whose movements are listed.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ItemFilter {
    /// Item id, sku or barcode of the product.
    item_id: Option<String>,
}

/// List movements.
///
/// Every fact about stock, newest first unless `sort` names other columns; a transfer has two movements. With `format` the
/// whole filtered list as a file (not for the role WAREHOUSE).
#[utoipa::path(
    get,
    path = "/inventory/movements",
    operation_id = "list_movements",
    tag = "inventory",
    params(ListParams, ItemFilter, MovementFilters),
    responses((status = 200, description = "A page of movements", body = List<MovementRow>)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404, 409])))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(item): Query<ItemFilter>,
    Query(filters): Query<MovementFilters>,
) -> Result<Response, Problem> {
    let mut tx = caller.read(&state, &["catalogue", "companies", "movements"]).await?;
    let item_key = match &item.item_id {
        Some(item_id) => Some(resolve_item(&mut tx, &caller, item_id).await?),
        None => None,
    };
    answer(&state, &caller, &listing, tx, (item_key, filters)).await
}
