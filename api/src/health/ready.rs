//! GET /health/ready: requests may come.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::state::AppState;

/// The process can serve requests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// Always `ready`.
    status: &'static str,
}

/// Can the process serve requests?
///
/// The database answers, and after the start the read models have caught up with the log.
#[utoipa::path(get, path = "/health/ready", operation_id = "health_ready", tag = "operations",
    responses((status = 200, description = "It can", body = Ready)))]
pub(crate) async fn ready(State(state): State<AppState>) -> Result<Json<Ready>, Problem> {
    drop(state.reads.acquire().await?);
    if state.ready.load(Ordering::Relaxed) {
        Ok(Json(Ready { status: "ready" }))
    } else {
        Err(Problem::unavailable("the read models are catching up with the log", 1))
    }
}
