//! POST /inventory/transfer: units change their location.

use axum::extract::State;
use chrono::{DateTime, FixedOffset};
use commands::operation::StockLeg;
use commands::{Operation, Outcome};
use domain::stock::StockIntent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Done, Written};
use crate::body::Body;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;
use crate::stock::circumstances::{ConfirmBody, SeenQuantity, human, item, location};
use crate::stock::stock_answer::{stock, unexpected};

/// A transfer.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferBody {
    /// Item id, sku or barcode of the product.
    #[serde(alias = "sku")]
    #[schema(example = "85123A")]
    item_id: String,
    /// Out of.
    #[schema(example = "MAIN")]
    from_location_id: String,
    /// Into.
    #[schema(example = "SHOP")]
    to_location_id: String,
    /// Units.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 6)]
    quantity: i64,
    /// Free text, at most 2,000 characters.
    notes: Option<String>,
    /// When it happened, with offset; now where absent.
    #[serde(alias = "effective_at")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    transferred_at: Option<DateTime<FixedOffset>>,
    /// The on hand that the person saw at the first location; 412 where it is another now.
    expected_quantity: Option<i64>,
    /// What the person confirms, after a 409 `confirmation_required`.
    #[serde(default)]
    confirm: Vec<ConfirmBody>,
}

/// Stock of a product after a transfer, in units.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransferAnswer {
    /// The fact; also the id of the movement out.
    movement_id: Uuid,
    /// The product.
    item_id: String,
    /// Where the units left.
    from: TransferLeg,
    /// Where they arrived.
    to: TransferLeg,
    /// On hand over all PHYSICAL locations afterwards.
    total_stock: i64,
    /// What had to be confirmed, and was.
    confirmed: Vec<ConfirmBody>,
    /// Position of the event.
    position: Option<i64>,
}

/// One end of a transfer, in units.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransferLeg {
    /// Where.
    location_id: String,
    /// On hand there before.
    quantity_before: i64,
    /// On hand there afterwards.
    quantity_after: i64,
    /// What happened, signed.
    quantity: i64,
    /// Change of today's stock, signed; 0 where a later statement had already counted it.
    effect: i64,
    /// The statement that had already counted it.
    superseded_by: Option<Uuid>,
}

/// Transfer stock.
///
/// One fact with two movements. The first location never goes below zero (409 `would_go_below_zero`). The `ETag` is the on
/// hand at the first location.
#[utoipa::path(post, path = "/inventory/transfer", operation_id = "transfer_stock", tag = "inventory",
    params(("If-Match" = Option<String>, Header, description = "On hand at the first location that the caller saw, as ETag")),
    request_body = TransferBody,
    responses((status = 200, description = "The new stock at both locations", body = TransferAnswer)),
    extensions(("x-room" = json!("stock")), ("x-problems" = json!([404, 412]))))]
pub(crate) async fn transfer(
    State(state): State<AppState>,
    caller: Caller,
    seen: SeenQuantity,
    Body { value, digest }: Body<TransferBody>,
) -> Result<Written<TransferAnswer>, Problem> {
    let expected = seen.or_stated(value.expected_quantity);
    let intent = StockIntent::Transfer {
        from: location(&value.from_location_id, "/from_location_id")?,
        to: location(&value.to_location_id, "/to_location_id")?,
        quantity: value.quantity,
        human: human("/transferred_at", value.transferred_at, value.notes, expected, &value.confirm)?,
    };
    let operation = Operation::Stock { item: item(&value.item_id)?, intent };
    let (outcome, done) = state.submit_one(&caller, digest, operation).await?;
    let answer = TransferAnswer::of(outcome, done)?;
    let seen = answer.from.quantity_after;
    Ok(Written::ok(answer, done).etag(seen))
}

impl TransferAnswer {
    fn of(outcome: Outcome, done: Done) -> Result<Self, Problem> {
        let (outcome, legs) = stock(outcome)?;
        let mut legs = legs.into_iter().map(TransferLeg::from);
        let (Some(from), Some(to)) = (legs.next(), legs.next()) else { return Err(unexpected()) };
        Ok(Self {
            movement_id: outcome.movement_id,
            item_id: outcome.item_id.into(),
            from,
            to,
            total_stock: outcome.total_stock,
            confirmed: outcome.confirmed.into_iter().map(ConfirmBody::from).collect(),
            position: done.position,
        })
    }
}

impl From<StockLeg> for TransferLeg {
    fn from(leg: StockLeg) -> Self {
        Self {
            location_id: leg.location_id.into(),
            quantity_before: leg.quantity_before,
            quantity_after: leg.quantity_after,
            quantity: leg.quantity,
            effect: leg.effect,
            superseded_by: leg.superseded_by,
        }
    }
}
