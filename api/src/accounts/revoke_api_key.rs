//! `DELETE /api-keys/{key_id}`: revoke a key.

use axum::extract::State;
use uuid::Uuid;

use super::view::ApiKeyView;
use crate::answer::{Done, Written};
use crate::body::Digest;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Revoke an API key.
///
/// Acts at once in this process and within seconds in others. A revoked key stays revoked.
#[utoipa::path(delete, path = "/api-keys/{key_id}", operation_id = "revoke_api_key", tag = "users",
    params(("key_id" = Uuid, Path, description = "The key")),
    responses((status = 200, description = "The revoked key", body = ApiKeyView)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn revoke_api_key(
    State(state): State<AppState>,
    caller: Caller,
    Path(key_id): Path<Uuid>,
    digest: Digest,
) -> Result<Written<ApiKeyView>, Problem> {
    let request = caller.accounts_key(digest);
    let answer = state.accounts.revoke_api_key(&caller.principal, key_id, request.as_ref()).await?;
    let done = Done::from(&answer);
    Ok(Written::ok(answer.value.into(), done))
}
