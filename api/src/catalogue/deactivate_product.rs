//! `POST /products/{item_id}/deactivate`, and `DELETE /products/{item_id}`, which means the same (decision 49).

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

/// Deactivate a product.
///
/// It is no longer planned, listed or counted; its stock stays in the value. Nothing happens where it is inactive.
#[utoipa::path(
    post,
    path = "/products/{item_id}/deactivate",
    operation_id = "deactivate_product",
    tag = "catalogue",
    params(("item_id" = String, Path, description = "Item id, sku, barcode or id of a listing")),
    responses((status = 200, description = "The product as it stands now", body = ProductAnswer)),
    extensions(("x-room" = json!("catalogue")))
)]
pub(crate) async fn deactivate(
    State(state): State<AppState>,
    caller: Caller,
    Path(item): Path<String>,
    digest: Digest,
) -> Result<Written<ProductAnswer>, Problem> {
    let operation = Operation::DeactivateProduct { item: item_named(&item)? };
    answer_product(&state, &caller, digest, operation).await
}

/// Delete a product: deactivate it.
///
/// Nothing that has an event is deleted; the answer is the product as it stands now.
#[utoipa::path(
    delete,
    path = "/products/{item_id}",
    operation_id = "delete_product",
    tag = "catalogue",
    params(("item_id" = String, Path, description = "Item id, sku, barcode or id of a listing")),
    responses((status = 200, description = "The product as it stands now", body = ProductAnswer)),
    extensions(("x-room" = json!("catalogue")))
)]
pub(crate) async fn delete(
    state: State<AppState>,
    caller: Caller,
    item: Path<String>,
    digest: Digest,
) -> Result<Written<ProductAnswer>, Problem> {
    deactivate(state, caller, item, digest).await
}
