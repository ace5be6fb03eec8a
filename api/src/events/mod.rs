//! The log as its company sees it: pages, and a stream that goes on.

mod row;
mod page;
mod stream;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(page::list_events)).routes(routes!(stream::stream_events))
}
