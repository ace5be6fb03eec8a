//! POST /inventory/adjust: a person corrects the stock of one product at one location.

use axum::extract::State;
use chrono::{DateTime, FixedOffset};
use domain::shared::ids::ItemId;
use domain::stock::{AdjustKind, Reason, StockIntent};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::Written;
use crate::body::Body;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;
use crate::stock::circumstances::{ConfirmBody, SeenQuantity, human, item, location};
use crate::stock::stock_answer::StockAnswer;

/// A correction of stock.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdjustBody {
    /// Item id, sku or barcode of the product.
    #[serde(alias = "sku")]
    #[schema(example = "85123A")]
    item_id: String,
    /// Where.
    #[serde(alias = "warehouse_id")]
    #[schema(example = "MAIN")]
    location_id: String,
    /// Add, subtract or set.
    #[serde(rename = "type")]
    #[schema(inline)]
    kind: AdjustType,
    /// Units; above 0 for ADD and SUBTRACT, 0 or more for `SET_TO`.
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 5)]
    quantity: i64,
    /// Why.
    #[schema(inline)]
    reason: AdjustReason,
    /// Free text, at most 2,000 characters.
    notes: Option<String>,
    /// When it happened, with offset; now where absent.
    #[serde(alias = "effective_at")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    adjusted_at: Option<DateTime<FixedOffset>>,
    /// The on hand that the person saw; 412 where it is another now.
    expected_quantity: Option<i64>,
    /// What the person confirms, after a 409 `confirmation_required`.
    #[serde(default)]
    pub(crate) confirm: Vec<ConfirmBody>,
}

/// How an adjustment changes stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum AdjustType {
    /// More units.
    Add,
    /// Fewer units.
    Subtract,
    /// Exactly so many.
    SetTo,
}

/// Why stock is adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum AdjustReason {
    /// Goods came in.
    Receiving,
    /// Goods were damaged.
    Damage,
    /// Goods were lost.
    Loss,
    /// A shelf was counted.
    InventoryCount,
    /// An earlier entry was wrong.
    Correction,
    /// Anything else.
    Other,
}

/// Adjust stock.
///
/// `ADD` and `SUBTRACT` move units, `SET_TO` states how many lie there at that instant: facts that happened before and
/// arrive later do not change it any more. Stock never goes below zero (409 `would_go_below_zero`). A change of more than
/// the set percentage, or one that lies further back than the set days, must be confirmed (409 `confirmation_required`).
#[utoipa::path(post, path = "/inventory/adjust", operation_id = "adjust_stock", tag = "inventory",
    params(("If-Match" = Option<String>, Header, description = "On hand that the caller saw, as ETag; as expected_quantity")),
    request_body = AdjustBody,
    responses((status = 200, description = "The new stock", body = StockAnswer)),
    extensions(("x-room" = json!("stock")), ("x-problems" = json!([404, 412]))))]
pub(crate) async fn adjust(
    State(state): State<AppState>,
    caller: Caller,
    seen: SeenQuantity,
    Body { value, digest }: Body<AdjustBody>,
) -> Result<Written<StockAnswer>, Problem> {
    StockAnswer::of_order(&state, &caller, digest, value.order(seen)?).await
}

impl AdjustBody {
    /// What is asked, and of which product.
    pub(crate) fn order(self, seen: SeenQuantity) -> Result<(ItemId, StockIntent), Problem> {
        let expected = seen.or_stated(self.expected_quantity);
        let intent = StockIntent::Adjust {
            location_id: location(&self.location_id, "/location_id")?,
            kind: self.kind.into(),
            quantity: self.quantity,
            reason: self.reason.into(),
            human: human("/adjusted_at", self.adjusted_at, self.notes, expected, &self.confirm)?,
        };
        Ok((item(&self.item_id)?, intent))
    }
}

impl From<AdjustType> for AdjustKind {
    fn from(kind: AdjustType) -> Self {
        match kind {
            AdjustType::Add => Self::Add,
            AdjustType::Subtract => Self::Subtract,
            AdjustType::SetTo => Self::SetTo,
        }
    }
}

impl From<AdjustReason> for Reason {
    fn from(reason: AdjustReason) -> Self {
        match reason {
            AdjustReason::Receiving => Self::Receiving,
            AdjustReason::Damage => Self::Damage,
            AdjustReason::Loss => Self::Loss,
            AdjustReason::InventoryCount => Self::InventoryCount,
            AdjustReason::Correction => Self::Correction,
            AdjustReason::Other => Self::Other,
        }
    }
}
