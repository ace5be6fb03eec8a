//! GET /inventory/diff: what is different between two instants, per product and location.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use projections::stock::diff::{self, DiffColumn, DiffFilter};
use projections::stock::past::Moment;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::catalogue::resolve_item;
use crate::context::Caller;
use crate::extract::Query;
use crate::list::{Cell, List, ListParams, Listing, Row, count, download, in_memory};
use crate::problem::Problem;
use crate::room::Room;
use crate::state::AppState;
use crate::stock::instant::{End, instants};

/// Between which instants, and for which products and locations. All conditions hold together.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffParams {
    /// The earlier instant, or the close of this date.
    #[param(example = "2026-10-31")]
    from: String,
    /// The later instant, or the close of this date.
    #[param(example = "2026-11-30")]
    to: String,
    /// Both as they were known at this instant, or at the close of this date.
    known_at: Option<String>,
    /// Item id, sku or barcode of the product.
    item_id: Option<String>,
    /// At this location.
    location_id: Option<String>,
    /// Exactly this category.
    category: Option<String>,
    /// Item id, sku or name contain this text, whatever its case.
    search: Option<String>,
}

/// What is different at a place, in units.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InventoryDifference {
    /// The product.
    #[schema(example = "85123A")]
    item_id: String,
    /// Alias of the product for other systems.
    sku: String,
    /// Name of the product.
    product_name: String,
    /// Category of the product.
    category: String,
    /// Where.
    #[schema(example = "MAIN")]
    location_id: String,
    /// On hand at the earlier instant.
    quantity_before: i64,
    /// On hand at the later instant.
    quantity_after: i64,
    /// After less before.
    change: i64,
    /// Movements that happened after the earlier instant and up to the later one.
    movements: i64,
    /// Sum of their effects: what they changed of the stock of the day on which each was recorded. Less than `change`
    /// where a late fact was already part of a statement of stock.
    effect: i64,
}

/// Columns that the list can be sorted by.
const SORTABLE: [&str; 10] = [
    "item_id",
    "sku",
    "product_name",
    "category",
    "location_id",
    "quantity_before",
    "quantity_after",
    "change",
    "movements",
    "effect",
];

/// Compare stock at two instants.
///
/// One row per product and location whose stock differs or where something moved in between, by item id unless `sort`
/// names other columns. With `format` the whole filtered list as a file (not for the role WAREHOUSE).
#[utoipa::path(
    get,
    path = "/inventory/diff",
    operation_id = "diff_inventory",
    tag = "inventory",
    params(ListParams, DiffParams),
    responses((status = 200, description = "A page of differences", body = List<InventoryDifference>)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404, 409])))
)]
pub(crate) async fn diff(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(params): Query<DiffParams>,
) -> Result<Response, Problem> {
    if listing.format.is_download() {
        caller.require(Room::Money)?;
    }
    let sort = listing.sort_by(&SORTABLE, "item_id")?;
    let sort: Vec<_> = sort.into_iter().map(|sort| (column(sort.column), sort.descending)).collect();
    let mut tx = caller.read(&state, &["catalogue", "companies", "movements"]).await?;
    let asked = [
        ("?from", Some(params.from.as_str()), End::Close),
        ("?to", Some(params.to.as_str()), End::Close),
        ("?known_at", params.known_at.as_deref(), End::Close),
    ];
    let [from, to, known_at] = instants(&mut tx, &state, &caller, asked).await?;
    if from > to {
        return Err(Problem::invalid("invalid_parameter", "?to", "must not lie before `from`"));
    }
    let item_key = match &params.item_id {
        Some(item_id) => Some(resolve_item(&mut tx, &caller, item_id).await?),
        None => None,
    };
    let DiffParams { location_id, category, search, .. } = params;
    let filter = DiffFilter { item_key, location_id, category, search };
    let moments = (Moment::new(from, known_at), Moment::new(to, known_at));
    let found = diff::differences(&mut tx, caller.company_id, &filter, moments, &sort).await?;
    drop(tx);
    let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let rows = found.into_iter().map(InventoryDifference::from);
    if listing.format.is_download() {
        return download(&listing, "inventory-diff", in_memory(rows)).await;
    }
    let page = rows.skip(count(listing.offset())).take(count(listing.limit())).collect();
    Ok(List::new(page, total, &listing).into_response())
}

fn column(name: &str) -> DiffColumn {
    match name {
        "sku" => DiffColumn::Sku,
        "product_name" => DiffColumn::ProductName,
        "category" => DiffColumn::Category,
        "location_id" => DiffColumn::LocationId,
        "quantity_before" => DiffColumn::Before,
        "quantity_after" => DiffColumn::After,
        "change" => DiffColumn::Change,
        "movements" => DiffColumn::Movements,
        "effect" => DiffColumn::Effect,
        _ => DiffColumn::ItemId,
    }
}

impl From<diff::Difference> for InventoryDifference {
    fn from(found: diff::Difference) -> Self {
        Self {
            change: found.change(),
            item_id: found.item_id,
            sku: found.sku,
            product_name: found.product_name,
            category: found.category,
            location_id: found.location_id,
            quantity_before: found.before,
            quantity_after: found.after,
            movements: found.movements,
            effect: found.effect,
        }
    }
}

impl Row for InventoryDifference {
    const COLUMNS: &'static [&'static str] = &SORTABLE;

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::from(self.item_id.as_str()),
            Cell::from(self.sku.as_str()),
            Cell::from(self.product_name.as_str()),
            Cell::from(self.category.as_str()),
            Cell::from(self.location_id.as_str()),
            Cell::from(self.quantity_before),
            Cell::from(self.quantity_after),
            Cell::from(self.change),
            Cell::from(self.movements),
            Cell::from(self.effect),
        ]
    }
}
