//! GET /quarantine: lines that name an item or location that nobody knows.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::sales::event::LineKind;
use projections::sales::quarantine::{self, QuarantineRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::context::Caller;
use crate::extract::Query;
use crate::list::{self, Cell, List, ListParams, Listing};
use crate::problem::Problem;
use crate::schema::MoneySchema;
use crate::state::AppState;

/// Which entries.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct QuarantineFilters {
    /// Those that wait, those that found their place, or all.
    #[serde(default)]
    #[param(inline)]
    status: QuarantineStatus,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum QuarantineStatus {
    /// It waits.
    #[default]
    Waiting,
    /// It found its place.
    Released,
    /// Either.
    All,
}

/// A line in quarantine.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct QuarantineView {
    /// Its id.
    quarantine_id: Uuid,
    /// `UNKNOWN_ITEM`, `AMBIGUOUS_ITEM` or `UNKNOWN_LOCATION`.
    reason: String,
    /// `sale`, `shipment`, `cancellation` or `return`.
    kind: &'static str,
    /// Sales channel.
    channel: String,
    /// The channel's order.
    order_id: String,
    /// The channel's line.
    line_id: String,
    /// What the channel calls the product.
    item_id: String,
    /// Where the channel says it was sold.
    location_id: Option<String>,
    /// Units.
    quantity: i64,
    /// Price of one unit; null where unknown or hidden.
    unit_price: Option<MoneySchema>,
    /// When it happened.
    sold_at: DateTime<Utc>,
    /// When it came into quarantine.
    quarantined_at: DateTime<Utc>,
    /// When it found its place.
    released_at: Option<DateTime<Utc>>,
    /// The line had been recorded on another way meanwhile, so that nothing was added.
    already_recorded: Option<bool>,
    /// Position of its last change.
    position: i64,
}

/// List quarantined lines.
///
/// Newest first. Create the missing product or location, then retry.
#[utoipa::path(get, path = "/quarantine", operation_id = "list_quarantine", tag = "sales",
    params(ListParams, QuarantineFilters),
    responses((status = 200, description = "A page of entries", body = List<QuarantineView>)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(filters): Query<QuarantineFilters>,
) -> Result<Response, Problem> {
    listing.sort_by(&["quarantined_at"], "-quarantined_at")?;
    let released = filters.status.released();
    let mut tx = caller.read(&state, &["quarantine"]).await?;
    if listing.format.is_download() {
        let rows = list::chunks((tx, caller), move |(mut tx, caller), offset, limit| async move {
            let rows = quarantine::entries(&mut tx, caller.company_id, released, limit, offset).await?;
            let views = views(rows, &caller);
            Ok(((tx, caller), views))
        });
        return list::download(&listing, "quarantine", rows).await;
    }
    let total = quarantine::count(&mut tx, caller.company_id, released).await?;
    let (limit, offset) = (listing.limit(), listing.offset());
    let rows = quarantine::entries(&mut tx, caller.company_id, released, limit, offset).await?;
    Ok(List::new(views(rows, &caller), total, &listing).into_response())
}

impl QuarantineStatus {
    fn released(self) -> Option<bool> {
        match self {
            Self::Waiting => Some(false),
            Self::Released => Some(true),
            Self::All => None,
        }
    }
}

fn views(rows: Vec<QuarantineRow>, caller: &Caller) -> Vec<QuarantineView> {
    rows.into_iter().map(|row| QuarantineView::new(row, caller.sees_money())).collect()
}

impl QuarantineView {
    fn new(row: QuarantineRow, with_money: bool) -> Self {
        let line = row.line.0;
        Self {
            quarantine_id: row.quarantine_id,
            reason: row.reason,
            kind: match line.kind {
                LineKind::Sale => "sale",
                LineKind::Shipment => "shipment",
                LineKind::Cancellation => "cancellation",
                LineKind::Return => "return",
            },
            channel: line.channel.into(),
            order_id: line.order_id,
            line_id: line.line_id,
            item_id: line.item_id.into(),
            location_id: line.location_id.map(String::from),
            quantity: line.quantity,
            unit_price: line.unit_price.filter(|_| with_money).map(MoneySchema::from),
            sold_at: line.sold_at,
            quarantined_at: row.quarantined_at,
            released_at: row.released_at,
            already_recorded: row.already_recorded,
            position: row.position,
        }
    }
}

impl list::Row for QuarantineView {
    const COLUMNS: &'static [&'static str] = &[
        "quarantine_id",
        "reason",
        "kind",
        "channel",
        "order_id",
        "line_id",
        "item_id",
        "location_id",
        "quantity",
        "unit_price",
        "currency",
        "sold_at",
        "quarantined_at",
        "released_at",
    ];

    fn cells(&self) -> Vec<Cell> {
        let (amount, currency) = MoneySchema::cells(self.unit_price.as_ref());
        vec![
            Cell::from(self.quarantine_id.to_string()),
            Cell::from(self.reason.clone()),
            Cell::from(self.kind),
            Cell::from(self.channel.clone()),
            Cell::from(self.order_id.clone()),
            Cell::from(self.line_id.clone()),
            Cell::from(self.item_id.clone()),
            Cell::from(self.location_id.clone()),
            Cell::from(self.quantity),
            amount,
            currency,
            Cell::from(self.sold_at),
            Cell::from(self.quarantined_at),
            Cell::from(self.released_at),
        ]
    }
}
