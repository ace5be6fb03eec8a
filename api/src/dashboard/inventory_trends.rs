//! GET /analytics/inventory-trends: units and value of the stock, day by day.

use axum::Json;
use axum::extract::State;
use chrono::{NaiveDate, TimeDelta};
use domain::shared::money::Currency;
use projections::planning::firm::Firm;
use projections::planning::queries;
use projections::planning::trends::{TrendDay, TrendError, trends};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::calendar;
use crate::context::Caller;
use crate::extract::Query;
use crate::planning::as_of::{PlanParams, before_the_first_day, shown};
use crate::problem::Problem;
use crate::schema::MoneySchema;
use crate::state::AppState;

/// Most days of a call: two years (decision 26).
const MAX_DAYS: i64 = 731;
const DEFAULT_DAYS: i64 = 30;

/// Which days, and where.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TrendParams {
    /// First day, local to the company; 30 days up to the last day where absent.
    from: Option<NaiveDate>,
    /// Last day; today where absent, and at the latest. At most two years after the first.
    to: Option<NaiveDate>,
    /// Stock of one location instead of the whole company.
    location_id: Option<String>,
}

/// Units and value of the stock.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InventoryTrends {
    /// First day.
    from: NaiveDate,
    /// Last day.
    to: NaiveDate,
    /// The location, where one was asked.
    location_id: Option<String>,
    /// Every day from first to last.
    items: Vec<Trend>,
}

/// What lay there at the close of a day; today's as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Trend {
    /// The day, local to the company.
    date_local: NaiveDate,
    /// Units on hand of all products; stock below zero counts as none.
    units: i64,
    /// Their value at the unit costs that held that day; null where hidden.
    inventory_value: Option<MoneySchema>,
}

/// Read inventory trends.
///
/// Units and value of the stock at the close of every day, of the company or of one location. A unit cost counts from the
/// day on which it became known, the first one also before.
#[utoipa::path(
    get,
    path = "/analytics/inventory-trends",
    operation_id = "read_inventory_trends",
    tag = "dashboard",
    params(TrendParams),
    responses((status = 200, description = "Units and value day by day", body = InventoryTrends)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404])))
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Query(params): Query<TrendParams>,
) -> Result<Json<InventoryTrends>, Problem> {
    caller.wait(&state, &["catalogue", "planning"]).await?;
    let mut tx = queries::begin(&state.reads, caller.company_id).await?;
    let place = PlanParams { as_of: None, location_id: params.location_id.clone() };
    let location_id = place.location(&mut tx, &caller).await?;
    let firm = before_the_first_day(Firm::read(&mut tx, caller.company_id).await?)?;
    let (from, to) = params.days(firm.day)?;
    let days = trends(&mut tx, &firm, from..=to, location_id.as_deref()).await.map_err(failed)?;
    let currency = shown(&firm, &caller);
    let items = days.iter().map(|day| Trend::new(day, currency.as_ref())).collect();
    Ok(Json(InventoryTrends { from, to, location_id, items }))
}

fn failed(error: TrendError) -> Problem {
    match error {
        TrendError::Database(error) => error.into(),
        TrendError::Overflow(overflow) => Problem::internal(&overflow),
    }
}

impl TrendParams {
    fn days(&self, today: NaiveDate) -> Result<(NaiveDate, NaiveDate), Problem> {
        let from = calendar::in_query("?from", self.from)?;
        let to = calendar::in_query("?to", self.to)?.map_or(today, |to| to.min(today));
        let from = from.or_else(|| to.checked_sub_signed(TimeDelta::days(DEFAULT_DAYS - 1))).unwrap_or(to);
        let days = to.signed_duration_since(from).num_days() + 1;
        if days < 1 {
            return Err(Problem::invalid("invalid_parameter", "?from", "must not lie behind the last day"));
        }
        if days > MAX_DAYS {
            return Err(Problem::invalid("range_too_long", "?from", "at most two years at once"));
        }
        Ok((from, to))
    }
}

impl Trend {
    fn new(day: &TrendDay, currency: Option<&Currency>) -> Self {
        let value = |currency: &Currency| MoneySchema::new(day.value.decimal(), currency.code());
        Self { date_local: day.date, units: day.units, inventory_value: currency.map(value) }
    }
}
