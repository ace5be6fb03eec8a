//! What readers ask of runs of forecasts. Under row-level security; every query names the company itself too.

use chrono::NaiveDate;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use domain::planning::event::PublishedForecast;

/// A published run.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RunRow {
    /// The run.
    pub run_id: Uuid,
    /// Position of its publication.
    pub position: i64,
    /// Day on which it was published, local to the company.
    pub published_on: NaiveDate,
    /// Last complete day that it knew.
    pub demand_until: NaiveDate,
    /// Why it was made.
    pub trigger: String,
    /// How its forecasts were made.
    pub policy: String,
    /// Location that it is for; the whole company where none.
    pub location_id: Option<String>,
    /// Hash of everything that it was computed from.
    pub inputs_hash: String,
    /// Items that it has forecasts of.
    pub items: i32,
}

/// What a run says of one item.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ForecastRow {
    /// Present business key of the item.
    pub item_id: String,
    /// What was published.
    pub forecast: Json<PublishedForecast>,
}

macro_rules! runs {
    () => {
        "select run_id, position, published_on, demand_until, trigger, policy, location_id, inputs_hash, items
         from planning_1.forecast_runs
         where company_id = $1"
    };
}

/// A run by its id.
pub async fn run(
    conn: &mut PgConnection,
    company_id: Uuid,
    run_id: Uuid,
) -> Result<Option<RunRow>, sqlx::Error> {
    sqlx::query_as(concat!(runs!(), " and run_id = $2"))
        .bind(company_id)
        .bind(run_id)
        .fetch_optional(conn)
        .await
}

/// The run that was published last for the company or a location; of one policy where it is named.
pub async fn latest(
    conn: &mut PgConnection,
    company_id: Uuid,
    location: Option<&str>,
    policy: Option<&str>,
) -> Result<Option<RunRow>, sqlx::Error> {
    sqlx::query_as(concat!(
        runs!(),
        " and location_id is not distinct from $2 and ($3::text is null or policy = $3)
         order by position desc
         limit 1"
    ))
    .bind(company_id)
    .bind(location)
    .bind(policy)
    .fetch_optional(conn)
    .await
}

/// Forecasts of a run by the method that made them, by its name.
pub async fn methods(
    conn: &mut PgConnection,
    company_id: Uuid,
    run_id: Uuid,
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as(
        "select method, count(*)
         from planning_1.forecasts
         where company_id = $1 and run_id = $2
         group by method
         order by method",
    )
    .bind(company_id)
    .bind(run_id)
    .fetch_all(conn)
    .await
}

/// A page of the forecasts of a run by item key, of one method where it is named.
pub async fn forecasts(
    conn: &mut PgConnection,
    company_id: Uuid,
    (run_id, method): (Uuid, Option<&str>),
    (offset, limit): (i64, i64),
) -> Result<Vec<ForecastRow>, sqlx::Error> {
    sqlx::query_as(
        "select coalesce(p.item_id, f.item_key) as item_id, f.forecast
         from planning_1.forecasts f
         left join planning_1.plans p on p.company_id = f.company_id and p.item_key = f.item_key
         where f.company_id = $1 and f.run_id = $2 and ($3::text is null or f.method = $3)
         order by f.item_key
         offset $4
         limit $5",
    )
    .bind(company_id)
    .bind(run_id)
    .bind(method)
    .bind(offset)
    .bind(limit)
    .fetch_all(conn)
    .await
}
