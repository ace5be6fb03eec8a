//! POST /inventory/count: a person states what was counted at one location.

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
use crate::stock::circumstances::{ConfirmBody, SeenQuantity, human, item, location};
use crate::stock::stock_answer::StockAnswer;

/// A count.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountBody {
    /// Item id, sku or barcode of the product.
    #[serde(alias = "sku")]
    #[schema(example = "85123A")]
    item_id: String,
    /// Where.
    #[serde(alias = "warehouse_id")]
    #[schema(example = "MAIN")]
    location_id: String,
    /// Units that lie there.
    #[serde(alias = "counted")]
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 42)]
    quantity: i64,
    /// Free text, at most 2,000 characters.
    notes: Option<String>,
    /// When it was counted, with offset; now where absent.
    #[serde(alias = "effective_at")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    counted_at: Option<DateTime<FixedOffset>>,
    /// The on hand that the person saw; 412 where it is another now.
    expected_quantity: Option<i64>,
    /// What the person confirms, after a 409 `confirmation_required`.
    #[serde(default)]
    confirm: Vec<ConfirmBody>,
}

/// Count stock.
///
/// States how many units lay there at that instant; recorded also where nothing differs. Facts that happened before and
/// arrive later do not change it any more.
#[utoipa::path(post, path = "/inventory/count", operation_id = "count_stock", tag = "inventory",
    params(("If-Match" = Option<String>, Header, description = "On hand that the caller saw, as ETag; as expected_quantity")),
    request_body = CountBody,
    responses((status = 200, description = "The new stock; quantity is the variance", body = StockAnswer)),
    extensions(("x-room" = json!("stock")), ("x-problems" = json!([404, 412]))))]
pub(crate) async fn count(
    State(state): State<AppState>,
    caller: Caller,
    seen: SeenQuantity,
    Body { value, digest }: Body<CountBody>,
) -> Result<Written<StockAnswer>, Problem> {
    let expected = seen.or_stated(value.expected_quantity);
    let intent = StockIntent::Count {
        location_id: location(&value.location_id, "/location_id")?,
        counted: value.quantity,
        human: human("/counted_at", value.counted_at, value.notes, expected, &value.confirm)?,
    };
    StockAnswer::of_order(&state, &caller, digest, (item(&value.item_id)?, intent)).await
}
