//! GET /api-keys: the keys of the company.

use axum::extract::State;
use axum::response::Response;

use super::view::{ApiKeyView, page_of};
use crate::context::Caller;
use crate::list::{List, ListParams, Listing};
use crate::problem::Problem;
use crate::state::AppState;

/// List the API keys.
///
/// Revoked ones too; never a secret.
#[utoipa::path(get, path = "/api-keys", operation_id = "list_api_keys", tag = "users",
    params(ListParams),
    responses((status = 200, description = "Keys, the newest first", body = List<ApiKeyView>)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn list_api_keys(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
) -> Result<Response, Problem> {
    let sort = listing.sort_by(&["created_at"], "-created_at")?;
    let mut keys = state.accounts.api_keys(&caller.principal).await?;
    if sort.first().is_some_and(|sort| !sort.descending) {
        keys.reverse();
    }
    page_of(&listing, "api-keys", keys.into_iter().map(ApiKeyView::from).collect()).await
}
