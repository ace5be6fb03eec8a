//! Reads of lines and channels. Under row-level security; every query names the company itself too.

use chrono::{DateTime, NaiveDate, Utc};
use futures::stream::BoxStream;
use rust_decimal::Decimal;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use domain::shared::quantity::Units;

/// One reported sale, cancellation or return.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct LineRow {
    /// The channel.
    pub channel: String,
    /// `sale`, `cancellation` or `return`.
    pub kind: String,
    /// The channel's line, unique within channel and kind.
    pub line_id: String,
    /// The channel's order.
    pub order_id: String,
    /// Key of the product.
    pub item_key: String,
    /// Present item id of the product.
    pub item_id: String,
    /// Where; empty where it is not known.
    pub location_id: String,
    /// Units, above 0.
    pub quantity: Units,
    /// Price of one unit.
    pub unit_price_amount: Option<Decimal>,
    /// Currency of the price.
    pub unit_price_currency: Option<String>,
    /// When it happened.
    pub sold_at: DateTime<Utc>,
    /// Day of the company on which it happened.
    pub local_date: NaiveDate,
    /// `sold`, `reserved`, `shipped`, `cancelled` or `returned`.
    pub state: String,
    /// Units of a sale that were cancelled.
    pub cancelled_quantity: Units,
    /// Position of its event.
    pub position: i64,
}

/// Which lines are asked for; absent fields do not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineFilter {
    /// The channel.
    pub channel: Option<String>,
    /// The channel's order.
    pub order_id: Option<String>,
    /// Key of the product.
    pub item_key: Option<String>,
    /// Where.
    pub location_id: Option<String>,
    /// `sale`, `cancellation` or `return`.
    pub kind: Option<String>,
    /// State of the line.
    pub state: Option<String>,
    /// First day, local to the company.
    pub from: Option<NaiveDate>,
    /// Last day, local to the company.
    pub to: Option<NaiveDate>,
}

/// What lines can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineOrder {
    /// The order in which they were recorded.
    Position,
    /// When they happened.
    SoldAt,
    /// Item id.
    ItemId,
    /// Units.
    Quantity,
    /// Order and line.
    OrderId,
}

impl LineOrder {
    fn expression(self) -> &'static str {
        match self {
            Self::Position => "l.position",
            Self::SoldAt => "l.sold_at",
            Self::ItemId => "coalesce(p.item_id, l.item_key) collate \"C\"",
            Self::Quantity => "l.quantity",
            Self::OrderId => "l.order_id collate \"C\"",
        }
    }
}

const PRODUCTS: &str =
    " left join catalogue_1.products p on p.company_id = l.company_id and p.item_key = l.item_key";

/// Lines that `filter` lets through, sorted by `order` (true is descending), then by position descending.
pub async fn lines(
    conn: &mut PgConnection,
    company_id: Uuid,
    filter: &LineFilter,
    order: &[(LineOrder, bool)],
    limit: i64,
    offset: i64,
) -> Result<Vec<LineRow>, sqlx::Error> {
    lines_query(company_id, filter, order, Some(limit), offset).build_query_as().fetch_all(conn).await
}

/// The same as `query` says, one after another, for a file.
pub fn lines_stream<'a>(
    conn: &'a mut PgConnection,
    query: &'a mut QueryBuilder<'static, Postgres>,
) -> BoxStream<'a, Result<LineRow, sqlx::Error>> {
    query.build_query_as().fetch(conn)
}

/// The query of [`lines`] and [`lines_stream`]; without a limit all lines.
pub fn lines_query(
    company_id: Uuid,
    filter: &LineFilter,
    order: &[(LineOrder, bool)],
    limit: Option<i64>,
    offset: i64,
) -> QueryBuilder<'static, Postgres> {
    let mut sort = String::from(" order by ");
    for (column, descending) in order {
        sort.push_str(column.expression());
        sort.push_str(if *descending { " desc, " } else { ", " });
    }
    sort.push_str("l.position desc");
    // The page is cut first, so that only its rows meet the catalogue.
    let mut query = QueryBuilder::new(
        "select l.channel, l.kind, l.line_id, l.order_id, l.item_key, coalesce(p.item_id, l.item_key) as item_id,
             l.location_id, l.quantity, l.unit_price_amount, l.unit_price_currency, l.sold_at, l.local_date, l.state,
             l.cancelled_quantity, l.position
         from (
             select l.company_id, l.channel, l.kind, l.line_id, l.order_id, l.item_key, l.location_id, l.quantity,
                 l.unit_price_amount, l.unit_price_currency, l.sold_at, l.local_date, l.state, l.cancelled_quantity,
                 l.position
             from sales_1.lines l",
    );
    if order.iter().any(|(column, _)| *column == LineOrder::ItemId) {
        query.push(PRODUCTS);
    }
    query.push(" where ");
    push_filter(&mut query, company_id, filter);
    query.push(&sort).push(" limit ").push_bind(limit).push(" offset ").push_bind(offset);
    query.push(") l").push(PRODUCTS);
    query.push(&sort);
    query
}

/// Number of lines that `filter` lets through.
pub async fn count_lines(
    conn: &mut PgConnection,
    company_id: Uuid,
    filter: &LineFilter,
) -> Result<i64, sqlx::Error> {
    let mut query = QueryBuilder::new("select count(*) from sales_1.lines l where ");
    push_filter(&mut query, company_id, filter);
    query.build_query_scalar().fetch_one(conn).await
}

fn push_filter(query: &mut QueryBuilder<'_, Postgres>, company_id: Uuid, filter: &LineFilter) {
    query.push("l.company_id = ").push_bind(company_id);
    let texts = [
        (" and l.channel = ", &filter.channel),
        (" and l.order_id = ", &filter.order_id),
        (" and l.item_key = ", &filter.item_key),
        (" and l.location_id = ", &filter.location_id),
        (" and l.kind = ", &filter.kind),
        (" and l.state = ", &filter.state),
    ];
    for (condition, text) in texts {
        if let Some(text) = text {
            query.push(condition).push_bind(text.replace('\0', ""));
        }
    }
    for (condition, date) in [(" and l.local_date >= ", filter.from), (" and l.local_date <= ", filter.to)] {
        if let Some(date) = date {
            query.push(condition).push_bind(date);
        }
    }
}

/// A channel as it stands now.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ChannelRow {
    /// The channel.
    pub channel: String,
    /// Where its sales land; the primary location where absent.
    pub location_id: Option<String>,
    /// `DECREMENT` or `RESERVE`.
    pub on_sale: String,
    /// Whether returns lower demand; the company's setting where absent.
    pub count_returns: Option<bool>,
}

/// Channels that were configured, by name.
pub async fn channels(conn: &mut PgConnection, company_id: Uuid) -> Result<Vec<ChannelRow>, sqlx::Error> {
    sqlx::query_as(
        "select channel, location_id, on_sale, count_returns
         from sales_1.channels
         where company_id = $1
         order by channel collate \"C\"",
    )
    .bind(company_id)
    .fetch_all(conn)
    .await
}
