//! What operators look at and set going.

mod projections;
mod rebuild;
mod relay;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

pub(crate) use rebuild::RebuildProjection;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(projections::list_projections))
        .routes(routes!(rebuild::rebuild_projection))
        .routes(routes!(relay::list_relays))
}
