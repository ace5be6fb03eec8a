//! `PUT /api-keys/{key_id}`: rename a key or give it another role.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::{ApiKeyView, RoleName};
use crate::answer::{Done, Written};
use crate::body::Body;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// What becomes different; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeApiKeyBody {
    /// New name.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// New role; none above the caller's own.
    #[schema(inline)]
    role: Option<RoleName>,
}

/// Change an API key.
#[utoipa::path(put, path = "/api-keys/{key_id}", operation_id = "change_api_key", tag = "users",
    params(("key_id" = Uuid, Path, description = "The key")),
    request_body = ChangeApiKeyBody,
    responses((status = 200, description = "The key as it stands now", body = ApiKeyView)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn change_api_key(
    State(state): State<AppState>,
    caller: Caller,
    Path(key_id): Path<Uuid>,
    Body { value: body, digest }: Body<ChangeApiKeyBody>,
) -> Result<Written<ApiKeyView>, Problem> {
    let request = caller.accounts_key(digest);
    let change = (body.name, body.role.map(Into::into));
    let answer = state.accounts.change_api_key(&caller.principal, key_id, change, request.as_ref()).await?;
    let done = Done::from(&answer);
    Ok(Written::ok(answer.value.into(), done))
}
