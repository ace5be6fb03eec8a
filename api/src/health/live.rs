//! GET /health/live: the process answers.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// The process lives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Live {
    /// Always `live`.
    status: &'static str,
    /// Release.
    version: &'static str,
}

/// Is the process alive?
#[utoipa::path(get, path = "/health/live", operation_id = "health_live", tag = "operations",
    responses((status = 200, description = "It is", body = Live)))]
pub(crate) async fn live() -> Json<Live> {
    Json(Live { status: "live", version: env!("CARGO_PKG_VERSION") })
}
