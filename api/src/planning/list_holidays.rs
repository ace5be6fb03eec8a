//! GET /settings/holidays: the company's holidays.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use projections::planning_settings::queries;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::calendar;
use crate::context::Caller;
use crate::extract::Query;
use crate::list::{self, Cell, List, ListParams, Listing};
use crate::problem::Problem;
use crate::state::AppState;

/// Which days.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HolidayFilters {
    /// First day, local to the company.
    from: Option<NaiveDate>,
    /// Last day.
    to: Option<NaiveDate>,
}

/// A holiday.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct HolidayView {
    /// The day, local to the company.
    date_local: NaiveDate,
    /// What it is called.
    name: String,
}

/// List holidays.
#[utoipa::path(get, path = "/settings/holidays", operation_id = "list_holidays", tag = "settings",
    params(ListParams, HolidayFilters),
    responses((status = 200, description = "A page of holidays", body = List<HolidayView>)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(filters): Query<HolidayFilters>,
) -> Result<Response, Problem> {
    let mut sort = listing.sort_by(&["date_local"], "date_local")?;
    let from = calendar::in_query("?from", filters.from)?;
    let to = calendar::in_query("?to", filters.to)?;
    let mut tx = caller.read(&state, &["planning_settings"]).await?;
    let days = queries::holidays(&mut tx, caller.company_id, from, to).await?;
    let mut views: Vec<HolidayView> =
        days.into_iter().map(|(date_local, name)| HolidayView { date_local, name }).collect();
    if sort.pop().is_some_and(|sort| sort.descending) {
        views.reverse();
    }
    if listing.format.is_download() {
        return list::download(&listing, "holidays", futures::stream::iter([Ok::<_, Problem>(views)])).await;
    }
    let total = i64::try_from(views.len()).unwrap_or(i64::MAX);
    let skip = usize::try_from(listing.offset()).unwrap_or(usize::MAX);
    let take = usize::try_from(listing.limit()).unwrap_or(usize::MAX);
    let items = views.into_iter().skip(skip).take(take).collect();
    Ok(List::<HolidayView>::new(items, total, &listing).into_response())
}

impl list::Row for HolidayView {
    const COLUMNS: &'static [&'static str] = &["date_local", "name"];

    fn cells(&self) -> Vec<Cell> {
        vec![Cell::from(self.date_local), Cell::from(self.name.as_str())]
    }
}
