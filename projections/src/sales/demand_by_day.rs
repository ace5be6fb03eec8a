//! Demand of one product, day by day: where lines and daily reports meet.
//!
//! Demand of a day is the sum over its sources, kept from falling below zero once (rule R3). Where a channel both gave
//! its lines and reported the day, lines win and the overlap is told (decision 18).

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::quantity::Units;

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
pub async fn read(
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
