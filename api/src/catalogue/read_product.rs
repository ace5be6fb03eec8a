//! `GET /products/{item_id}`: one product.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use projections::catalogue::queries;

use crate::catalogue::lookup::{resolve_item, shown, unknown_item};
use crate::catalogue::view::ProductView;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Read a product.
///
/// The path names it by item id (present or former), else by sku, else by a barcode or the id of a listing; 409 where
/// several bear the same.
#[utoipa::path(
    get,
    path = "/products/{item_id}",
    operation_id = "read_product",
    tag = "catalogue",
    params(("item_id" = String, Path, description = "Item id, sku, barcode or id of a listing")),
    responses((status = 200, description = "The product; its version is the ETag", body = ProductView)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([409, 422])))
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Path(item): Path<String>,
) -> Result<Response, Problem> {
    let mut tx = caller.read(&state, &["catalogue"]).await?;
    let item_key = resolve_item(&mut tx, &caller, &item).await?;
    let row = queries::product(&mut tx, caller.company_id, &item_key).await?;
    let row = row.ok_or_else(|| unknown_item(&item))?;
    let etag = format!("\"{}\"", row.version);
    let product = ProductView::of_row(&row, shown(&mut tx, &state, &caller).await?);
    Ok(([(header::ETAG, etag)], Json(product)).into_response())
}
