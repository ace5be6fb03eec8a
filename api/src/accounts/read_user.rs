//! `GET /users/{user_id}`: one member.

use axum::Json;
use axum::extract::State;
use uuid::Uuid;

use super::view::PersonView;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Read a member.
#[utoipa::path(get, path = "/users/{user_id}", operation_id = "read_user", tag = "users",
    params(("user_id" = Uuid, Path, description = "The person")),
    responses((status = 200, description = "The member", body = PersonView)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn read_user(
    State(state): State<AppState>,
    caller: Caller,
    Path(user_id): Path<Uuid>,
) -> Result<Json<PersonView>, Problem> {
    Ok(Json(state.accounts.user(&caller.principal, user_id).await?.into()))
}
