//! GET /analytics/forecast-comparison: the rules, the automatic choice and models outside side by side.

use axum::Json;
use axum::extract::State;
use chrono::{Days, NaiveDate};
use domain::planning::PlanDay;
use domain::planning::accuracy::judged;
use domain::shared::money::Currency;
use projections::planning::comparison::{Compared, Source, compare};
use projections::planning::firm::Firm;
use projections::planning::queries;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::accuracy_view::AccuracyFigures;
use crate::calendar;
use crate::context::Caller;
use crate::extract::Query;
use crate::planning::as_of::{before_the_first_day, shown};
use crate::problem::Problem;
use crate::state::AppState;

/// Most days that are compared.
const MAX_DAYS: i64 = 31;

/// Which forecasts are compared.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ComparisonParams {
    /// First day of publication; 13 days before the last where it is left out.
    from: Option<NaiveDate>,
    /// Last day of publication, whose 14 days must be over; the newest such day where it is left out.
    to: Option<NaiveDate>,
    /// Names of sources, separated by commas; all where it is left out.
    #[param(example = "MOVING_AVERAGE,chronos-2")]
    sources: Option<String>,
}

/// Sources of forecasts side by side.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ForecastComparison {
    /// First day of publication.
    published_from: NaiveDate,
    /// Last day of publication.
    published_to: NaiveDate,
    /// The sources, the smallest WAPE first.
    sources: Vec<SourceView>,
}

/// How good the forecasts of one source were.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SourceView {
    /// `MOVING_AVERAGE`, `AUTOMATIC`, `AUTO_ETS`, or the name of a model outside.
    #[schema(example = "chronos-2")]
    source: String,
    /// How its runs are made: `MOVING_AVERAGE`, `AUTOMATIC`, `AUTO_ETS` or `EXTERNAL`.
    #[schema(example = "EXTERNAL")]
    policy: String,
    /// Forecasts that it published on these days, whoever else spoke.
    published: u64,
    /// Figures of the products and days of which every source spoke.
    #[serde(flatten)]
    figures: AccuracyFigures,
}

/// Compare sources of forecasts.
///
/// What the rules, the automatic choice and each model outside said of 14 days, beside what was sold in them: on the
/// same days and products, those of which every source spoke.
#[utoipa::path(get, path = "/analytics/forecast-comparison", operation_id = "compare_forecasts", tag = "analytics",
    params(ComparisonParams),
    responses((status = 200, description = "The sources", body = ForecastComparison)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Query(params): Query<ComparisonParams>,
) -> Result<Json<ForecastComparison>, Problem> {
    caller.wait(&state, &["planning"]).await?;
    let mut tx = queries::begin(&state.reads, caller.company_id).await?;
    let firm = before_the_first_day(Firm::read(&mut tx, caller.company_id).await?)?;
    let (first, last) = params.days(*judged(PlanDay::live(firm.day).demand_until).end())?;
    let named: Option<Vec<&str>> =
        params.sources.as_deref().map(|names| names.split(',').map(str::trim).collect());
    let is_asked = |source: &Source| named.as_ref().is_none_or(|named| named.contains(&name(source)));
    let compared = compare(&mut tx, &firm, (first, last), is_asked).await?;
    let currency = shown(&firm, &caller);
    let mut sources: Vec<_> = compared.into_iter().collect();
    sources.sort_by_key(|(_, compared)| (compared.errors.wape().is_none(), compared.errors.wape()));
    let sources = sources.iter().map(|(source, compared)| SourceView::new(source, compared, currency));
    let sources = sources.collect::<Result<_, _>>()?;
    Ok(Json(ForecastComparison { published_from: first, published_to: last, sources }))
}

impl ComparisonParams {
    /// First and last day of publication; `newest` is the last whose 14 days are over.
    fn days(&self, newest: NaiveDate) -> Result<(NaiveDate, NaiveDate), Problem> {
        let last = calendar::in_query("?to", self.to)?.unwrap_or(newest);
        if last > newest {
            let message = format!("the forecasts of {newest} are the last whose 14 days are over");
            return Err(Problem::invalid("invalid_parameter", "?to", message));
        }
        let first = calendar::in_query("?from", self.from)?;
        let first = first.or_else(|| last.checked_sub_days(Days::new(13))).unwrap_or(last);
        let days = (last - first).num_days() + 1;
        if !(1..=MAX_DAYS).contains(&days) {
            let message = format!("must lie at most {MAX_DAYS} days before to, and not after it");
            return Err(Problem::invalid("invalid_parameter", "?from", message));
        }
        Ok((first, last))
    }
}

fn name(source: &Source) -> &str {
    source.model.as_deref().unwrap_or(&source.policy)
}

impl SourceView {
    fn new(source: &Source, compared: &Compared, currency: Option<Currency>) -> Result<Self, Problem> {
        Ok(Self {
            source: name(source).to_owned(),
            policy: source.policy.clone(),
            published: compared.published,
            figures: AccuracyFigures::new(&compared.errors, currency)?,
        })
    }
}
