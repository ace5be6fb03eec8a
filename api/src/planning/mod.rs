//! Plans at the edge: figures, lists and what follows from them.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

pub(crate) mod as_of;
pub(crate) mod figures;
mod read_metrics;
mod what_if;

/// Operations of this room.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(read_metrics::read)).routes(routes!(what_if::what_if))
}
