//! People, memberships, sessions, API keys, repeated requests and jobs: the plain tables beside the log.
//!
//! The one room outside `event-log`, `projections` and `migrations` that speaks SQL. Personal data is sealed, secrets
//! are hashed; neither reaches an event or a log line, and the types that hold them do not show them in `Debug`.
//! Read in this order: [`role`], [`secrets`], [`once`] (a repeat gets the first answer), [`register`], [`login`],
//! [`session`] (refresh, logout, switch), [`principal`] (who is calling), [`users`], [`api_keys`], [`jobs`].

pub mod error;
pub mod role;
pub mod secrets;
mod password;
mod throttle;
mod access_token;
mod standing;
mod key_cache;
mod user_rows;
pub mod once;
pub mod register;
pub mod login;
pub mod session;
pub mod principal;
pub mod users;
pub mod api_keys;
pub mod jobs;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use uuid::Uuid;

pub use api_keys::{ApiKey, NewApiKey, NewKeySecret};
pub use error::{AccountsError, Invalid};
pub use login::{Credentials, SignedIn};
pub use once::{Answer, RequestKey};
pub use principal::{Principal, Who};
pub use register::{Founding, RegisterError, Registered, Registration};
pub use role::Role;
pub use secrets::{SecretText, Secrets, SecretsError};
pub use session::{Me, MyCompany, TokenPair};
pub use users::{NewUser, Person, UserChange};

use crate::clock::{Clock, Ids};
use access_token::AccessTokens;
use key_cache::KeyCache;
use password::Passwords;
use standing::Standings;

/// Longest time for which a removed member, a changed role or a revoked key may still act in this process.
pub const STANDING_TTL: Duration = Duration::from_secs(3);

/// The plain tables and what is kept in memory of them. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pool: PgPool,
    secrets: Arc<Secrets>,
    clock: Clock,
    ids: Ids,
    passwords: Passwords,
    access: Arc<AccessTokens>,
    standings: Arc<Standings>,
    keys: Arc<KeyCache>,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

impl Accounts {
    /// Opens the room on a pool of the role `stocktrail_accounts`.
    pub fn new(pool: PgPool, secrets: Secrets, clock: Clock, ids: Ids) -> Self {
        Self {
            access: Arc::new(AccessTokens::new(&secrets)),
            standings: Arc::new(Standings::new(STANDING_TTL)),
            keys: Arc::new(KeyCache::new(STANDING_TTL)),
            passwords: Passwords::default(),
            secrets: Arc::new(secrets),
            pool,
            clock,
            ids,
        }
    }

    /// The pool of the room, for jobs and for writes that belong in one transaction with others.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The keys, for other rooms that seal what they store.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Every company there is, oldest first.
    pub async fn companies(&self) -> Result<Vec<Uuid>, AccountsError> {
        let ids =
            sqlx::query_scalar("select company_id from accounts.companies order by created_at, company_id")
                .fetch_all(&self.pool)
                .await?;
        Ok(ids)
    }
}
