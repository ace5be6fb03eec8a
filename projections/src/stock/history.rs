//! Reads of history: movements by filter and order. Under row-level security; every query names the company too.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::shared::moment::latest_instant;
use futures::stream::BoxStream;
use sqlx::postgres::Postgres;
use sqlx::{PgConnection, QueryBuilder};
use uuid::Uuid;

use super::past::{self, Moment};
use super::queries::{Span, push_equal};

/// Which movements are read. All conditions hold together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MovementFilter {
    /// Of this product, by its stream.
    pub item_key: Option<String>,
    /// At this location.
    pub location_id: Option<String>,
    /// Happened at or after.
    pub from: Option<DateTime<Utc>>,
    /// Happened at or before.
    pub to: Option<DateTime<Utc>>,
    /// Recorded at or before.
    pub known_at: Option<DateTime<Utc>>,
    /// Of this type, for example `OUTBOUND`.
    pub movement_type: Option<String>,
    /// Refers to this kind of thing, for example `SALE`.
    pub reference_type: Option<String>,
    /// Refers to this.
    pub reference_id: Option<String>,
    /// Recorded by this actor.
    pub created_by: Option<String>,
    /// Item id, sku, name, reference or notes contain this text, whatever its case.
    pub search: Option<String>,
}

/// What movements can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovementColumn {
    /// When it happened.
    MovedAt,
    /// When it was recorded.
    RecordedAt,
    /// Place in the log.
    Position,
    /// Business key of the product.
    ItemId,
    /// Sku of the product.
    Sku,
    /// Name of the product.
    ProductName,
    /// Where.
    LocationId,
    /// Type.
    MovementType,
    /// What happened.
    Quantity,
    /// Its change of today's stock.
    Effect,
    /// On hand after it was recorded.
    BalanceAfter,
    /// Kind of thing that it refers to.
    ReferenceType,
    /// Thing that it refers to.
    ReferenceId,
    /// Who recorded it.
    CreatedBy,
}

/// One movement, with its product as the catalogue knows it now. Quantities in units.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct MovementRow {
    /// Place of its fact in the log.
    pub position: i64,
    /// Which movement of its fact, from 0.
    pub leg: i16,
    /// Its id.
    pub movement_id: Uuid,
    /// Product, by its stream.
    pub item_key: String,
    /// Business key of the product.
    pub item_id: String,
    /// Sku of the product.
    pub sku: String,
    /// Name of the product.
    pub product_name: String,
    /// Where.
    pub location_id: String,
    /// Type, for example `OUTBOUND`.
    pub movement_type: String,
    /// What happened, signed; the variance of an anchor.
    pub quantity: i64,
    /// Its change of today's stock, signed.
    pub effect: i64,
    /// On hand at the location once it was recorded.
    pub balance_after: i64,
    /// The stock stated, on anchors only.
    pub anchored_at: Option<i64>,
    /// The anchor that had already counted a late fact.
    pub superseded_by: Option<Uuid>,
    /// When it happened.
    pub effective_at: DateTime<Utc>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Day on which it happened, local to the company.
    pub local_date: NaiveDate,
    /// Kind of thing that it refers to, for example `SALE`.
    pub reference_type: String,
    /// Thing that it refers to.
    pub reference_id: Option<String>,
    /// Why a person adjusted.
    pub reason: Option<String>,
    /// Free text.
    pub notes: Option<String>,
    /// Who recorded it.
    pub created_by: String,
}

/// A part of the movements, newest first where `sort` says nothing else.
pub async fn movements(
    conn: &mut PgConnection,
    company_id: Uuid,
    filter: &MovementFilter,
    sort: &[(MovementColumn, bool)],
    span: Span,
) -> Result<Vec<MovementRow>, sqlx::Error> {
    let mut query = movements_query(company_id, filter, sort);
    query.push(" offset ").push_bind(span.offset).push(" limit ").push_bind(span.limit);
    query.build_query_as().fetch_all(conn).await
}

/// All movements of a filter, one after another, for a file.
pub fn movements_stream<'a>(
    conn: &'a mut PgConnection,
    query: &'a mut QueryBuilder<'static, Postgres>,
) -> BoxStream<'a, Result<MovementRow, sqlx::Error>> {
    query.build_query_as().fetch(conn)
}

/// The query that [`movements_stream`] runs. `sort` holds columns with "largest first".
pub fn movements_query(
    company_id: Uuid,
    filter: &MovementFilter,
    sort: &[(MovementColumn, bool)],
) -> QueryBuilder<'static, Postgres> {
    let mut query = QueryBuilder::new(
        "select m.position, m.leg, m.movement_id, m.item_key, coalesce(p.item_id, m.item_key) as item_id,
                coalesce(p.sku, m.item_key) as sku, coalesce(p.product_name, '') as product_name, m.location_id,
                m.movement_type, m.quantity, m.effect, m.balance_after, m.anchored_at, m.superseded_by,
                m.effective_at, m.recorded_at, m.local_date, m.reference_type, m.reference_id, m.reason, m.notes,
                m.created_by",
    );
    push_movements(&mut query, company_id, filter);
    let default = [(MovementColumn::MovedAt, true)];
    let sort = if sort.is_empty() { &default[..] } else { sort };
    query.push(" order by ");
    for (column, descending) in sort {
        query.push(column.sql()).push(if *descending { " desc" } else { " asc" });
        // Of a column that is never null it would keep an index from being read backwards.
        query.push(if column.may_be_null() { " nulls last, " } else { ", " });
    }
    // Later recorded first where newest is first: the history index can be read backwards.
    let newest_first = sort.first().is_some_and(|(_, descending)| *descending);
    query.push(if newest_first { "m.position desc, m.leg desc" } else { "m.position, m.leg" });
    query
}

/// How many movements match.
pub async fn count_movements(
    conn: &mut PgConnection,
    company_id: Uuid,
    filter: &MovementFilter,
) -> Result<i64, sqlx::Error> {
    if filter.checkpoints_can_count() {
        return count_between(conn, company_id, filter).await;
    }
    let mut query = if filter.days_can_count() {
        let mut query = QueryBuilder::new(
            "select coalesce(sum(d.movements), 0)::bigint from movements_2.daily as d where d.company_id = ",
        );
        query.push_bind(company_id);
        push_equal(&mut query, " and d.location_id = ", filter.location_id.as_ref());
        push_equal(&mut query, " and d.movement_type = ", filter.movement_type.as_ref());
        query
    } else {
        let mut query = QueryBuilder::new("select count(*)");
        push_movements(&mut query, company_id, filter);
        query
    };
    query.build_query_scalar().fetch_one(conn).await
}

/// How many movements had happened by the end, less those before the beginning.
async fn count_between(
    conn: &mut PgConnection,
    company_id: Uuid,
    filter: &MovementFilter,
) -> Result<i64, sqlx::Error> {
    let until = Moment::new(filter.to, filter.known_at);
    let count = past::count(conn, company_id, until).await?;
    let Some(from) = filter.from else { return Ok(count) };
    let before = Moment { as_of: from - TimeDelta::microseconds(1), ..until };
    Ok((count - past::count(conn, company_id, before).await?).max(0))
}

impl MovementFilter {
    /// Whether checkpoints hold the count: nothing is asked but instants.
    fn checkpoints_can_count(&self) -> bool {
        let instants = Self { from: self.from, to: self.to, known_at: self.known_at, ..Self::default() };
        *self == instants && *self != Self::default()
    }

    /// Whether the daily sums hold the count: nothing is asked but location and type.
    fn days_can_count(&self) -> bool {
        let coarse = Self {
            location_id: self.location_id.clone(),
            movement_type: self.movement_type.clone(),
            ..Self::default()
        };
        *self == coarse
    }
}

impl MovementColumn {
    fn may_be_null(self) -> bool {
        self == Self::ReferenceId
    }

    fn sql(self) -> &'static str {
        match self {
            Self::MovedAt => "m.effective_at",
            Self::RecordedAt => "m.recorded_at",
            Self::Position => "m.position",
            Self::ItemId => "coalesce(p.item_id, m.item_key) collate \"C\"",
            Self::Sku => "coalesce(p.sku, m.item_key) collate \"C\"",
            Self::ProductName => "coalesce(p.product_name, '') collate \"C\"",
            Self::LocationId => "m.location_id collate \"C\"",
            Self::MovementType => "m.movement_type collate \"C\"",
            Self::Quantity => "m.quantity",
            Self::Effect => "m.effect",
            Self::BalanceAfter => "m.balance_after",
            Self::ReferenceType => "m.reference_type collate \"C\"",
            Self::ReferenceId => "m.reference_id collate \"C\"",
            Self::CreatedBy => "m.created_by collate \"C\"",
        }
    }
}

fn push_movements(query: &mut QueryBuilder<'static, Postgres>, company_id: Uuid, filter: &MovementFilter) {
    query.push(
        " from movements_2.movements as m
          left join catalogue_1.products as p on p.company_id = m.company_id and p.item_key = m.item_key
          where m.company_id = ",
    );
    query.push_bind(company_id);
    push_equal(query, " and m.item_key = ", filter.item_key.as_ref());
    push_equal(query, " and m.location_id = ", filter.location_id.as_ref());
    push_equal(query, " and m.effective_at >= ", filter.from.as_ref());
    push_equal(query, " and m.effective_at <= ", filter.to.as_ref());
    push_equal(query, " and m.recorded_at <= ", filter.known_at.as_ref());
    // Nothing is recorded long before it happens: what was not known yet is not even looked at.
    push_equal(query, " and m.effective_at <= ", filter.known_at.map(latest_instant).as_ref());
    push_equal(query, " and m.movement_type = ", filter.movement_type.as_ref());
    push_equal(query, " and m.reference_type = ", filter.reference_type.as_ref());
    push_equal(query, " and m.reference_id = ", filter.reference_id.as_ref());
    push_equal(query, " and m.created_by = ", filter.created_by.as_ref());
    if let Some(search) = &filter.search {
        query.push(
            " and strpos(lower(concat_ws(E'\\n', p.item_id, p.sku, p.product_name, m.reference_id, m.notes)), lower(",
        );
        query.push_bind(search.clone()).push(")) > 0");
    }
}
