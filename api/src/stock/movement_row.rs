//! One movement, as JSON and as a line of a file, and how its lists answer.

use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use projections::stock::history::{self, MovementColumn};
use projections::stock::queries::Span;
use serde::Serialize;
use sqlx::{Postgres, Transaction};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::context::Caller;
use crate::list::{Cell, List, Listing, Row, download, streamed};
use crate::problem::Problem;
use crate::room::Room;
use crate::state::AppState;
use crate::stock::movement_filters::MovementFilters;

/// What happened to a product at one location, in units.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MovementRow {
    /// Its id.
    movement_id: Uuid,
    /// The product.
    #[schema(example = "85123A")]
    item_id: String,
    /// Alias of the product for other systems.
    sku: String,
    /// Name of the product.
    product_name: String,
    /// Where.
    #[schema(example = "MAIN")]
    location_id: String,
    /// INBOUND, OUTBOUND, TRANSFER, ADJUSTMENT, `SYNC_UPDATE` or `INITIAL_LOAD`.
    #[schema(example = "OUTBOUND")]
    movement_type: String,
    /// What happened, signed; the variance where stock was stated.
    quantity: i64,
    /// Change of today's stock, signed; 0 where a later statement had already counted it.
    effect: i64,
    /// On hand at the location once it was recorded.
    balance_after: i64,
    /// The stock that was stated, where it was.
    stated_quantity: Option<i64>,
    /// The statement that had already counted it.
    superseded_by: Option<Uuid>,
    /// When it happened.
    moved_at: DateTime<Utc>,
    /// When it was recorded.
    recorded_at: DateTime<Utc>,
    /// Day of the company on which it happened.
    date_local: NaiveDate,
    /// What it refers to, for example SALE.
    #[schema(example = "SALE")]
    reference_type: String,
    /// Order, delivery or channel that it refers to.
    reference_id: Option<String>,
    /// Why a person adjusted.
    reason: Option<String>,
    /// Free text.
    notes: Option<String>,
    /// Who recorded it.
    created_by: String,
    /// Position of its event; both movements of a transfer share it.
    position: i64,
}

/// Columns that the lists can be sorted by.
const SORTABLE: [&str; 14] = [
    "moved_at",
    "recorded_at",
    "position",
    "item_id",
    "sku",
    "product_name",
    "location_id",
    "movement_type",
    "quantity",
    "effect",
    "balance_after",
    "reference_type",
    "reference_id",
    "created_by",
];

/// A page of movements, or all of them as a file. `tx` sees the caller's company.
pub(crate) async fn answer(
    state: &AppState,
    caller: &Caller,
    listing: &Listing,
    mut tx: Transaction<'static, Postgres>,
    (item_key, filters): (Option<String>, MovementFilters),
) -> Result<Response, Problem> {
    let sort: Vec<(MovementColumn, bool)> = listing
        .sort_by(&SORTABLE, "-moved_at")?
        .into_iter()
        .map(|sort| (column(sort.column), sort.descending))
        .collect();
    let filter = filters.read(&mut tx, state, caller, item_key).await?;
    let company_id = caller.company_id;
    if listing.format.is_download() {
        caller.require(Room::Money)?;
        let query = history::movements_query(company_id, &filter, &sort);
        let rows = streamed(tx, query, history::movements_stream, MovementRow::from);
        return download(listing, "movements", rows).await;
    }
    let span = Span { offset: listing.offset(), limit: listing.limit() };
    let rows = history::movements(&mut tx, company_id, &filter, &sort, span).await?;
    let total = history::count_movements(&mut tx, company_id, &filter).await?;
    Ok(List::new(rows.into_iter().map(MovementRow::from).collect(), total, listing).into_response())
}

fn column(name: &str) -> MovementColumn {
    match name {
        "recorded_at" => MovementColumn::RecordedAt,
        "position" => MovementColumn::Position,
        "item_id" => MovementColumn::ItemId,
        "sku" => MovementColumn::Sku,
        "product_name" => MovementColumn::ProductName,
        "location_id" => MovementColumn::LocationId,
        "movement_type" => MovementColumn::MovementType,
        "quantity" => MovementColumn::Quantity,
        "effect" => MovementColumn::Effect,
        "balance_after" => MovementColumn::BalanceAfter,
        "reference_type" => MovementColumn::ReferenceType,
        "reference_id" => MovementColumn::ReferenceId,
        "created_by" => MovementColumn::CreatedBy,
        _ => MovementColumn::MovedAt,
    }
}

impl From<history::MovementRow> for MovementRow {
    fn from(row: history::MovementRow) -> Self {
        Self {
            movement_id: row.movement_id,
            item_id: row.item_id,
            sku: row.sku,
            product_name: row.product_name,
            location_id: row.location_id,
            movement_type: row.movement_type,
            quantity: row.quantity,
            effect: row.effect,
            balance_after: row.balance_after,
            stated_quantity: row.anchored_at,
            superseded_by: row.superseded_by,
            moved_at: row.effective_at,
            recorded_at: row.recorded_at,
            date_local: row.local_date,
            reference_type: row.reference_type,
            reference_id: row.reference_id,
            reason: row.reason,
            notes: row.notes,
            created_by: row.created_by,
            position: row.position,
        }
    }
}

impl Row for MovementRow {
    const COLUMNS: &'static [&'static str] = &[
        "movement_id",
        "item_id",
        "sku",
        "product_name",
        "location_id",
        "movement_type",
        "quantity",
        "effect",
        "balance_after",
        "stated_quantity",
        "moved_at",
        "recorded_at",
        "date_local",
        "reference_type",
        "reference_id",
        "reason",
        "notes",
        "created_by",
        "position",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::from(self.movement_id.to_string()),
            Cell::from(self.item_id.as_str()),
            Cell::from(self.sku.as_str()),
            Cell::from(self.product_name.as_str()),
            Cell::from(self.location_id.as_str()),
            Cell::from(self.movement_type.as_str()),
            Cell::from(self.quantity),
            Cell::from(self.effect),
            Cell::from(self.balance_after),
            Cell::from(self.stated_quantity),
            Cell::from(self.moved_at),
            Cell::from(self.recorded_at),
            Cell::from(self.date_local),
            Cell::from(self.reference_type.as_str()),
            Cell::from(self.reference_id.as_deref()),
            Cell::from(self.reason.as_deref()),
            Cell::from(self.notes.as_deref()),
            Cell::from(self.created_by.as_str()),
            Cell::from(self.position),
        ]
    }
}
