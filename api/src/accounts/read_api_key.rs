//! `GET /api-keys/{key_id}`: one key.

use axum::Json;
use axum::extract::State;
use uuid::Uuid;

use super::view::ApiKeyView;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Read an API key.
#[utoipa::path(get, path = "/api-keys/{key_id}", operation_id = "read_api_key", tag = "users",
    params(("key_id" = Uuid, Path, description = "The key")),
    responses((status = 200, description = "The key without its secret", body = ApiKeyView)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn read_api_key(
    State(state): State<AppState>,
    caller: Caller,
    Path(key_id): Path<Uuid>,
) -> Result<Json<ApiKeyView>, Problem> {
    Ok(Json(state.accounts.api_key(&caller.principal, key_id).await?.into()))
}
