//! GET /users: the members of the company.

use axum::extract::State;
use axum::response::Response;

use super::view::{PersonView, page_of};
use crate::context::Caller;
use crate::list::{List, ListParams, Listing};
use crate::problem::Problem;
use crate::state::AppState;

/// List the members.
#[utoipa::path(get, path = "/users", operation_id = "list_users", tag = "users",
    params(ListParams),
    responses((status = 200, description = "Members, the longest first", body = List<PersonView>)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn list_users(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
) -> Result<Response, Problem> {
    let sort = listing.sort_by(&["since"], "since")?;
    let mut people = state.accounts.users(&caller.principal).await?;
    if sort.first().is_some_and(|sort| sort.descending) {
        people.reverse();
    }
    page_of(&listing, "users", people.into_iter().map(PersonView::from).collect()).await
}
