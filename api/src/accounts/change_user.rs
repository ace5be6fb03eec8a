//! `PUT /users/{user_id}`: change a member's role, name or password.

use axum::extract::State;
use commands::accounts::{SecretText, UserChange};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::{PersonView, RoleName};
use crate::answer::{Done, Written};
use crate::body::Body;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// What becomes different; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeUserBody {
    /// New role, none above the caller's own. An owner hands over by making another one first.
    #[schema(inline)]
    role: Option<RoleName>,
    /// New name.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    name: Option<SecretText>,
    /// New password: 8 characters to 256 bytes. Ends all sessions of the person.
    #[schema(value_type = Option<String>, min_length = 8, max_length = 256)]
    password: Option<SecretText>,
    /// The present password; needed to change one's own.
    #[schema(value_type = Option<String>)]
    current_password: Option<SecretText>,
}

/// Change a member.
///
/// Name and password of a person who belongs to other companies too are his own affair: 403.
#[utoipa::path(put, path = "/users/{user_id}", operation_id = "change_user", tag = "users",
    params(("user_id" = Uuid, Path, description = "The person")),
    request_body = ChangeUserBody,
    responses((status = 200, description = "The member as he stands now", body = PersonView)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn change_user(
    State(state): State<AppState>,
    caller: Caller,
    Path(user_id): Path<Uuid>,
    Body { value: body, digest }: Body<ChangeUserBody>,
) -> Result<Written<PersonView>, Problem> {
    let change = UserChange {
        name: body.name,
        role: body.role.map(Into::into),
        password: body.password,
        current_password: body.current_password,
    };
    let request = caller.accounts_key(digest);
    let answer = state.accounts.change_user(&caller.principal, user_id, change, request.as_ref()).await?;
    let done = Done::from(&answer);
    Ok(Written::ok(answer.value.into(), done))
}
