//! `POST /products/{item_id}/reactivate`: bring a product back.

use axum::extract::State;

use commands::Operation;

use crate::answer::Written;
use crate::body::Digest;
use crate::catalogue::lookup::{answer_product, item_named};
use crate::catalogue::view::ProductAnswer;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Reactivate a product.
///
/// It is planned, listed and counted again. Nothing happens where it is active.
#[utoipa::path(
    post,
    path = "/products/{item_id}/reactivate",
    operation_id = "reactivate_product",
    tag = "catalogue",
    params(("item_id" = String, Path, description = "Item id, sku, barcode or id of a listing")),
    responses((status = 200, description = "The product as it stands now", body = ProductAnswer)),
    extensions(("x-room" = json!("catalogue")))
)]
pub(crate) async fn reactivate(
    State(state): State<AppState>,
    caller: Caller,
    Path(item): Path<String>,
    digest: Digest,
) -> Result<Written<ProductAnswer>, Problem> {
    let operation = Operation::ReactivateProduct { item: item_named(&item)? };
    answer_product(&state, &caller, digest, operation).await
}
