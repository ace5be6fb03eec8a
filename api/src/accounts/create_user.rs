//! POST /users: take a person into the company.

use axum::extract::State;
use commands::accounts::{NewUser, SecretText};
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::{PersonView, RoleName};
use crate::answer::{Done, Written};
use crate::body::Body;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// A new member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUserBody {
    /// E-mail address. Who has an account already joins with it and keeps name and password.
    #[schema(value_type = String, format = Email, example = "bob@example.com", max_length = 254)]
    email: SecretText,
    /// Name; the address where it is missing.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    name: Option<SecretText>,
    /// First password, 8 characters to 256 bytes; needed when the person has no account yet.
    #[schema(value_type = Option<String>, example = "correct horse battery", min_length = 8, max_length = 256)]
    password: Option<SecretText>,
    /// Role, none above the caller's own.
    #[schema(inline)]
    role: RoleName,
}

/// Add a member.
#[utoipa::path(post, path = "/users", operation_id = "create_user", tag = "users",
    request_body = NewUserBody,
    responses((status = 201, description = "The new member", body = PersonView)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn create_user(
    State(state): State<AppState>,
    caller: Caller,
    Body { value: body, digest }: Body<NewUserBody>,
) -> Result<Written<PersonView>, Problem> {
    let new = NewUser { email: body.email, name: body.name, password: body.password, role: body.role.into() };
    let answer =
        state.accounts.add_user(&caller.principal, new, caller.accounts_key(digest).as_ref()).await?;
    let location = format!("/users/{}", answer.value.user_id);
    let done = Done::from(&answer);
    Ok(Written::created(answer.value.into(), done).location(&location))
}
