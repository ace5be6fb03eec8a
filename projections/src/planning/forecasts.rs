//! Rows of `forecast_runs` and `forecasts`: what was published, kept for ever, so that accuracy is measured on what was
//! said then (decision 28). `newest_forecasts` says of each item which run of a policy spoke last of it.
//!
//! Plans follow the runs of the company's own policy. One that goes by the rules follows none: the rules know what
//! happened since.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use domain::planning::event::{
    COMPANY_STREAM, ForecastPolicy, ForecastRunEvent, ForecastRunPublished, PublishedForecast,
};
use domain::planning::forecast::{DailyForecast, HORIZON_DAYS};
use domain::planning::state::PlanningSettings;
use domain::shared::ids::LocationId;
use event_log::event::StoredEvent;

use super::items::narrowed;
use super::states;
use crate::projection::{ProjectionError, decode};
use crate::rows;
use crate::streams;

/// Keeps the runs and forecasts of a block. Answers the items whose plans follow another forecast now.
pub(super) async fn apply(
    conn: &mut PgConnection,
    block: &[StoredEvent],
) -> Result<Vec<(Uuid, String)>, ProjectionError> {
    let mut items = BTreeSet::new();
    for event in streams::of::<ForecastRunEvent>(block) {
        match decode(event)? {
            ForecastRunEvent::ForecastRunPublished(run) => keep_run(conn, event, &run).await?,
            ForecastRunEvent::ForecastsPublished(part) => {
                keep(conn, event, &part.forecasts).await?;
                if is_followed(conn, event).await? {
                    let said = part.forecasts.into_iter();
                    items.extend(said.map(|said| (event.company_id, said.item_id.as_str().to_owned())));
                }
            }
        }
    }
    Ok(items.into_iter().collect())
}

async fn keep_run(
    conn: &mut PgConnection,
    event: &StoredEvent,
    run: &ForecastRunPublished,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into forecast_runs (company_id, run_id, position, published_on, demand_until, trigger, policy,
             location_id, inputs_hash, items)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict do nothing",
    )
    .bind(event.company_id)
    .bind(run.run_id.0)
    .bind(event.position)
    .bind(run.published_on)
    .bind(run.demand_until)
    .bind(rows::word(run.trigger)?)
    .bind(run.policy.name())
    .bind(run.location_id.as_ref().map(LocationId::as_str))
    .bind(&run.inputs_hash)
    .bind(i32::try_from(run.items).unwrap_or(i32::MAX))
    .execute(conn)
    .await?;
    Ok(())
}

async fn keep(
    conn: &mut PgConnection,
    event: &StoredEvent,
    forecasts: &[PublishedForecast],
) -> Result<(), ProjectionError> {
    let mut texts = Vec::with_capacity(forecasts.len());
    for forecast in forecasts {
        texts.push(rows::json(forecast)?);
    }
    let items: Vec<&str> = forecasts.iter().map(|forecast| forecast.item_id.as_str()).collect();
    sqlx::query(
        "insert into forecasts (company_id, run_id, item_key, method, forecast_14d, forecast)
         select $1, $2::uuid, item_key, method, forecast_14d, forecast::json
         from unnest($3::text[], $4::text[], $5::numeric[], $6::text[])
             as f (item_key, method, forecast_14d, forecast)
         on conflict do nothing",
    )
    .bind(event.company_id)
    .bind(&*event.stream_id)
    .bind(&items)
    .bind(forecasts.iter().map(|forecast| forecast.method.name()).collect::<Vec<_>>())
    .bind(forecasts.iter().map(|forecast| forecast.forecast_14d.decimal()).collect::<Vec<_>>())
    .bind(texts)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into newest_forecasts as newest (company_id, policy, item_key, run_id, position)
         select company_id, policy, item_key, run_id, position
         from forecast_runs
         cross join unnest($3::text[]) as said (item_key)
         where company_id = $1 and run_id = $2::uuid and location_id is null and policy <> $4
         on conflict (company_id, policy, item_key) do update set
             run_id = excluded.run_id,
             position = excluded.position
         where newest.position < excluded.position",
    )
    .bind(event.company_id)
    .bind(&*event.stream_id)
    .bind(&items)
    .bind(ForecastPolicy::MovingAverage.name())
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the company's plans follow the run that an event belongs to.
async fn is_followed(conn: &mut PgConnection, event: &StoredEvent) -> Result<bool, sqlx::Error> {
    let settings =
        states::read::<PlanningSettings>(conn, event.company_id, Some(&[COMPANY_STREAM.to_owned()])).await?;
    let policy = settings.get(COMPANY_STREAM).map(|settings| settings.policy).unwrap_or_default();
    if policy == ForecastPolicy::MovingAverage {
        return Ok(false);
    }
    sqlx::query_scalar(
        "select exists (select from forecast_runs
             where company_id = $1 and run_id = $2::uuid and location_id is null and policy = $3)",
    )
    .bind(event.company_id)
    .bind(&*event.stream_id)
    .bind(policy.name())
    .fetch_one(conn)
    .await
}

/// What plans of a policy follow, by item: of all items or of some. Where the run says what the rules say, the rules are
/// followed.
pub(super) async fn newest(
    conn: &mut PgConnection,
    company_id: Uuid,
    policy: ForecastPolicy,
    items: Option<&[String]>,
) -> Result<BTreeMap<String, DailyForecast>, sqlx::Error> {
    let rows: Vec<(String, Json<PublishedForecast>)> = sqlx::query_as(&format!(
        "select item_key, forecast
         from newest_forecasts
         join forecasts using (company_id, item_key, run_id)
         where company_id = $1 and policy = $3 and {}",
        narrowed(items)
    ))
    .bind(company_id)
    .bind(items)
    .bind(policy.name())
    .fetch_all(conn)
    .await?;
    let others = rows.into_iter().filter(|(_, forecast)| !forecast.0.is_by_rules());
    Ok(others.map(|(item, forecast)| (item, daily(&forecast.0))).collect())
}

/// The days of a published forecast; those of one figure are all alike.
fn daily(forecast: &PublishedForecast) -> DailyForecast {
    match <[_; HORIZON_DAYS]>::try_from(forecast.daily.as_slice()) {
        Ok(daily) => DailyForecast::new(forecast.method, daily),
        Err(_) => DailyForecast::constant(forecast.method, forecast.daily_forecast),
    }
}
