//! POST /auth/switch: work in another company.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::session::SessionAnswer;
use crate::answer::{Done, Written};
use crate::body::Body;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// Where to go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwitchBody {
    /// One of the caller's companies; see GET /clients.
    #[serde(alias = "client_id")]
    company_id: Uuid,
}

/// Switch the company.
///
/// Answers tokens of the same session whose active company is another one. API keys belong to one company and get 401.
#[utoipa::path(post, path = "/auth/switch", operation_id = "switch_company", tag = "auth",
    request_body = SwitchBody,
    responses((status = 200, description = "Tokens for the other company", body = SessionAnswer)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn switch(
    State(state): State<AppState>,
    caller: Caller,
    Body { value: body, digest }: Body<SwitchBody>,
) -> Result<Written<SessionAnswer>, Problem> {
    let request = caller.accounts_key(digest);
    let answer = state.accounts.switch(&caller.principal, body.company_id, request.as_ref()).await?;
    let done = Done::from(&answer);
    Ok(Written::ok(SessionAnswer::of(&state, &answer.value).await?, done))
}
