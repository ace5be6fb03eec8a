//! Reads of daily sums and of occupied locations. Under row-level security; every query names the company itself too.

use chrono::NaiveDate;
use sqlx::postgres::Postgres;
use sqlx::{PgConnection, QueryBuilder};
use uuid::Uuid;

/// Movements of one type on one local day, in units.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DayRow {
    /// The day, local to the company.
    pub local_date: NaiveDate,
    /// Type, for example `OUTBOUND`.
    pub movement_type: String,
    /// How many movements.
    pub movements: i64,
    /// Units that came in.
    pub units_in: i64,
    /// Units that went out, as a positive number.
    pub units_out: i64,
}

/// Which days are summed. All conditions hold together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayFilter {
    /// Of this product, by its stream.
    pub item_key: Option<String>,
    /// At this location.
    pub location_id: Option<String>,
    /// Of this type.
    pub movement_type: Option<String>,
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub to: Option<NaiveDate>,
    /// Oldest day first instead of newest.
    pub oldest_first: bool,
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Rows before it.
    pub offset: i64,
    /// Rows at most.
    pub limit: i64,
}

/// Sums per local day and type, and how many rows match in all.
pub async fn days(
    conn: &mut PgConnection,
    company_id: Uuid,
    filter: &DayFilter,
    span: Span,
) -> Result<(Vec<DayRow>, i64), sqlx::Error> {
    let total: i64 = {
        let mut query = QueryBuilder::new("select count(*) from (");
        push_days(&mut query, company_id, filter);
        query.push(") as days");
        query.build_query_scalar().fetch_one(&mut *conn).await?
    };
    let mut query = QueryBuilder::new("");
    push_days(&mut query, company_id, filter);
    query.push(if filter.oldest_first { " order by local_date" } else { " order by local_date desc" });
    query.push(", movement_type collate \"C\" offset ").push_bind(span.offset);
    query.push(" limit ").push_bind(span.limit);
    Ok((query.build_query_as().fetch_all(conn).await?, total))
}

fn push_days(query: &mut QueryBuilder<'static, Postgres>, company_id: Uuid, filter: &DayFilter) {
    query.push(if filter.item_key.is_some() {
        "select local_date, movement_type, count(*) as movements,
                coalesce(sum(quantity) filter (where quantity > 0), 0)::bigint as units_in,
                coalesce(-sum(quantity) filter (where quantity < 0), 0)::bigint as units_out
         from movements_2.movements where company_id = "
    } else {
        "select local_date, movement_type, sum(movements)::bigint as movements, sum(units_in)::bigint as units_in,
                sum(units_out)::bigint as units_out
         from movements_2.daily where company_id = "
    });
    query.push_bind(company_id);
    push_equal(query, " and item_key = ", filter.item_key.as_ref());
    push_equal(query, " and location_id = ", filter.location_id.as_ref());
    push_equal(query, " and movement_type = ", filter.movement_type.as_ref());
    push_equal(query, " and local_date >= ", filter.from.as_ref());
    push_equal(query, " and local_date <= ", filter.to.as_ref());
    query.push(" group by local_date, movement_type");
}

/// How many products have stock at a location, and how many have reservations there.
pub async fn occupied(
    conn: &mut PgConnection,
    company_id: Uuid,
    location_id: &str,
) -> Result<(i64, i64), sqlx::Error> {
    sqlx::query_as(
        "select count(*) filter (where on_hand <> 0), count(*) filter (where reserved <> 0)
         from inventory_1.levels
         where company_id = $1 and location_id = $2",
    )
    .bind(company_id)
    .bind(location_id)
    .fetch_one(conn)
    .await
}

/// Adds a condition and its value, where there is one.
pub(super) fn push_equal<T>(query: &mut QueryBuilder<'static, Postgres>, condition: &str, value: Option<&T>)
where
    T: Clone + sqlx::Type<Postgres> + sqlx::Encode<'static, Postgres> + 'static,
{
    if let Some(value) = value {
        query.push(condition).push_bind(value.clone());
    }
}
