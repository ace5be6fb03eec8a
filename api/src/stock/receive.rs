//! POST /inventory/receive: a delivery arrives at one location.

use axum::extract::State;
use chrono::{DateTime, FixedOffset};
use domain::stock::StockIntent;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::Written;
use crate::body::Body;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;
use crate::stock::circumstances::{ConfirmBody, SeenQuantity, checked_reference, human, item, location};
use crate::stock::stock_answer::StockAnswer;

/// A delivery.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiveBody {
    /// Item id, sku or barcode of the product.
    #[serde(alias = "sku")]
    #[schema(example = "85123A")]
    item_id: String,
    /// Where.
    #[serde(alias = "warehouse_id")]
    #[schema(example = "MAIN")]
    location_id: String,
    /// Units.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 24)]
    quantity: i64,
    /// Number of the delivery or order, at most 100 characters.
    #[serde(alias = "reference_id")]
    reference: Option<String>,
    /// Free text, at most 2,000 characters.
    notes: Option<String>,
    /// When it happened, with offset; now where absent.
    #[serde(alias = "effective_at")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    received_at: Option<DateTime<FixedOffset>>,
    /// The on hand that the person saw; 412 where it is another now.
    expected_quantity: Option<i64>,
    /// What the person confirms, after a 409 `confirmation_required`.
    #[serde(default)]
    confirm: Vec<ConfirmBody>,
}

/// Receive stock.
///
/// Units arrive without a purchase order of this system.
#[utoipa::path(post, path = "/inventory/receive", operation_id = "receive_stock", tag = "inventory",
    params(("If-Match" = Option<String>, Header, description = "On hand that the caller saw, as ETag; as expected_quantity")),
    request_body = ReceiveBody,
    responses((status = 200, description = "The new stock", body = StockAnswer)),
    extensions(("x-room" = json!("stock")), ("x-problems" = json!([404, 412]))))]
pub(crate) async fn receive(
    State(state): State<AppState>,
    caller: Caller,
    seen: SeenQuantity,
    Body { value, digest }: Body<ReceiveBody>,
) -> Result<Written<StockAnswer>, Problem> {
    let expected = seen.or_stated(value.expected_quantity);
    let intent = StockIntent::Receive {
        location_id: location(&value.location_id, "/location_id")?,
        quantity: value.quantity,
        reference: checked_reference(value.reference)?,
        human: human("/received_at", value.received_at, value.notes, expected, &value.confirm)?,
    };
    StockAnswer::of_order(&state, &caller, digest, (item(&value.item_id)?, intent)).await
}
