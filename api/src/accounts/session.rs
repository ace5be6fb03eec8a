//! The answer of everything that issues tokens.

use commands::accounts::{Person, Principal, TokenPair, Who};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::{MemberCompany, PersonView};
use crate::problem::Problem;
use crate::state::AppState;

/// Tokens of a session in one company.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionAnswer {
    /// Bearer token, for `Authorization: Bearer …`.
    access_token: String,
    /// Token for one POST /auth/refresh.
    refresh_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 900)]
    expires_in: i64,
    /// The person.
    user: PersonView,
    /// The active company.
    company: MemberCompany,
}

impl std::fmt::Debug for SessionAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionAnswer").field("user", &self.user).finish_non_exhaustive()
    }
}

impl SessionAnswer {
    /// The answer with everything at hand.
    pub(super) fn new(tokens: &TokenPair, person: Person, company: MemberCompany) -> Self {
        Self {
            access_token: tokens.access_token.reveal().to_owned(),
            refresh_token: tokens.refresh_token.reveal().to_owned(),
            token_type: "Bearer",
            expires_in: tokens.expires_in,
            user: person.into(),
            company,
        }
    }

    /// The answer for tokens alone; looks person and company up.
    pub(super) async fn of(state: &AppState, tokens: &TokenPair) -> Result<Self, Problem> {
        let who = Who::User { user_id: tokens.user_id, session: Uuid::nil() };
        let principal = Principal { company_id: tokens.company_id, role: tokens.role, who };
        let person = state.accounts.user(&principal, tokens.user_id).await?;
        Self::with_person(state, tokens, person).await
    }

    /// The answer for a known person; looks the company up.
    pub(super) async fn with_person(
        state: &AppState,
        tokens: &TokenPair,
        person: Person,
    ) -> Result<Self, Problem> {
        state.boards.notice(tokens.company_id);
        let company = MemberCompany::read(state, tokens.company_id, tokens.role, tokens.company_id).await?;
        Ok(Self::new(tokens, person, company))
    }
}
