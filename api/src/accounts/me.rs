//! GET /auth/me: who am I.

use axum::Json;
use axum::extract::State;
use commands::accounts::Who;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{ApiKeyView, MemberCompany, PersonView};
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MeAnswer {
    /// The person; null when a key is calling.
    user: Option<PersonView>,
    /// The key; null when a person is calling.
    api_key: Option<ApiKeyView>,
    /// The active company.
    company: MemberCompany,
    /// Every company that the caller belongs to.
    companies: Vec<MemberCompany>,
}

/// Read the caller.
///
/// The person or key behind the request, its active company, and every company that it belongs to.
#[utoipa::path(get, path = "/auth/me", operation_id = "read_me", tag = "auth",
    responses((status = 200, description = "Person or key, and companies", body = MeAnswer)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn me(State(state): State<AppState>, caller: Caller) -> Result<Json<MeAnswer>, Problem> {
    let active = caller.company_id;
    let company = MemberCompany::read(&state, active, caller.role, active).await?;
    let answer = match caller.principal.who {
        Who::User { .. } => {
            let me = state.accounts.me(&caller.principal).await?;
            let companies = MemberCompany::read_all(&state, &me.companies, active).await?;
            MeAnswer { user: Some(me.person.into()), api_key: None, company, companies }
        }
        Who::ApiKey { key_id } => {
            let key = state.accounts.api_key(&caller.principal, key_id).await?;
            MeAnswer { user: None, api_key: Some(key.into()), companies: vec![company.clone()], company }
        }
    };
    Ok(Json(answer))
}
