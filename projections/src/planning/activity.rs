//! What a company did of late, for its dashboard.

use chrono::{Days, NaiveDate};
use sqlx::PgConnection;
use uuid::Uuid;

/// Days that a dashboard looks back.
pub const RECENT_DAYS: u64 = 7;

/// What happened in the last seven days up to a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Activity {
    /// Adjustments by people.
    pub adjustments: i64,
    /// Purchase orders that were made.
    pub purchase_orders: i64,
    /// The newest day, whenever that was, on which another system's stock was taken over.
    pub last_sync_on: Option<NaiveDate>,
    /// The newest day, whenever that was, on which forecasts were published.
    pub forecast_published_on: Option<NaiveDate>,
}

/// What happened up to and with `day`.
pub async fn until(
    conn: &mut PgConnection,
    company_id: Uuid,
    day: NaiveDate,
) -> Result<Activity, sqlx::Error> {
    sqlx::query_as(
        "select
             (select coalesce(sum(movements), 0)::bigint from movements_2.daily
              where company_id = $1 and local_date > $2 and local_date <= $3 and movement_type = 'ADJUSTMENT')
                 as adjustments,
             (select count(*) from planning_1.states
              where company_id = $1 and kind = 'purchase_order'
                  and (state -> 'Known' -> 'details' ->> 'order_date')::date > $2
                  and (state -> 'Known' -> 'details' ->> 'order_date')::date <= $3) as purchase_orders,
             (select max(local_date) from movements_2.daily
              where company_id = $1 and local_date <= $3 and movement_type = 'SYNC_UPDATE') as last_sync_on,
             (select max(published_on) from planning_1.forecast_runs
              where company_id = $1 and published_on <= $3) as forecast_published_on",
    )
    .bind(company_id)
    .bind(day.checked_sub_days(Days::new(RECENT_DAYS)).unwrap_or(day))
    .bind(day)
    .fetch_one(conn)
    .await
}
