//! PUT /auth/me: a person changes his own name or password.

use axum::extract::State;
use commands::accounts::{SecretText, UserChange};
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::PersonView;
use crate::answer::{Done, Written};
use crate::body::Body;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// What becomes different; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeMeBody {
    /// New name.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    name: Option<SecretText>,
    /// New password: 8 characters to 256 bytes. Ends all sessions of the person.
    #[schema(value_type = Option<String>, min_length = 8, max_length = 256)]
    password: Option<SecretText>,
    /// The present password; needed with a new one.
    #[schema(value_type = Option<String>)]
    current_password: Option<SecretText>,
}

/// Change my name or password.
#[utoipa::path(put, path = "/auth/me", operation_id = "change_me", tag = "auth",
    request_body = ChangeMeBody,
    responses((status = 200, description = "The person as he stands now", body = PersonView)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn change_me(
    State(state): State<AppState>,
    caller: Caller,
    Body { value: body, digest }: Body<ChangeMeBody>,
) -> Result<Written<PersonView>, Problem> {
    let user_id =
        caller.user_id().ok_or_else(|| Problem::forbidden("a key has neither name nor password here"))?;
    let change = UserChange {
        name: body.name,
        role: None,
        password: body.password,
        current_password: body.current_password,
    };
    let request = caller.accounts_key(digest);
    let answer = state.accounts.change_user(&caller.principal, user_id, change, request.as_ref()).await?;
    let done = Done::from(&answer);
    Ok(Written::ok(answer.value.into(), done))
}
