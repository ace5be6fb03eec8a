//! Every route, by room. Paths are relative; all are served under `/api/v1` and, as aliases, under `/api`.

use axum::http::Method;
use utoipa_axum::router::OpenApiRouter;

use crate::problem::{Problem, Status};
use crate::state::AppState;

/// All rooms of the API.
pub(crate) fn rooms() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(crate::accounts::router())
        .merge(crate::jobs::router())
        .merge(crate::catalogue::router())
        .merge(crate::stock::router())
        .merge(crate::companies::router())
        .merge(crate::sales::router())
        .merge(crate::planning::router())
        .merge(crate::dashboard::router())
        .merge(crate::events::router())
        .merge(crate::audit::router())
        .merge(crate::operations::router())
        .merge(crate::meta::router())
}

/// Health and metrics, at the root and without a token.
pub(crate) fn root() -> OpenApiRouter<AppState> {
    crate::health::router()
}

/// 404 for paths that do not exist.
pub(crate) async fn unknown_path() -> Problem {
    Problem::new(Status::NotFound, "unknown_path", "there is nothing at this path; see /api/docs")
}

/// 405 for paths that do not know the method.
pub(crate) async fn unknown_method(method: Method) -> Problem {
    Problem::new(Status::MethodNotAllowed, "method_not_allowed", format!("{method} is not possible here"))
}
