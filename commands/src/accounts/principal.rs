//! Who is calling: the bearer of an access token or of an API key.

use uuid::Uuid;

use super::standing::Session;
use super::{Accounts, AccountsError, Role};

/// The caller of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// The active company.
    pub company_id: Uuid,
    /// The role as it is now, not as it was when a token was issued.
    pub role: Role,
    /// Person or key.
    pub who: Who,
}

/// Person or key behind a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A person who signed in.
    User {
        /// The person.
        user_id: Uuid,
        /// The session, a family of refresh tokens.
        session: Uuid,
    },
    /// An API key.
    ApiKey {
        /// The key.
        key_id: Uuid,
    },
}

impl Principal {
    /// The person, unless a key is calling.
    pub fn user_id(&self) -> Option<Uuid> {
        match self.who {
            Who::User { user_id, .. } => Some(user_id),
            Who::ApiKey { .. } => None,
        }
    }

    /// Id of person or key.
    pub fn id(&self) -> Uuid {
        match self.who {
            Who::User { user_id, .. } => user_id,
            Who::ApiKey { key_id } => key_id,
        }
    }
}

impl Accounts {
    /// Who bears this access token. Checks signature, algorithm, issuer, audience and expiry, and that session and
    /// membership still stand (remembered for at most [`super::STANDING_TTL`]).
    pub async fn bearer(&self, access_token: &str) -> Result<Principal, AccountsError> {
        let now = self.clock.now();
        let claims = self.access.read(access_token, now)?;
        let session = Session { user: claims.sub, company: claims.company, family: claims.session };
        let role = self.standings.role(&self.pool, session, now).await?.ok_or(AccountsError::NotSignedIn)?;
        let who = Who::User { user_id: claims.sub, session: claims.session };
        Ok(Principal { company_id: claims.company, role, who })
    }
}
