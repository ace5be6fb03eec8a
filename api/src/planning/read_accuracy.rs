//! GET /analytics/forecast-accuracy: how good forecasts were.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use domain::planning::accuracy::Trend;
use domain::shared::money::Currency;
use projections::planning::accuracy_queries::{WorstRow, worst};
use projections::planning::queries::Question;
use projections::tenant;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::accuracy_view::{Accuracy, AccuracyFigures, runs};
use crate::context::Caller;
use crate::extract::Query;
use crate::planning::as_of::{PlanParams, firm, shown};
use crate::planning::figures::Exact;
use crate::problem::Problem;
use crate::state::AppState;

/// Which day's figures.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccuracyParams {
    /// As of the close of this date, or of the day of this instant; today where it is left out.
    as_of: Option<String>,
}

/// How good forecasts were.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ForecastAccuracy)]
pub(crate) struct AccuracyReport {
    /// The last complete day.
    as_of: NaiveDate,
    /// First day on which a judged run was published.
    published_from: NaiveDate,
    /// Last day on which a judged run was published.
    published_to: NaiveDate,
    /// Runs that are judged.
    runs: usize,
    /// The figures over all of them.
    #[serde(flatten)]
    figures: AccuracyFigures,
    /// `improving`, `stable` or `declining`, by more than a point of WAPE against 14 days before; null where one of the two
    /// is not known.
    #[schema(value_type = Option<String>, example = "improving")]
    trend: Option<Trend>,
    /// The WAPE of 14 days before.
    #[schema(value_type = Option<f64>)]
    wape_14_days_ago: Option<Exact>,
    /// The figures of 30 days before.
    last_month: AccuracyFigures,
    /// The figures by the method that made the forecasts.
    by_method: Vec<MethodAccuracy>,
    /// The figures by the day on which runs were published.
    days: Vec<DayAccuracy>,
    /// Products whose forecasts were furthest off, in units, the worst first, at most 50; as of today alone.
    worst_items: Vec<ItemAccuracy>,
}

/// How good the forecasts of one method were.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MethodAccuracy {
    /// The method.
    #[schema(example = "MOVING_AVERAGE")]
    method: String,
    /// Its figures.
    #[serde(flatten)]
    figures: AccuracyFigures,
}

/// How good the forecasts of one day were.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DayAccuracy {
    /// Day on which they were published.
    published_on: NaiveDate,
    /// Their figures.
    #[serde(flatten)]
    figures: AccuracyFigures,
}

/// How good the forecasts of one product were.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ItemAccuracy {
    /// The product.
    #[schema(example = "85123A")]
    item_id: String,
    /// Its category.
    category: String,
    /// Its figures over all runs.
    #[serde(flatten)]
    figures: AccuracyFigures,
}

/// Read how good forecasts were.
///
/// Compares what the runs of 14 days said of 14 days with what was sold in them, once these are over: of the whole company,
/// by method, by day, against 14 and 30 days before, in units and at cost.
#[utoipa::path(get, path = "/analytics/forecast-accuracy", operation_id = "read_forecast_accuracy",
    tag = "analytics",
    params(AccuracyParams),
    responses((status = 200, description = "The figures", body = AccuracyReport)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Query(params): Query<AccuracyParams>,
) -> Result<Json<AccuracyReport>, Problem> {
    let mut tx = caller.read(&state, &["planning", "companies"]).await?;
    let plan = PlanParams { as_of: params.as_of, location_id: None };
    let as_of = plan.day(&mut tx, &state, &caller).await?;
    drop(tx);
    let firm = firm(&state, &caller).await?;
    let day = Question { as_of, location: None, items: None }.day(&firm);
    let mut tx = tenant::begin(&state.reads, caller.company_id).await?;
    let accuracy = Accuracy::with_month(&mut tx, caller.company_id, day.demand_until).await?;
    let is_today = day.stock_on == firm.day;
    let worst = if is_today { worst(&mut tx, caller.company_id).await? } else { Vec::new() };
    Ok(Json(AccuracyReport::new(&accuracy, &worst, shown(&firm, &caller))?))
}

impl AccuracyReport {
    fn new(accuracy: &Accuracy, worst: &[WorstRow], currency: Option<Currency>) -> Result<Self, Problem> {
        let internal = |overflow| Problem::internal(&overflow);
        let published = accuracy.published();
        Ok(Self {
            as_of: accuracy.until,
            published_from: *published.start(),
            published_to: *published.end(),
            runs: runs(accuracy.rows()),
            figures: AccuracyFigures::of(accuracy.rows(), currency)?,
            trend: accuracy.trend().map_err(internal)?,
            wape_14_days_ago: accuracy.wape_before().map_err(internal)?.map(Exact::from),
            last_month: AccuracyFigures::of(accuracy.last_month(), currency)?,
            by_method: by_method(accuracy, currency)?,
            days: days(accuracy, currency)?,
            worst_items: worst.iter().map(|row| item(row, currency)).collect::<Result<_, _>>()?,
        })
    }
}

fn by_method(accuracy: &Accuracy, currency: Option<Currency>) -> Result<Vec<MethodAccuracy>, Problem> {
    let methods: BTreeSet<&str> = accuracy.rows().map(|row| row.method.as_str()).collect();
    let of = |method: &str| {
        let rows = accuracy.rows().filter(|row| row.method == method);
        Ok(MethodAccuracy { method: method.to_owned(), figures: AccuracyFigures::of(rows, currency)? })
    };
    methods.into_iter().map(of).collect()
}

fn days(accuracy: &Accuracy, currency: Option<Currency>) -> Result<Vec<DayAccuracy>, Problem> {
    let days: BTreeSet<NaiveDate> = accuracy.rows().map(|row| row.published_on).collect();
    let of = |published_on| {
        let rows = accuracy.rows().filter(|row| row.published_on == published_on);
        Ok(DayAccuracy { published_on, figures: AccuracyFigures::of(rows, currency)? })
    };
    days.into_iter().map(of).collect()
}

fn item(row: &WorstRow, currency: Option<Currency>) -> Result<ItemAccuracy, Problem> {
    Ok(ItemAccuracy {
        item_id: row.item_id.clone(),
        category: row.category.clone(),
        figures: AccuracyFigures::new(&row.errors, currency)?,
    })
}
