//! POST /api-keys: make a key.

use axum::extract::State;
use commands::accounts::NewApiKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::{ApiKeyView, RoleName};
use crate::answer::{Done, Written};
use crate::body::Body;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApiKeyBody {
    /// What people call it.
    #[schema(example = "Shop import", min_length = 1, max_length = 100)]
    name: String,
    /// What it may do; no role above the caller's own.
    #[schema(inline)]
    role: RoleName,
}

/// A new key with its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewApiKeyAnswer {
    /// The key.
    #[serde(flatten)]
    key: ApiKeyView,
    /// The secret for the header `X-API-Key`; shown this once.
    secret: String,
}

impl std::fmt::Debug for NewApiKeyAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewApiKeyAnswer").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Make an API key.
///
/// The secret is answered once and stored as a hash only.
#[utoipa::path(post, path = "/api-keys", operation_id = "create_api_key", tag = "users",
    request_body = NewApiKeyBody,
    responses((status = 201, description = "The key with its secret", body = NewApiKeyAnswer)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn create_api_key(
    State(state): State<AppState>,
    caller: Caller,
    Body { value: body, digest }: Body<NewApiKeyBody>,
) -> Result<Written<NewApiKeyAnswer>, Problem> {
    let new = NewApiKey { name: body.name, role: body.role.into() };
    let answer =
        state.accounts.add_api_key(&caller.principal, new, caller.accounts_key(digest).as_ref()).await?;
    let location = format!("/api-keys/{}", answer.value.key.key_id);
    let done = Done::from(&answer);
    let secret = answer.value.secret.reveal().to_owned();
    Ok(Written::created(NewApiKeyAnswer { key: answer.value.key.into(), secret }, done).location(&location))
}
