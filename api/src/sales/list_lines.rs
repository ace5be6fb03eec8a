//! GET /sales: reported sales, cancellations and returns.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use projections::sales::queries::{self, LineFilter, LineOrder, LineRow};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::calendar;
use crate::catalogue::resolve_item;
use crate::context::Caller;
use crate::extract::{Query, word};
use crate::list::{self, Cell, List, ListParams, Listing, Sort};
use crate::problem::Problem;
use crate::schema::MoneySchema;
use crate::state::AppState;

/// Which lines.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LineFilters {
    /// Sales channel.
    channel: Option<String>,
    /// The channel's order.
    order_id: Option<String>,
    /// Item id or sku of the product.
    item_id: Option<String>,
    /// Where.
    location_id: Option<String>,
    /// Sale, cancellation or return.
    #[param(inline)]
    kind: Option<ShownKind>,
    /// What became of a sale; cancellations and returns have a state of their own.
    #[param(inline)]
    state: Option<LineState>,
    /// First day, local to the company.
    from: Option<NaiveDate>,
    /// Last day, local to the company.
    to: Option<NaiveDate>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ShownKind {
    /// Units were sold.
    Sale,
    /// A sale was cancelled.
    Cancellation,
    /// Units came back.
    Return,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum LineState {
    /// It left the stock.
    Sold,
    /// It is promised and will leave later.
    Reserved,
    /// It was promised and has left.
    Shipped,
    /// It was cancelled as a whole.
    Cancelled,
    /// It came back.
    Returned,
}

/// A reported sale, cancellation or return.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct LineView {
    /// Sales channel.
    channel: String,
    /// `sale`, `cancellation` or `return`.
    kind: String,
    /// The channel's order.
    order_id: String,
    /// The channel's line.
    line_id: String,
    /// The product.
    item_id: String,
    /// Where.
    location_id: String,
    /// Units.
    quantity: i64,
    /// Price of one unit; null where unknown or hidden.
    unit_price: Option<MoneySchema>,
    /// When it happened.
    sold_at: DateTime<Utc>,
    /// Day of the company on which it happened.
    date_local: NaiveDate,
    /// `sold`, `reserved`, `shipped`, `cancelled` or `returned`.
    state: String,
    /// Units of a sale that were cancelled.
    cancelled_quantity: i64,
    /// Position of its event.
    position: i64,
}

const COLUMNS: [&str; 5] = ["position", "sold_at", "item_id", "quantity", "order_id"];

/// List sale lines.
///
/// Newest first unless sorted otherwise.
#[utoipa::path(get, path = "/sales", operation_id = "list_sales", tag = "sales", params(ListParams, LineFilters),
    responses((status = 200, description = "A page of lines", body = List<LineView>)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404, 409]))))]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(filters): Query<LineFilters>,
) -> Result<Response, Problem> {
    let order = listing.sort_by(&COLUMNS, "-position")?.into_iter().map(order).collect::<Vec<_>>();
    let mut tx = caller.read(&state, &["sales", "catalogue"]).await?;
    let filter = filters.resolve(&mut tx, &caller).await?;
    if listing.format.is_download() {
        let with_money = caller.sees_money();
        let query = queries::lines_query(caller.company_id, &filter, &order, None, 0);
        let rows =
            list::streamed(tx, query, queries::lines_stream, move |row| LineView::new(row, with_money));
        return list::download(&listing, "sales", rows).await;
    }
    let total = queries::count_lines(&mut tx, caller.company_id, &filter).await?;
    let (limit, offset) = (listing.limit(), listing.offset());
    let rows = queries::lines(&mut tx, caller.company_id, &filter, &order, limit, offset).await?;
    let items = rows.into_iter().map(|row| LineView::new(row, caller.sees_money())).collect();
    Ok(List::new(items, total, &listing).into_response())
}

impl LineFilters {
    async fn resolve(self, conn: &mut sqlx::PgConnection, caller: &Caller) -> Result<LineFilter, Problem> {
        let item_key = match self.item_id {
            Some(item_id) => Some(resolve_item(conn, caller, &item_id).await?),
            None => None,
        };
        Ok(LineFilter {
            channel: self.channel,
            order_id: self.order_id,
            item_key,
            location_id: self.location_id,
            kind: self.kind.map(|kind| word(&kind)),
            state: self.state.map(|state| word(&state)),
            from: calendar::in_query("?from", self.from)?,
            to: calendar::in_query("?to", self.to)?,
        })
    }
}

fn order(sort: Sort) -> (LineOrder, bool) {
    let column = match sort.column {
        "sold_at" => LineOrder::SoldAt,
        "item_id" => LineOrder::ItemId,
        "quantity" => LineOrder::Quantity,
        "order_id" => LineOrder::OrderId,
        _ => LineOrder::Position,
    };
    (column, sort.descending)
}

impl LineView {
    fn new(row: LineRow, with_money: bool) -> Self {
        let price = row.unit_price_amount.zip(row.unit_price_currency).filter(|_| with_money);
        Self {
            channel: row.channel,
            kind: row.kind,
            order_id: row.order_id,
            line_id: row.line_id,
            item_id: row.item_id,
            location_id: row.location_id,
            quantity: row.quantity,
            unit_price: price
                .map(|(amount, currency): (Decimal, String)| MoneySchema::new(amount, &currency)),
            sold_at: row.sold_at,
            date_local: row.local_date,
            state: row.state,
            cancelled_quantity: row.cancelled_quantity,
            position: row.position,
        }
    }
}

impl list::Row for LineView {
    const COLUMNS: &'static [&'static str] = &[
        "channel",
        "kind",
        "order_id",
        "line_id",
        "item_id",
        "location_id",
        "quantity",
        "unit_price",
        "currency",
        "sold_at",
        "date_local",
        "state",
        "cancelled_quantity",
        "position",
    ];

    fn cells(&self) -> Vec<Cell> {
        let (amount, currency) = MoneySchema::cells(self.unit_price.as_ref());
        vec![
            Cell::from(self.channel.clone()),
            Cell::from(self.kind.clone()),
            Cell::from(self.order_id.clone()),
            Cell::from(self.line_id.clone()),
            Cell::from(self.item_id.clone()),
            Cell::from(self.location_id.clone()),
            Cell::from(self.quantity),
            amount,
            currency,
            Cell::from(self.sold_at),
            Cell::from(self.date_local),
            Cell::from(self.state.clone()),
            Cell::from(self.cancelled_quantity),
            Cell::from(self.position),
        ]
    }
}
