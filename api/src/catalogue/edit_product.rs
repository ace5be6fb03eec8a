//! `PUT /products/{item_id}`: change a product; another `item_id` in the body renames it.

use axum::extract::State;
use domain::shared::ids::ItemId;

use commands::Operation;

use crate::answer::Written;
use crate::body::Body;
use crate::catalogue::if_match::IfMatch;
use crate::catalogue::lookup::{company_currency, item_named, product_of};
use crate::catalogue::product_body::ProductBody;
use crate::catalogue::view::{ProductAnswer, ProductView};
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Edit a product.
///
/// Absent fields stay, null clears. Another `item_id` renames the product; the old one keeps resolving. With `If-Match`
/// the edit happens only on that version (else 412 with the current one). `is_active`, `version` and the other fields
/// that only answers have are ignored.
#[utoipa::path(
    put,
    path = "/products/{item_id}",
    operation_id = "edit_product",
    tag = "catalogue",
    params(
        ("item_id" = String, Path, description = "Item id, sku, barcode or id of a listing"),
        ("If-Match" = Option<String>, Header, description = "ETag of the version that the caller saw"),
    ),
    request_body = ProductBody,
    responses((status = 200, description = "The product as it stands now", body = ProductAnswer)),
    extensions(("x-room" = json!("catalogue")), ("x-problems" = json!([412])))
)]
pub(crate) async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(item): Path<String>,
    IfMatch(expected_version): IfMatch,
    Body { value, digest }: Body<ProductBody>,
) -> Result<Written<ProductAnswer>, Problem> {
    let item: ItemId = item_named(&item)?;
    let currency = company_currency(&state, &caller).await?;
    let edit = Box::new(value.edit(currency)?);
    let operation = Operation::EditProduct { item, edit, expected_version };
    let (outcome, done) = state.submit_one(&caller, digest, operation).await?;
    let product = ProductView::of_outcome(product_of(outcome)?, Some(currency));
    let version = product.version;
    Ok(Written::ok(ProductAnswer { product, position: done.position }, done).etag(version))
}
