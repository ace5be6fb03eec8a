//! The dashboard at the edge: a company, or one of its locations, at a glance.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

mod glance;
mod top_item;
mod figures;
mod widgets;
mod alerts;
mod read_dashboard;
mod read_metrics;
mod urgent_products;
mod inventory_trends;

/// Operations of this room.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read_dashboard::read))
        .routes(routes!(read_metrics::read))
        .routes(routes!(urgent_products::list))
        .routes(routes!(inventory_trends::read))
}
