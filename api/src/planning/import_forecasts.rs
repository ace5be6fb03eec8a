//! POST /forecasts/import: forecasts that another program made, published as a run.

use axum::extract::State;
use chrono::NaiveDate;
use commands::{Operation, Outcome};
use domain::planning::PlanDay;
use domain::planning::event::{ForecastPolicy, ForecastRunPublished, ForecastTrigger, PublishedForecast};
use domain::shared::ids::{ForecastRunId, LocationId};
use domain::shared::moment::local_date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::answer::{Done, Written};
use crate::body::{Body, Digest};
use crate::calendar;
use crate::companies;
use crate::context::Caller;
use crate::extract::Query;
use crate::planning::forecast_row::ForecastRow;
use crate::planning::unexpected;
use crate::problem::Problem;
use crate::sales::{LineError, unreadable};
use crate::state::AppState;

/// Most forecasts of a request.
const MAX_ROWS: usize = 20_000;

/// What the run is about.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportParams {
    /// Last complete day that the program knew; yesterday where absent. Its first daily value is for the day after.
    demand_until: Option<NaiveDate>,
    /// Location that the forecasts are for; the whole company where absent.
    location_id: Option<String>,
}

/// What became of imported forecasts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ForecastImportAnswer {
    /// The published run; null where every row was refused.
    run_id: Option<Uuid>,
    /// Day on which it was published, local to the company.
    published_on: NaiveDate,
    /// Last day whose demand it knew.
    demand_until: NaiveDate,
    /// Items that it has forecasts of.
    accepted: usize,
    /// Rows that were refused; `errors` says why.
    rejected: usize,
    /// Refused rows, by their number in the array from 1.
    errors: Vec<LineError>,
    /// Position of the last event.
    position: Option<i64>,
}

/// Import forecasts.
///
/// An array of at most 20,000 forecasts, each with a verdict of its own. Those that are accepted are published together
/// as one run. A row is refused where its product is unknown or has a forecast in the array already.
#[utoipa::path(post, path = "/forecasts/import", operation_id = "import_forecasts", tag = "planning",
    params(ImportParams),
    request_body = Vec<ForecastRow>,
    responses((status = 200, description = "What became of the forecasts", body = ForecastImportAnswer)),
    extensions(("x-room" = json!("catalogue")), ("x-problems" = json!([404]))))]
pub(crate) async fn import(
    State(state): State<AppState>,
    caller: Caller,
    Query(params): Query<ImportParams>,
    Body { value, digest }: Body<Vec<Value>, 10>,
) -> Result<Written<ForecastImportAnswer>, Problem> {
    if value.is_empty() || value.len() > MAX_ROWS {
        return Err(Problem::invalid("row_count", "", format!("send 1 to {MAX_ROWS} forecasts")));
    }
    let rows = Rows::read(value);
    let run = params.run(&state, &caller, rows.hash()).await?;
    let answer = ForecastImportAnswer {
        run_id: None,
        published_on: run.published_on,
        demand_until: run.demand_until,
        accepted: 0,
        rejected: 0,
        errors: rows.errors,
        position: None,
    };
    if rows.forecasts.is_empty() {
        return Ok(Written::ok(answer.finish(), Done { position: None, replayed: false }));
    }
    publish(&state, &caller, digest, run, (rows.forecasts, rows.numbers), answer).await
}

async fn publish(
    state: &AppState,
    caller: &Caller,
    digest: Digest,
    run: ForecastRunPublished,
    (forecasts, numbers): (Vec<PublishedForecast>, Vec<usize>),
    mut answer: ForecastImportAnswer,
) -> Result<Written<ForecastImportAnswer>, Problem> {
    let operation = Operation::PublishForecasts { run: Box::new(run), forecasts };
    let (outcome, done) = state.submit_one(caller, digest, operation).await?;
    let Outcome::ForecastsPublished { run_id, items, refused } = outcome else { return Err(unexpected()) };
    let number = |index: usize| numbers.get(index).copied().unwrap_or_default();
    answer.errors.extend(refused.iter().map(|(index, refused)| LineError::new(number(*index), refused)));
    answer.run_id = (items > 0).then_some(run_id.0);
    answer.accepted = items;
    answer.position = done.position;
    Ok(Written::ok(answer.finish(), done))
}

/// Rows that can be published, with their numbers from 1, and those that cannot.
#[derive(Default)]
struct Rows {
    forecasts: Vec<PublishedForecast>,
    numbers: Vec<usize>,
    errors: Vec<LineError>,
}

impl Rows {
    fn read(values: Vec<Value>) -> Self {
        let mut rows = Self::default();
        for (number, value) in (1..).zip(values) {
            let row = serde_json::from_value::<ForecastRow>(value).map_err(|error| unreadable(&error));
            match row.and_then(ForecastRow::into_forecast) {
                Ok(forecast) => {
                    rows.forecasts.push(forecast);
                    rows.numbers.push(number);
                }
                Err(refused) => rows.errors.push(LineError::new(number, &refused)),
            }
        }
        rows
    }

    /// What the run was made from: the forecasts themselves.
    fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for forecast in &self.forecasts {
            // A forecast always has a JSON text.
            hasher.update(serde_json::to_vec(forecast).unwrap_or_default());
        }
        event_log::hex::text(&hasher.finalize())
    }
}

impl ImportParams {
    async fn run(
        &self,
        state: &AppState,
        caller: &Caller,
        inputs_hash: String,
    ) -> Result<ForecastRunPublished, Problem> {
        let demand_until = calendar::in_query("?demand_until", self.demand_until)?;
        let location_id = self.location_id.as_deref().map(LocationId::new).transpose();
        let location_id = location_id
            .map_err(|error| Problem::invalid("invalid_key", "?location_id", error.to_string()))?;
        let mut tx = projections::tenant::begin(&state.reads, caller.company_id).await?;
        let today = local_date(caller.now, companies::time_zone(&mut tx, state, caller).await?);
        Ok(ForecastRunPublished {
            run_id: ForecastRunId(state.ids.next()),
            trigger: ForecastTrigger::Imported,
            published_on: today,
            demand_until: demand_until.unwrap_or(PlanDay::live(today).demand_until),
            policy: ForecastPolicy::External,
            location_id,
            inputs_hash,
            items: 0,
        })
    }
}

impl ForecastImportAnswer {
    fn finish(mut self) -> Self {
        self.errors.sort_by_key(|error| error.line);
        self.rejected = self.errors.len();
        self
    }
}
