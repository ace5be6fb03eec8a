//! Reads of lines, channels and demand. Under row-level security; every query names the company itself too.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
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
    query.build_query_as().fetch_all(conn).await
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

/// Demand and revenue of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemandDay {
    /// The day, local to the company.
    pub date_local: NaiveDate,
    /// Units by rule R3: the sum over sources, never below zero.
    pub units_sold: Units,
    /// The same sum before it was kept from falling below zero.
    pub signed_units: Units,
    /// Value of the units, by currency; only of facts that bear a price.
    pub revenue: Vec<(String, Decimal)>,
    /// Units that daily reports state for places where the same channel has lines; they do not count.
    pub overlapping_units: Option<Units>,
    /// Whether a source reported the day, with 0 units too.
    pub reported: bool,
}

/// Demand of one item on the days from `from` to `to` on which anything is known, at one location or company-wide.
pub async fn demand(
    conn: &mut PgConnection,
    company_id: Uuid,
    item_key: &str,
    (from, to): (NaiveDate, NaiveDate),
    location_id: Option<&str>,
) -> Result<Vec<DemandDay>, sqlx::Error> {
    let rows: Vec<DemandPart> = sqlx::query_as(DEMAND)
        .bind(company_id)
        .bind(item_key)
        .bind(from)
        .bind(to)
        .bind(location_id.map(|location| location.trim().replace('\0', "")))
        .fetch_all(conn)
        .await?;
    let mut days: BTreeMap<NaiveDate, DemandDay> = BTreeMap::new();
    for row in rows {
        let day = days.entry(row.date_local).or_insert_with(|| DemandDay::empty(row.date_local));
        day.signed_units += row.units;
        day.units_sold = day.signed_units.max(0);
        if let Some(units) = row.overlapping_units {
            *day.overlapping_units.get_or_insert(0) += units;
        }
        day.reported |= row.reported;
        if !row.currency.is_empty() {
            day.revenue.push((row.currency, row.revenue));
        }
    }
    Ok(days.into_values().collect())
}

impl DemandDay {
    /// A day of which nothing is known.
    pub fn empty(date_local: NaiveDate) -> Self {
        Self {
            date_local,
            units_sold: 0,
            signed_units: 0,
            revenue: Vec::new(),
            overlapping_units: None,
            reported: false,
        }
    }
}

#[derive(sqlx::FromRow)]
struct DemandPart {
    date_local: NaiveDate,
    currency: String,
    units: Units,
    revenue: Decimal,
    overlapping_units: Option<Units>,
    reported: bool,
}

/// Demand without a location belongs to the primary one. A channel has lines where it has sales: its returns and
/// cancellations alone lower what it reported. Returns stay out where the channel, else the company, says so.
const DEMAND: &str = "
with place as (
    select coalesce((select location_id from catalogue_1.locations where company_id = $1 and is_primary limit 1), '')
        as primary_id,
    coalesce((select (chosen::json ->> 'count_returns')::boolean from companies_1.settings where company_id = $1), true)
        as count_returns
),
parts as (
    select d.date_local, d.location_id, d.channel, d.currency, d.line_units, d.return_units, d.cancel_units,
        null::bigint as report_units, d.line_revenue, d.return_revenue, d.cancel_revenue, 0 as report_revenue
    from sales_1.demand d
    where d.company_id = $1 and d.item_key = $2 and d.date_local between $3 and $4
    union all
    select r.date_local, r.location_id, r.source, coalesce(r.revenue_currency, ''), 0, 0, 0,
        r.units_sold, 0, 0, 0, coalesce(r.revenue_amount, 0)
    from sales_1.daily_reports r
    where r.company_id = $1 and r.item_key = $2 and r.date_local between $3 and $4
),
placed as (
    select p.*, coalesce(nullif(p.location_id, ''), place.primary_id) as at_location,
        coalesce(c.count_returns, place.count_returns) as with_returns
    from parts p
    cross join place
    left join sales_1.channels c on c.company_id = $1 and c.channel = p.channel
),
judged as (
    select p.*, sum(p.line_units) over (partition by p.date_local, p.at_location, p.channel) > 0 as has_lines
    from placed p
    where $5::text is null or p.at_location = $5
)
select j.date_local, j.currency,
    sum(j.line_units - j.cancel_units - case when j.with_returns then j.return_units else 0 end
        + case when j.has_lines then 0 else coalesce(j.report_units, 0) end)::bigint as units,
    sum(j.line_revenue - j.cancel_revenue - case when j.with_returns then j.return_revenue else 0 end
        + case when j.has_lines then 0 else j.report_revenue end) as revenue,
    (sum(j.report_units) filter (where j.has_lines))::bigint as overlapping_units,
    bool_or(j.report_units is not null) as reported
from judged j
group by j.date_local, j.currency
order by j.date_local, j.currency
";
