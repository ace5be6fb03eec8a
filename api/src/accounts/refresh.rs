//! POST /auth/refresh: a new pair of tokens for a refresh token.

use axum::extract::State;
use commands::accounts::SecretText;
use serde::Deserialize;
use utoipa::ToSchema;

use super::anonymous::Anonymous;
use super::session::SessionAnswer;
use crate::answer::{Done, Written};
use crate::body::Body;
use crate::problem::Problem;
use crate::state::AppState;

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// The refresh token of the last pair.
    #[schema(value_type = String)]
    pub(super) refresh_token: SecretText,
}

/// Refresh the tokens.
///
/// A refresh token works once. One that comes back later ends its session: two hold it. Of two requests at the same
/// moment one succeeds and the other gets 409 without ending the session.
#[utoipa::path(post, path = "/auth/refresh", operation_id = "refresh_tokens", tag = "auth",
    request_body = RefreshBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request repeatable; choose it at random")),
    responses((status = 200, description = "The next tokens", body = SessionAnswer)),
    extensions(("x-problems" = json!([401, 404, 409]))))]
pub(crate) async fn refresh(
    State(state): State<AppState>,
    anonymous: Anonymous,
    Body { value: body, digest }: Body<RefreshBody>,
) -> Result<Written<SessionAnswer>, Problem> {
    let answer = state.accounts.refresh(&body.refresh_token, anonymous.request_key(digest).as_ref()).await?;
    let done = Done::from(&answer);
    Ok(Written::ok(SessionAnswer::of(&state, &answer.value).await?, done))
}
