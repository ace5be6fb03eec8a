//! POST /auth/login: a person signs in.

use axum::extract::State;
use commands::accounts::{Credentials, SecretText};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::anonymous::Anonymous;
use super::session::SessionAnswer;
use crate::answer::{Done, Written};
use crate::body::Body;
use crate::problem::Problem;
use crate::state::AppState;

/// E-mail address and password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    /// E-mail address.
    #[schema(value_type = String, format = Email, example = "ann@example.com")]
    email: SecretText,
    /// Password.
    #[schema(value_type = String)]
    password: SecretText,
    /// Company to work in; the one joined first where it is missing.
    #[serde(alias = "client_id")]
    company_id: Option<Uuid>,
}

/// Sign in.
///
/// After 20 failed logins of an address within 15 minutes the answer is 429 until the time in Retry-After is over.
#[utoipa::path(post, path = "/auth/login", operation_id = "login", tag = "auth",
    request_body = LoginBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request repeatable; choose it at random")),
    responses((status = 200, description = "Tokens, person and active company", body = SessionAnswer)),
    extensions(("x-problems" = json!([401, 403, 429]))))]
pub(crate) async fn login(
    State(state): State<AppState>,
    anonymous: Anonymous,
    Body { value: body, digest }: Body<LoginBody>,
) -> Result<Written<SessionAnswer>, Problem> {
    let credentials = Credentials {
        email: body.email,
        password: body.password,
        company_id: body.company_id,
        address: anonymous.address,
    };
    let answer = state.accounts.login(credentials, anonymous.request_key(digest).as_ref()).await?;
    let done = Done::from(&answer);
    let session = SessionAnswer::with_person(&state, &answer.value.tokens, answer.value.person).await?;
    Ok(Written::ok(session, done))
}
