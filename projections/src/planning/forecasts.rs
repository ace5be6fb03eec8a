//! Rows of `forecast_runs` and `forecasts`: what was published, kept for ever, so that accuracy is measured on what was
//! said then (decision 28).

use std::collections::BTreeMap;

use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use domain::planning::event::{ForecastRunEvent, PublishedForecast};
use domain::planning::forecast::{DailyForecast, HORIZON_DAYS};
use event_log::event::StoredEvent;

use super::items::narrowed;
use crate::projection::{ProjectionError, decode};
use crate::rows;
use crate::streams;

/// Keeps the runs and forecasts of a block. Answers the items that have a new company-wide forecast.
pub(super) async fn apply(
    conn: &mut PgConnection,
    block: &[StoredEvent],
) -> Result<Vec<(Uuid, String)>, ProjectionError> {
    let mut items = Vec::new();
    for event in streams::of::<ForecastRunEvent>(block) {
        match decode(event)? {
            ForecastRunEvent::ForecastRunPublished(run) => {
                sqlx::query(
                    "insert into forecast_runs (company_id, run_id, position, published_on, demand_until, trigger,
                         policy, location_id, inputs_hash, items)
                     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                     on conflict do nothing",
                )
                .bind(event.company_id)
                .bind(run.run_id.0)
                .bind(event.position)
                .bind(run.published_on)
                .bind(run.demand_until)
                .bind(rows::word(run.trigger)?)
                .bind(rows::word(run.policy)?)
                .bind(run.location_id.as_ref().map(domain::shared::ids::LocationId::as_str))
                .bind(&run.inputs_hash)
                .bind(i32::try_from(run.items).unwrap_or(i32::MAX))
                .execute(&mut *conn)
                .await?;
            }
            ForecastRunEvent::ForecastsPublished(part) => {
                items.extend(keep(conn, event, &part.forecasts).await?);
            }
        }
    }
    Ok(items)
}

async fn keep(
    conn: &mut PgConnection,
    event: &StoredEvent,
    forecasts: &[PublishedForecast],
) -> Result<Vec<(Uuid, String)>, ProjectionError> {
    let mut texts = Vec::with_capacity(forecasts.len());
    for forecast in forecasts {
        texts.push(rows::json(forecast)?);
    }
    let items: Vec<&str> = forecasts.iter().map(|forecast| forecast.item_id.as_str()).collect();
    sqlx::query(
        "insert into forecasts (company_id, run_id, item_key, forecast_14d, forecast)
         select $1, $2::uuid, item_key, forecast_14d, forecast::json
         from unnest($3::text[], $4::numeric[], $5::text[]) as f (item_key, forecast_14d, forecast)
         on conflict do nothing",
    )
    .bind(event.company_id)
    .bind(&*event.stream_id)
    .bind(&items)
    .bind(forecasts.iter().map(|forecast| forecast.forecast_14d.decimal()).collect::<Vec<_>>())
    .bind(texts)
    .execute(conn)
    .await?;
    Ok(items.into_iter().map(|item| (event.company_id, item.to_owned())).collect())
}

/// The newest company-wide forecasts of a company by item: of all items or of some.
pub(super) async fn newest(
    conn: &mut PgConnection,
    company_id: Uuid,
    items: Option<&[String]>,
) -> Result<BTreeMap<String, DailyForecast>, sqlx::Error> {
    let rows: Vec<(String, Json<PublishedForecast>)> = sqlx::query_as(&format!(
        "select distinct on (item_key) item_key, forecast
         from forecasts
         join forecast_runs using (company_id, run_id)
         where company_id = $1 and location_id is null and {}
         order by item_key, position desc",
        narrowed(items)
    ))
    .bind(company_id)
    .bind(items)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(item, forecast)| (item, daily(&forecast.0))).collect())
}

/// The days of a published forecast; those of one figure are all alike.
fn daily(forecast: &PublishedForecast) -> DailyForecast {
    match <[_; HORIZON_DAYS]>::try_from(forecast.daily.as_slice()) {
        Ok(daily) => DailyForecast::new(forecast.method, daily),
        Err(_) => DailyForecast::constant(forecast.method, forecast.daily_forecast),
    }
}
