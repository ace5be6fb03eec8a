//! Jobs at the edge: what runs, what came of it, again or not at all.

pub(crate) mod start;
pub(crate) mod view;
mod list_jobs;
mod read_job;
mod retry_job;
mod cancel_job;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

/// Operations of this room.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_jobs::list_jobs))
        .routes(routes!(read_job::read_job))
        .routes(routes!(retry_job::retry_job))
        .routes(routes!(cancel_job::cancel_job))
}
