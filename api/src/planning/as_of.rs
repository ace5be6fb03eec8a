//! The day and place of a plan, as requests name them.

use chrono::{DateTime, NaiveDate, Utc};
use domain::shared::moment::local_date;
use projections::catalogue::queries::location;
use projections::planning::firm::Firm;
use projections::planning::queries;
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::IntoParams;

use crate::catalogue::unknown_location;
use crate::companies;
use crate::context::Caller;
use crate::problem::{Problem, Status};
use crate::state::AppState;
use crate::stock::instant::{End, instants};

/// Which plans are asked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PlanParams {
    /// The plan as of the close of this date, or of the day of this instant; today's plan where it is left out.
    pub(crate) as_of: Option<String>,
    /// The plan of this location alone; of the whole company where it is left out.
    pub(crate) location_id: Option<String>,
}

impl PlanParams {
    /// The day asked about, in the company's time zone, today at the latest; none for today's plan.
    pub(crate) async fn day(
        &self,
        conn: &mut PgConnection,
        state: &AppState,
        caller: &Caller,
    ) -> Result<Option<NaiveDate>, Problem> {
        let [instant] =
            instants(conn, state, caller, [("?as_of", self.as_of.as_deref(), End::Close)]).await?;
        let Some(instant) = instant else { return Ok(None) };
        day_of(conn, state, caller, instant).await.map(Some)
    }

    /// The location asked about, which must exist.
    pub(crate) async fn location(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
    ) -> Result<Option<String>, Problem> {
        let Some(named) = &self.location_id else { return Ok(None) };
        let named = named.trim();
        match location(conn, caller.company_id, named).await? {
            Some(location) => Ok(Some(location.location_id)),
            None => Err(unknown_location(named)),
        }
    }
}

/// The company's day of an instant, today at the latest.
pub(crate) async fn day_of(
    conn: &mut PgConnection,
    state: &AppState,
    caller: &Caller,
    instant: DateTime<Utc>,
) -> Result<NaiveDate, Problem> {
    let zone = companies::time_zone(conn, state, caller).await?;
    Ok(local_date(instant.min(caller.now), zone))
}

/// 503: the company's first day has not begun yet for the read model.
pub(crate) fn before_the_first_day<T>(found: Option<T>) -> Result<T, Problem> {
    found.ok_or_else(|| {
        Problem::new(Status::Unavailable, "not_yet", "the first day of the company is being planned")
            .retry_after(1)
    })
}

/// The company as planning knows it.
pub(crate) async fn firm(state: &AppState, caller: &Caller) -> Result<Firm, Problem> {
    let mut tx = queries::begin(&state.reads, caller.company_id).await?;
    before_the_first_day(Firm::read(&mut tx, caller.company_id).await?)
}

/// The currency of a company's money, for those who may see it.
pub(crate) fn shown(firm: &Firm, caller: &Caller) -> Option<domain::shared::money::Currency> {
    firm.currency.filter(|_| caller.sees_money())
}
