//! Everything that a dashboard is made of, for the day and place that are asked about.

use chrono::NaiveDate;
use domain::planning::summary::Summary;
use domain::planning::{Overflow, PlanDay};
use domain::shared::money::Currency;
use projections::planning::Planned;
use projections::planning::activity::{self, Activity};
use projections::planning::queries::Question;
use projections::stock::board::Overview;
use projections::tenant;

use crate::context::Caller;
use crate::planning::accuracy_view::Accuracy;
use crate::planning::as_of::{PlanParams, firm, shown};
use crate::planning::find::plans;
use crate::problem::Problem;
use crate::state::AppState;

/// Read models that a dashboard stands in.
pub(super) const READ_MODELS: [&str; 4] = ["catalogue", "inventory", "movements", "planning"];

/// A company, or one of its locations, on one day.
pub(super) struct Glance {
    /// The day.
    pub(super) day: NaiveDate,
    /// Whether it is over.
    pub(super) is_past: bool,
    /// The first few of some lists, and sums.
    pub(super) overview: Overview,
    /// What the sums say.
    pub(super) summary: Summary,
    /// What happened of late.
    pub(super) activity: Activity,
    /// How good forecasts were; of the company alone.
    pub(super) accuracy: Option<Accuracy>,
    /// Currency of money; none where the caller may not see money.
    pub(super) currency: Option<Currency>,
}

impl Glance {
    /// Looks at the day and place that are asked about.
    pub(super) async fn at(state: &AppState, caller: &Caller, params: &PlanParams) -> Result<Self, Problem> {
        let mut tx = caller.read(state, &READ_MODELS).await?;
        let asked = params.day(&mut tx, state, caller).await?;
        let location = params.location(&mut tx, caller).await?;
        drop(tx);
        let firm = firm(state, caller).await?;
        let question = Question { as_of: asked, location: location.as_deref(), items: None };
        let PlanDay { demand_until, stock_on: day } = question.day(&firm);
        let is_past = day != firm.day;
        let others: Option<Vec<Planned>> = if is_past || question.location.is_some() {
            Some(plans(state, caller, &question).await?)
        } else {
            None
        };
        let overview = state.boards.overview(caller.company_id, others, caller.freshness()).await?;
        let summary = summary(&overview).map_err(|overflow| Problem::internal(&overflow))?;
        let mut tx = tenant::begin(&state.reads, caller.company_id).await?;
        let activity = activity::until(&mut tx, caller.company_id, day).await?;
        let accuracy = match question.location {
            None => Some(Accuracy::read(&mut tx, caller.company_id, demand_until).await?),
            Some(_) => None,
        };
        Ok(Self { day, is_past, overview, summary, activity, accuracy, currency: shown(&firm, caller) })
    }
}

fn summary(overview: &Overview) -> Result<Summary, Overflow> {
    let sums = overview.sums;
    sums.totals.summary(sums.unplanned_value()?, Some(sums.value_week_ago()?))
}
