//! Rows of `lines`: one per sale, cancellation and return that a channel reported.
//!
//! A line is cancelled once at most, so a cancellation states the cancelled units of its sale's row, and a shipment its
//! state. A cancellation may reach the log before its sale does; then the sale finds it waiting.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::quantity::Units;
use domain::stock::command::SaleLine;

use super::facts::{Fact, Happened};
use crate::folded::Folded;
use crate::projection::ProjectionError;

/// Writes the new lines of a block, then what happened to lines that were sold.
pub(super) async fn apply(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), ProjectionError> {
    let mut lines = Lines::default();
    let mut changes: BTreeMap<(Uuid, &str, &str), Change> = BTreeMap::new();
    let folded = Folded::read(conn, "lines", facts.iter().map(|fact| fact.company_id)).await?;
    for fact in facts {
        let Some(sale) = &fact.sale else { continue };
        if !folded.has(fact.company_id, fact.position) {
            lines.add(fact, sale);
        }
        let key = (fact.company_id, sale.channel.as_str(), sale.line_id.as_str());
        match fact.happened {
            Happened::Shipped => changes.entry(key).or_default().shipped = true,
            Happened::Cancelled => changes.entry(key).or_default().cancelled = Some(fact.quantity),
            Happened::Sold | Happened::Reserved | Happened::Returned => {}
        }
    }
    let came_before = cancellations_of(conn, &lines).await?;
    for (company_id, channel, line_id, quantity) in &came_before {
        changes.entry((*company_id, channel, line_id)).or_default().cancelled.get_or_insert(*quantity);
    }
    insert(conn, lines).await?;
    change(conn, &changes).await
}

/// Columns of new rows.
#[derive(Default)]
struct Lines<'a> {
    company_id: Vec<Uuid>,
    channel: Vec<&'a str>,
    kind: Vec<&'static str>,
    line_id: Vec<String>,
    order_id: Vec<String>,
    item_key: Vec<&'a str>,
    location_id: Vec<&'a str>,
    quantity: Vec<Units>,
    price: Vec<Option<Decimal>>,
    currency: Vec<Option<&'a str>>,
    sold_at: Vec<DateTime<Utc>>,
    local_date: Vec<NaiveDate>,
    state: Vec<&'static str>,
    position: Vec<i64>,
}

impl<'a> Lines<'a> {
    fn add(&mut self, fact: &'a Fact, sale: &'a SaleLine) {
        let (kind, state) = match fact.happened {
            Happened::Sold => ("sale", "sold"),
            Happened::Reserved => ("sale", "reserved"),
            Happened::Cancelled => ("cancellation", "cancelled"),
            Happened::Returned => ("return", "returned"),
            Happened::Shipped => return,
        };
        self.company_id.push(fact.company_id);
        self.channel.push(sale.channel.as_str());
        self.kind.push(kind);
        self.line_id.push(storable(&sale.line_id));
        self.order_id.push(storable(&sale.order_id));
        self.item_key.push(&fact.item_key);
        self.location_id.push(&fact.location_id);
        self.quantity.push(fact.quantity);
        self.price.push(sale.unit_price.map(|price| price.amount));
        self.currency.push(sale.unit_price.as_ref().map(|price| price.currency.code()));
        self.sold_at.push(fact.at);
        self.local_date.push(fact.local_date);
        self.state.push(state);
        self.position.push(fact.position);
    }
}

/// Cancellations of these lines that came before them; most blocks come when there is none yet. Planned anew each time:
/// how it is done best depends on how many cancellations there are.
async fn cancellations_of(
    conn: &mut PgConnection,
    lines: &Lines<'_>,
) -> Result<Vec<(Uuid, String, String, Units)>, ProjectionError> {
    if lines.position.is_empty() {
        return Ok(Vec::new());
    }
    let companies: BTreeSet<_> = lines.company_id.iter().copied().collect();
    // In the order of their index, which only holds cancellations: the planner must not think of the whole table.
    let some: Option<i32> = sqlx::query_scalar(
        "select 1 from lines where kind = 'cancellation' and company_id = any($1)
         order by company_id, channel, line_id limit 1",
    )
    .bind(companies.into_iter().collect::<Vec<_>>())
    .fetch_optional(&mut *conn)
    .await?;
    if some.is_none() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query_as(
        "select c.company_id, c.channel, c.line_id, c.quantity
         from lines c
         join unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as u (company_id, channel, kind, line_id)
             on u.kind = 'sale' and c.company_id = u.company_id and c.channel = u.channel and c.line_id = u.line_id
         where c.kind = 'cancellation'",
    )
    .persistent(false)
    .bind(&lines.company_id)
    .bind(&lines.channel)
    .bind(&lines.kind)
    .bind(&lines.line_id)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

async fn insert(conn: &mut PgConnection, lines: Lines<'_>) -> Result<(), ProjectionError> {
    if lines.position.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into lines (company_id, channel, kind, line_id, order_id, item_key, location_id, quantity,
             unit_price_amount, unit_price_currency, sold_at, local_date, state, cancelled_quantity, position)
         select unnest($1::uuid[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]),
             unnest($6::text[]), unnest($7::text[]), unnest($8::bigint[]), unnest($9::numeric[]), unnest($10::text[]),
             unnest($11::timestamptz[]), unnest($12::date[]), unnest($13::text[]), 0, unnest($14::bigint[])",
    )
    .bind(lines.company_id)
    .bind(lines.channel)
    .bind(lines.kind)
    .bind(lines.line_id)
    .bind(lines.order_id)
    .bind(lines.item_key)
    .bind(lines.location_id)
    .bind(lines.quantity)
    .bind(lines.price)
    .bind(lines.currency)
    .bind(lines.sold_at)
    .bind(lines.local_date)
    .bind(lines.state)
    .bind(lines.position)
    .execute(conn)
    .await?;
    Ok(())
}

/// What a block says about a line that was sold.
#[derive(Default)]
struct Change {
    cancelled: Option<Units>,
    shipped: bool,
}

async fn change(
    conn: &mut PgConnection,
    changes: &BTreeMap<(Uuid, &str, &str), Change>,
) -> Result<(), ProjectionError> {
    if changes.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update lines l
         set cancelled_quantity = coalesce(c.cancelled, l.cancelled_quantity),
             state = case
                 when coalesce(c.cancelled, l.cancelled_quantity) >= l.quantity then 'cancelled'
                 when c.shipped then 'shipped'
                 else l.state
             end
         from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::boolean[])
             as c (company_id, channel, line_id, cancelled, shipped)
         where l.company_id = c.company_id and l.channel = c.channel and l.kind = 'sale' and l.line_id = c.line_id",
    )
    .persistent(false)
    .bind(changes.keys().map(|key| key.0).collect::<Vec<_>>())
    .bind(changes.keys().map(|key| key.1).collect::<Vec<_>>())
    .bind(changes.keys().map(|key| storable(key.2)).collect::<Vec<_>>())
    .bind(changes.values().map(|change| change.cancelled).collect::<Vec<_>>())
    .bind(changes.values().map(|change| change.shipped).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// The text without U+0000, which PostgreSQL's text cannot hold.
fn storable(text: &str) -> String {
    text.replace('\0', "")
}
