//! GET /jobs: what runs and ran.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use commands::accounts::jobs::JobFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::{JobView, StateName};
use crate::context::Caller;
use crate::extract::Query;
use crate::list::{self, List, ListParams, Listing};
use crate::problem::Problem;
use crate::state::AppState;

/// Which jobs.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobFilters {
    /// Only jobs in this state.
    #[param(inline)]
    state: Option<StateName>,
    /// Only jobs of this kind.
    #[param(example = "day_start", max_length = 100)]
    kind: Option<String>,
}

/// List jobs.
///
/// Jobs of the company, the newest first.
#[utoipa::path(get, path = "/jobs", operation_id = "list_jobs", tag = "operations",
    params(ListParams, JobFilters),
    responses((status = 200, description = "Jobs", body = List<JobView>)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn list_jobs(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(filters): Query<JobFilters>,
) -> Result<Response, Problem> {
    let newest_first = listing.sort_by(&["created_at"], "-created_at")?.iter().all(|sort| sort.descending);
    if filters.kind.as_ref().is_some_and(|kind| kind.chars().any(char::is_control)) {
        return Err(Problem::invalid("invalid_parameter", "?kind", "must not hold control characters"));
    }
    let filter = JobFilter {
        state: filters.state.map(Into::into),
        kind: filters.kind,
        oldest_first: !newest_first,
        ..JobFilter::default()
    };
    let company_id = caller.company_id;
    if listing.format.is_download() {
        let rows = list::chunks((state, filter), move |(state, filter), offset, limit| async move {
            let filter = JobFilter { offset, limit, ..filter };
            let (jobs, _) = state.jobs.list(company_id, &filter).await?;
            Ok(((state, filter), jobs.into_iter().map(JobView::from).collect()))
        });
        return list::download(&listing, "jobs", rows).await;
    }
    let filter = JobFilter { offset: listing.offset(), limit: listing.limit(), ..filter };
    let (jobs, total) = state.jobs.list(company_id, &filter).await?;
    Ok(List::new(jobs.into_iter().map(JobView::from).collect(), total, &listing).into_response())
}
