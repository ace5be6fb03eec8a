//! GET /clients: my companies.

use axum::extract::State;
use axum::response::Response;

use super::view::{MemberCompany, page_of};
use crate::context::Caller;
use crate::list::{List, ListParams, Listing};
use crate::problem::Problem;
use crate::state::AppState;

/// List my companies.
///
/// Every company that the caller belongs to, the one joined first at the top. A key belongs to one.
#[utoipa::path(get, path = "/clients", operation_id = "list_clients", tag = "auth",
    params(ListParams),
    responses((status = 200, description = "Companies", body = List<MemberCompany>)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn list_clients(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
) -> Result<Response, Problem> {
    listing.sort_by(&["since"], "since")?;
    let active = caller.company_id;
    let companies = match caller.user_id() {
        Some(user_id) => {
            let mine = state.accounts.companies_of(user_id).await?;
            MemberCompany::read_all(&state, &mine, active).await?
        }
        None => vec![MemberCompany::read(&state, active, caller.role, active).await?],
    };
    page_of(&listing, "clients", companies).await
}
