//! GET /inventory/movements/daily: movements summed up per local day and type.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use projections::stock::queries::{self, DayFilter, DayRow, Span};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::calendar;
use crate::catalogue::resolve_item;
use crate::context::Caller;
use crate::extract::{Query, word};
use crate::list::{Cell, List, ListParams, Listing, Row, chunks, download};
use crate::problem::Problem;
use crate::room::Room;
use crate::state::AppState;
use crate::stock::movement_filters::TypeFilter;

/// Which days are summed up. All conditions hold together.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DayFilters {
    /// Item id, sku or barcode of the product; all products where absent.
    item_id: Option<String>,
    /// At this location.
    location_id: Option<String>,
    /// Of this type.
    #[serde(rename = "type")]
    #[param(inline)]
    movement_type: Option<TypeFilter>,
    /// First day, local to the company.
    from: Option<NaiveDate>,
    /// Last day, local to the company.
    to: Option<NaiveDate>,
}

/// Movements of one type on one day, in units.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MovementDay {
    /// Day of the company.
    date_local: NaiveDate,
    /// INBOUND, OUTBOUND, TRANSFER, ADJUSTMENT, `SYNC_UPDATE` or `INITIAL_LOAD`.
    #[schema(example = "OUTBOUND")]
    movement_type: String,
    /// How many movements.
    movements: i64,
    /// Units that came in.
    quantity_in: i64,
    /// Units that went out, as a positive number.
    quantity_out: i64,
    /// Units that came in less units that went out.
    net: i64,
}

/// List days of movements.
///
/// One row per local day and type of movement, newest day first; `sort=date_local` begins with the oldest.
#[utoipa::path(
    get,
    path = "/inventory/movements/daily",
    operation_id = "list_movement_days",
    tag = "inventory",
    params(ListParams, DayFilters),
    responses((status = 200, description = "A page of days", body = List<MovementDay>)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404, 409])))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(filters): Query<DayFilters>,
) -> Result<Response, Problem> {
    let sort = listing.sort_by(&["date_local"], "-date_local")?;
    let mut tx = caller.read(&state, &["catalogue", "movements"]).await?;
    let item_key = match &filters.item_id {
        Some(item_id) => Some(resolve_item(&mut tx, &caller, item_id).await?),
        None => None,
    };
    let filter = DayFilter {
        item_key,
        location_id: filters.location_id,
        movement_type: filters.movement_type.map(|kind| word(&kind)),
        from: calendar::in_query("?from", filters.from)?,
        to: calendar::in_query("?to", filters.to)?,
        oldest_first: sort.first().is_some_and(|sort| !sort.descending),
    };
    let company_id = caller.company_id;
    if listing.format.is_download() {
        caller.require(Room::Money)?;
        let rows = chunks((tx, filter), move |(mut tx, filter), offset, limit| async move {
            let (rows, _) = queries::days(&mut tx, company_id, &filter, Span { offset, limit }).await?;
            Ok(((tx, filter), rows.into_iter().map(MovementDay::from).collect()))
        });
        return download(&listing, "movements-daily", rows).await;
    }
    let span = Span { offset: listing.offset(), limit: listing.limit() };
    let (rows, total) = queries::days(&mut tx, company_id, &filter, span).await?;
    Ok(List::new(rows.into_iter().map(MovementDay::from).collect(), total, &listing).into_response())
}

impl From<DayRow> for MovementDay {
    fn from(row: DayRow) -> Self {
        Self {
            date_local: row.local_date,
            movement_type: row.movement_type,
            movements: row.movements,
            quantity_in: row.units_in,
            quantity_out: row.units_out,
            net: row.units_in - row.units_out,
        }
    }
}

impl Row for MovementDay {
    const COLUMNS: &'static [&'static str] =
        &["date_local", "movement_type", "movements", "quantity_in", "quantity_out", "net"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::from(self.date_local),
            Cell::from(self.movement_type.as_str()),
            Cell::from(self.movements),
            Cell::from(self.quantity_in),
            Cell::from(self.quantity_out),
            Cell::from(self.net),
        ]
    }
}
