//! What readers ask about how good forecasts were (R30). Under row-level security; every query names the company itself
//! too.

use std::ops::RangeInclusive;

use chrono::NaiveDate;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use domain::planning::accuracy::Errors;

/// Errors of the forecasts of one run that one method made.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct MeasuredRow {
    /// Day on which the run was published.
    pub published_on: NaiveDate,
    /// The run.
    pub run_id: Uuid,
    /// The method.
    pub method: String,
    /// How far its forecasts were from what was sold.
    pub errors: Json<Errors>,
}

/// An item whose forecasts were far from what was sold.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct WorstRow {
    /// Present business key.
    pub item_id: String,
    /// Category.
    pub category: String,
    /// How far its forecasts were off, over all runs.
    pub errors: Json<Errors>,
}

/// What was measured of the runs that were published on these days.
pub async fn measured(
    conn: &mut PgConnection,
    company_id: Uuid,
    published: &RangeInclusive<NaiveDate>,
) -> Result<Vec<MeasuredRow>, sqlx::Error> {
    sqlx::query_as(
        "select published_on, run_id, method, errors
         from planning_1.accuracy
         where company_id = $1 and published_on between $2 and $3
         order by published_on, run_id, method",
    )
    .bind(company_id)
    .bind(published.start())
    .bind(published.end())
    .fetch_all(conn)
    .await
}

/// The items whose forecasts were furthest off when the company's newest day began, the worst first.
pub async fn worst(conn: &mut PgConnection, company_id: Uuid) -> Result<Vec<WorstRow>, sqlx::Error> {
    let mut worst: Vec<WorstRow> = sqlx::query_as(
        "select p.item_id, p.category, w.errors
         from planning_1.worst_forecasts w
         join planning_1.plans p on p.company_id = w.company_id and p.item_key = w.item_key
         where w.company_id = $1 and p.is_active
         order by w.item_key",
    )
    .bind(company_id)
    .fetch_all(conn)
    .await?;
    worst.sort_by_key(|row| std::cmp::Reverse(row.errors.absolute));
    Ok(worst)
}
