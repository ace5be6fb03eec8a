//! Rows of `lines`: one per sale, cancellation and return that a channel reported.
//!
//! A line is cancelled once at most, so a cancellation states the cancelled units of its sale's row, and a shipment its
//! state. A cancellation may reach the log before its sale does; then the sale finds it waiting.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::quantity::Units;

use super::facts::{Fact, Happened};
use crate::bulk::{Rows, Target};
use crate::folded::Folded;
use crate::projection::ProjectionError;

/// Writes the new lines of a block, then what happened to lines that were sold.
pub(super) async fn apply(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), ProjectionError> {
    let mut lines = Lines::default();
    let mut changes = Changes::default();
    let folded = Folded::read(conn, "lines", facts.iter().map(|fact| fact.company_id)).await?;
    for fact in facts {
        if !folded.has(fact.company_id, fact.position) {
            lines.extend(line(fact));
        }
        changes.note(fact);
    }
    for (company_id, channel, line_id, quantity) in cancellations_of(conn, &lines).await? {
        changes.0.entry((company_id, channel, line_id)).or_default().cancelled.get_or_insert(quantity);
    }
    insert(conn, lines).await?;
    changes.write(conn).await
}

/// One new row, in the order of the table's columns; `cancelled_quantity` is 0.
struct NewLine<'a> {
    company_id: Uuid,
    channel: &'a str,
    kind: &'static str,
    line_id: Cow<'a, str>,
    order_id: Cow<'a, str>,
    item_key: &'a str,
    location_id: &'a str,
    quantity: Units,
    price: Option<Decimal>,
    currency: Option<&'a str>,
    sold_at: DateTime<Utc>,
    local_date: NaiveDate,
    state: &'static str,
    position: i64,
}

/// The row of a fact; none for a shipment, or where no channel reported the units.
fn line(fact: &Fact) -> Option<NewLine<'_>> {
    let sale = fact.sale.as_ref()?;
    let (kind, state) = match fact.happened {
        Happened::Sold => ("sale", "sold"),
        Happened::Reserved => ("sale", "reserved"),
        Happened::Cancelled => ("cancellation", "cancelled"),
        Happened::Returned => ("return", "returned"),
        Happened::Shipped => return None,
    };
    Some(NewLine {
        company_id: fact.company_id,
        channel: sale.channel.as_str(),
        kind,
        line_id: storable(&sale.line_id),
        order_id: storable(&sale.order_id),
        item_key: &fact.item_key,
        location_id: fact.location_id(),
        quantity: fact.quantity,
        price: sale.unit_price.map(|price| price.amount),
        currency: sale.unit_price.as_ref().map(|price| price.currency.code()),
        sold_at: fact.at,
        local_date: fact.local_date,
        state,
        position: fact.position,
    })
}

/// Columns of new rows.
#[derive(Default)]
struct Lines<'a> {
    company_id: Vec<Uuid>,
    channel: Vec<&'a str>,
    kind: Vec<&'static str>,
    line_id: Vec<Cow<'a, str>>,
    order_id: Vec<Cow<'a, str>>,
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
    fn extend(&mut self, line: Option<NewLine<'a>>) {
        let Some(line) = line else { return };
        self.company_id.push(line.company_id);
        self.channel.push(line.channel);
        self.kind.push(line.kind);
        self.line_id.push(line.line_id);
        self.order_id.push(line.order_id);
        self.item_key.push(line.item_key);
        self.location_id.push(line.location_id);
        self.quantity.push(line.quantity);
        self.price.push(line.price);
        self.currency.push(line.currency);
        self.sold_at.push(line.sold_at);
        self.local_date.push(line.local_date);
        self.state.push(line.state);
        self.position.push(line.position);
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

/// What facts say about lines that were sold, by company, channel and line.
#[derive(Default)]
pub(super) struct Changes(BTreeMap<(Uuid, String, String), Change>);

/// What they say about one line.
#[derive(Default)]
struct Change {
    cancelled: Option<Units>,
    shipped: bool,
}

impl Changes {
    /// Notes a shipment or a cancellation.
    pub(super) fn note(&mut self, fact: &Fact) {
        let Some(sale) = &fact.sale else { return };
        if !matches!(fact.happened, Happened::Shipped | Happened::Cancelled) {
            return;
        }
        let line_id = storable(&sale.line_id).into_owned();
        let change = self.0.entry((fact.company_id, sale.channel.as_str().to_owned(), line_id)).or_default();
        if fact.happened == Happened::Shipped {
            change.shipped = true;
        } else {
            change.cancelled = Some(fact.quantity);
        }
    }

    /// Changes the rows of these lines.
    pub(super) async fn write(&self, conn: &mut PgConnection) -> Result<(), ProjectionError> {
        let Self(changes) = self;
        if changes.is_empty() {
            return Ok(());
        }
        sqlx::query(CHANGE)
            .persistent(false)
            .bind(changes.keys().map(|key| key.0).collect::<Vec<_>>())
            .bind(changes.keys().map(|key| key.1.as_str()).collect::<Vec<_>>())
            .bind(changes.keys().map(|key| key.2.as_str()).collect::<Vec<_>>())
            .bind(changes.values().map(|change| change.cancelled).collect::<Vec<_>>())
            .bind(changes.values().map(|change| change.shipped).collect::<Vec<_>>())
            .execute(conn)
            .await?;
        Ok(())
    }
}

const CHANGE: &str = "
update lines l
set cancelled_quantity = coalesce(c.cancelled, l.cancelled_quantity),
    state = case
        when coalesce(c.cancelled, l.cancelled_quantity) >= l.quantity then 'cancelled'
        when c.shipped then 'shipped'
        else l.state
    end
from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::boolean[])
    as c (company_id, channel, line_id, cancelled, shipped)
where l.company_id = c.company_id and l.channel = c.channel and l.kind = 'sale' and l.line_id = c.line_id";

/// Puts the row of a fact to be copied; what happened to it later is written with [`Changes`].
pub(super) fn put(fact: &Fact, rows: &mut Rows) {
    let Some(line) = line(fact) else { return };
    rows.row(&LINES)
        .put(line.company_id)
        .put(line.channel)
        .put(line.kind)
        .put(line.line_id)
        .put(line.order_id)
        .put(line.item_key)
        .put(line.location_id)
        .put(line.quantity)
        .put(line.price)
        .put(line.currency)
        .put(line.sold_at)
        .put(line.local_date)
        .put(line.state)
        .put(0_i64)
        .put(line.position);
}

const LINES: Target = Target {
    table: "lines",
    columns: &[
        "company_id",
        "channel",
        "kind",
        "line_id",
        "order_id",
        "item_key",
        "location_id",
        "quantity",
        "unit_price_amount",
        "unit_price_currency",
        "sold_at",
        "local_date",
        "state",
        "cancelled_quantity",
        "position",
    ],
};

/// The text without U+0000, which PostgreSQL's text cannot hold.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) }
}
