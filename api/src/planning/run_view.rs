//! A run of forecasts as it is answered: its head, and a page of what it says.

use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use commands::accounts::jobs::{Job, JobState};
use domain::planning::event::{ForecastPolicy, PublishedForecast};
use domain::planning::forecast::{HORIZON_DAYS, Method};
use projections::planning::run_queries::{self, ForecastRow, RunRow};
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, Transaction};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::context::Caller;
use crate::list::{self, Cell, List, Listing, PageInfo};
use crate::planning::figures::Exact;
use crate::problem::Problem;

/// Which forecasts of a run.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunFilter {
    /// Only what this method said, for example `MOVING_AVERAGE`.
    method: Option<String>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunStatus {
    /// It waits.
    Queued,
    /// It is computed, or will be seen in a moment.
    Running,
    /// It is there.
    Published,
    /// There was nothing to forecast.
    Empty,
    /// It could not be made; `error` says why.
    Failed,
    /// It was called off.
    Cancelled,
}

/// A run of forecasts, with a page of what it says. What is not known before it is published is null until then.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ForecastRun)]
pub(crate) struct RunView {
    /// The run; one that is made here bears the id of its job.
    run_id: Uuid,
    /// Where it stands.
    #[schema(inline)]
    status: RunStatus,
    /// Why it could not be made.
    error: Option<String>,
    /// `DAY_STARTED`, `REQUESTED` or `IMPORTED`.
    #[schema(example = "DAY_STARTED")]
    trigger: Option<String>,
    /// How its forecasts were made: `MOVING_AVERAGE`, `AUTOMATIC`, `AUTO_ETS` or `EXTERNAL`.
    #[schema(example = "MOVING_AVERAGE")]
    policy: Option<String>,
    /// Day on which it was published, local to the company.
    published_on: Option<NaiveDate>,
    /// Last day whose demand it knew; its first daily value is for the day after.
    demand_until: Option<NaiveDate>,
    /// Location that it is for; null for the whole company.
    location_id: Option<String>,
    /// SHA-256 of everything that it was computed from.
    inputs_hash: Option<String>,
    /// Products that it has forecasts of.
    items_forecast: i64,
    /// Of these, by the method that was used.
    methods: Vec<MethodCount>,
    /// Products for which `AUTO_ETS` or a model outside was asked in vain, so that the rules spoke.
    fell_back: i64,
    /// Position of its publication.
    position: Option<i64>,
    /// What it says of the products of the page, by item.
    items: Vec<ForecastView>,
    /// Which page it is.
    page: PageInfo,
    /// Products of all pages.
    total: i64,
}

/// Forecasts of a run that one method made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MethodCount {
    /// The method.
    #[schema(example = "MOVING_AVERAGE")]
    method: String,
    /// Products.
    items: i64,
}

/// What a run says of a product.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PublishedForecast)]
pub(crate) struct ForecastView {
    /// The product.
    #[schema(example = "85123A")]
    item_id: String,
    /// How it was made.
    #[schema(example = "MOVING_AVERAGE")]
    method: &'static str,
    /// Name and version of a model outside.
    model: Option<String>,
    /// Units a day, the mean of the first 14.
    #[schema(value_type = f64)]
    daily_forecast: Exact,
    /// Units of 14 days.
    #[schema(value_type = f64)]
    forecast_14d: Exact,
    /// Units of 30 days.
    #[schema(value_type = f64)]
    forecast_30d: Exact,
    /// Units of each of 30 days, the first for the day after the last known one.
    #[schema(value_type = Vec<f64>)]
    daily: Vec<Exact>,
    /// How much less or more it may be, by rising percent.
    quantiles: Vec<QuantileView>,
}

/// Demand that is exceeded only with a certain chance.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PublishedQuantile)]
pub(crate) struct QuantileView {
    /// Chance in percent that demand is at most this.
    percent: u8,
    /// Units of each of 30 days.
    #[schema(value_type = Vec<f64>)]
    daily: Vec<Exact>,
}

impl RunFilter {
    fn method(&self) -> Result<Option<&'static str>, Problem> {
        let Some(name) = &self.method else { return Ok(None) };
        let method = Method::named(name).map(Method::name);
        let names: Vec<&str> = Method::ALL.iter().map(|method| method.name()).collect();
        let unknown = || {
            Problem::invalid("invalid_parameter", "?method", format!("must be one of {}", names.join(", ")))
        };
        method.map(Some).ok_or_else(unknown)
    }
}

/// Answers a published run: a page of it, or all of it as a file.
pub(super) async fn published(
    mut tx: Transaction<'static, Postgres>,
    caller: &Caller,
    run: RunRow,
    (filter, listing): (&RunFilter, &Listing),
) -> Result<Response, Problem> {
    listing.sort_by(&["item_id"], "item_id")?;
    let (company_id, run_id, method) = (caller.company_id, run.run_id, filter.method()?);
    if listing.format.is_download() {
        let rows = list::chunks(tx, move |mut tx, offset, limit| async move {
            let page = (offset, limit);
            let rows = run_queries::forecasts(&mut tx, company_id, (run_id, method), page).await?;
            Ok((tx, rows.into_iter().map(ForecastView::from).collect()))
        });
        return list::download(listing, "forecasts", rows).await;
    }
    let methods = run_queries::methods(&mut tx, company_id, run_id).await?;
    let page = (listing.offset(), listing.limit());
    let rows = run_queries::forecasts(&mut tx, company_id, (run_id, method), page).await?;
    let wanted = methods.iter().filter(|(name, _)| method.is_none_or(|method| method == name));
    let total = wanted.map(|(_, items)| items).sum();
    let items = rows.into_iter().map(ForecastView::from).collect();
    Ok(axum::Json(RunView::new(run, methods, List::new(items, total, listing))).into_response())
}

/// Answers a run that is not published: how far its job is.
pub(super) fn unpublished(job: Job, listing: &Listing) -> Response {
    let status = match job.state {
        JobState::Queued => RunStatus::Queued,
        JobState::Running => RunStatus::Running,
        // The read model has not seen yet what was published.
        JobState::Finished if forecasts_of(&job) > 0 => RunStatus::Running,
        JobState::Finished => RunStatus::Empty,
        JobState::Failed => RunStatus::Failed,
        JobState::Cancelled => RunStatus::Cancelled,
    };
    let nothing = List::new(Vec::new(), 0, listing);
    axum::Json(RunView { error: job.error, ..RunView::before(job.job_id, status, nothing) }).into_response()
}

/// Items that a finished job made forecasts of.
fn forecasts_of(job: &Job) -> i64 {
    job.result.as_ref().and_then(|result| result.get("items")?.as_i64()).unwrap_or(0)
}

impl RunView {
    /// A run that is not published.
    fn before(run_id: Uuid, status: RunStatus, forecasts: List<ForecastView>) -> Self {
        Self {
            run_id,
            status,
            error: None,
            trigger: None,
            policy: None,
            published_on: None,
            demand_until: None,
            location_id: None,
            inputs_hash: None,
            items_forecast: 0,
            methods: Vec::new(),
            fell_back: 0,
            position: None,
            items: forecasts.items,
            page: forecasts.page,
            total: forecasts.total,
        }
    }

    fn new(run: RunRow, methods: Vec<(String, i64)>, forecasts: List<ForecastView>) -> Self {
        let asked = ForecastPolicy::named(&run.policy).and_then(ForecastPolicy::method);
        let in_vain = methods.iter().filter(|(method, _)| asked.is_some_and(|asked| asked.name() != method));
        Self {
            fell_back: in_vain.map(|(_, items)| items).sum(),
            trigger: Some(run.trigger),
            policy: Some(run.policy),
            published_on: Some(run.published_on),
            demand_until: Some(run.demand_until),
            location_id: run.location_id,
            inputs_hash: Some(run.inputs_hash),
            items_forecast: run.items.into(),
            methods: methods.into_iter().map(|(method, items)| MethodCount { method, items }).collect(),
            position: Some(run.position),
            ..Self::before(run.run_id, RunStatus::Published, forecasts)
        }
    }
}

impl From<ForecastRow> for ForecastView {
    fn from(row: ForecastRow) -> Self {
        let PublishedForecast {
            method,
            model,
            daily_forecast,
            forecast_14d,
            forecast_30d,
            daily,
            quantiles,
            ..
        } = row.forecast.0;
        let exact = |days: Vec<_>| days.into_iter().map(Exact::from).collect::<Vec<_>>();
        let daily = if daily.is_empty() { vec![daily_forecast; HORIZON_DAYS] } else { daily };
        let quantiles = quantiles.into_iter();
        Self {
            item_id: row.item_id,
            method: method.name(),
            model,
            daily_forecast: daily_forecast.into(),
            forecast_14d: forecast_14d.into(),
            forecast_30d: forecast_30d.into(),
            daily: exact(daily),
            quantiles: quantiles
                .map(|quantile| QuantileView { percent: quantile.percent, daily: exact(quantile.daily) })
                .collect(),
        }
    }
}

impl list::Row for ForecastView {
    const COLUMNS: &'static [&'static str] =
        &["item_id", "method", "model", "daily_forecast", "forecast_14d", "forecast_30d"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::from(self.item_id.as_str()),
            Cell::from(self.method),
            Cell::from(self.model.clone()),
            Cell::from(self.daily_forecast.0),
            Cell::from(self.forecast_14d.0),
            Cell::from(self.forecast_30d.0),
        ]
    }
}
