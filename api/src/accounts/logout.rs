//! POST /auth/logout: end a session.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::anonymous::Anonymous;
use super::refresh::RefreshBody;
use crate::answer::{Done, Written};
use crate::body::Body;
use crate::problem::Problem;
use crate::state::AppState;

/// A session has ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoggedOut {
    /// Always true; an unknown token opens nothing either way.
    logged_out: bool,
}

/// Sign out.
///
/// Ends the session of a refresh token: none of its tokens is accepted any more, in this process at once and in others
/// within seconds.
#[utoipa::path(post, path = "/auth/logout", operation_id = "logout", tag = "auth",
    request_body = RefreshBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request repeatable; choose it at random")),
    responses((status = 200, description = "The session has ended", body = LoggedOut)))]
pub(crate) async fn logout(
    State(state): State<AppState>,
    anonymous: Anonymous,
    Body { value: body, digest }: Body<RefreshBody>,
) -> Result<Written<LoggedOut>, Problem> {
    let answer = state.accounts.logout(&body.refresh_token, anonymous.request_key(digest).as_ref()).await?;
    Ok(Written::ok(LoggedOut { logged_out: true }, Done::from(&answer)))
}
