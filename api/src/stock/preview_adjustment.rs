//! POST /inventory/adjust/preview: what an adjustment would do. Writes nothing.

use axum::Json;
use axum::extract::State;
use commands::Operation;
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::Body;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;
use crate::stock::adjust::AdjustBody;
use crate::stock::circumstances::{ConfirmBody, SeenQuantity};
use crate::stock::stock_answer::StockAnswer;

/// What an adjustment would do, in units.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewAnswer {
    /// The product.
    item_id: String,
    /// Where.
    location_id: String,
    /// On hand there now.
    quantity_before: i64,
    /// On hand there afterwards.
    quantity_after: i64,
    /// What would be recorded, signed.
    quantity: i64,
    /// Change of today's stock, signed.
    effect: i64,
    /// On hand over all PHYSICAL locations afterwards.
    total_stock: i64,
    /// What would have to be confirmed and is not yet.
    confirm: Vec<ConfirmBody>,
    /// Position at which it was decided.
    position: Option<i64>,
}

/// Preview an adjustment.
///
/// Answers what the same body sent to `/inventory/adjust` would do, and what would have to be confirmed. Refuses what
/// that would refuse.
#[utoipa::path(post, path = "/inventory/adjust/preview", operation_id = "preview_adjustment", tag = "inventory",
    params(("If-Match" = Option<String>, Header, description = "On hand that the caller saw, as ETag; as expected_quantity")),
    request_body = AdjustBody,
    responses((status = 200, description = "What would happen", body = PreviewAnswer)),
    extensions(("x-room" = json!("stock")), ("x-problems" = json!([404, 412]))))]
pub(crate) async fn preview(
    State(state): State<AppState>,
    caller: Caller,
    seen: SeenQuantity,
    Body { mut value, digest }: Body<AdjustBody>,
) -> Result<Json<PreviewAnswer>, Problem> {
    let everything = vec![ConfirmBody::Backdated, ConfirmBody::LargeChange];
    let given = std::mem::replace(&mut value.confirm, everything);
    let (item, intent) = value.order(seen)?;
    let (outcome, done) = state.submit_one(&caller, digest, Operation::PreviewStock { item, intent }).await?;
    let stock = StockAnswer::of(outcome, done.position)?;
    Ok(Json(PreviewAnswer {
        item_id: stock.item_id,
        location_id: stock.location_id,
        quantity_before: stock.quantity_before,
        quantity_after: stock.quantity_after,
        quantity: stock.quantity,
        effect: stock.effect,
        total_stock: stock.total_stock,
        confirm: stock.confirmed.into_iter().filter(|reason| !given.contains(reason)).collect(),
        position: stock.position,
    }))
}
