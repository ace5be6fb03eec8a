//! `DELETE /users/{user_id}`: end a membership.

use axum::extract::State;
use uuid::Uuid;

use super::view::PersonView;
use crate::answer::{Done, Written};
use crate::body::Digest;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Remove a member.
///
/// Ends the membership and the member's sessions in the company; the account remains. The last OWNER stays: 409.
#[utoipa::path(delete, path = "/users/{user_id}", operation_id = "remove_user", tag = "users",
    params(("user_id" = Uuid, Path, description = "The person")),
    responses((status = 200, description = "The former member", body = PersonView)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn remove_user(
    State(state): State<AppState>,
    caller: Caller,
    Path(user_id): Path<Uuid>,
    digest: Digest,
) -> Result<Written<PersonView>, Problem> {
    let request = caller.accounts_key(digest);
    let answer = state.accounts.remove_user(&caller.principal, user_id, request.as_ref()).await?;
    let done = Done::from(&answer);
    Ok(Written::ok(PersonView::removed(answer.value), done))
}
