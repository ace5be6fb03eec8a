//! Sessions: a session is a family of refresh tokens, each used once.
//!
//! A refresh uses up one token and issues the next. A used token that comes back means that two hold it, so its
//! whole family is revoked. Two requests that refresh at the very same moment are told apart from that: the later one
//! found the row locked, or had arrived before the token was used; it is refused without ending the session.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::access_token::LIFE;
use super::once::{Answer, NOBODY, RequestKey};
use super::secrets::{random_text, sha256};
use super::users::Person;
use super::{Accounts, AccountsError, Principal, Role, SecretText, Who};

/// Life of a refresh token; each refresh starts it anew.
const REFRESH_LIFE: TimeDelta = TimeDelta::days(30);

/// Tokens of a session in one company. `Debug` does not show them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPair {
    /// Bearer token of the API.
    pub access_token: SecretText,
    /// Token for one refresh.
    pub refresh_token: SecretText,
    /// Seconds until the access token expires.
    pub expires_in: i64,
    /// The person.
    pub user_id: Uuid,
    /// The active company.
    pub company_id: Uuid,
    /// The role there.
    pub role: Role,
}

/// A person with all his companies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// The person, as a member of the active company.
    pub person: Person,
    /// Every company that he belongs to.
    pub companies: Vec<MyCompany>,
}

/// A company that a person belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyCompany {
    /// The company.
    pub company_id: Uuid,
    /// The role there.
    pub role: Role,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// A refresh token as it is stored.
#[derive(sqlx::FromRow)]
struct Stored {
    family_id: Uuid,
    user_id: Uuid,
    company_id: Uuid,
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl Accounts {
    /// Uses up a refresh token and issues the next pair, with the role as it is now.
    pub async fn refresh(
        &self,
        refresh_token: &SecretText,
        request: Option<&RequestKey>,
    ) -> Result<Answer<TokenPair>, AccountsError> {
        let arrived = self.clock.now();
        let hash = sha256(refresh_token.reveal());
        if let Some(request) = request
            && let Some(earlier) = self.earlier(NOBODY, request).await?
        {
            return Ok(earlier);
        }
        let this = self.clone();
        let done = self
            .once(NOBODY, request, move |conn| {
                Box::pin(async move { this.rotate(conn, &hash, arrived).await })
            })
            .await;
        if matches!(done, Err(AccountsError::Reused)) {
            self.revoke_family_of(&hash).await?;
        }
        done
    }

    /// Ends the session of a refresh token. An unknown token is no error: it opens nothing either way.
    pub async fn logout(
        &self,
        refresh_token: &SecretText,
        request: Option<&RequestKey>,
    ) -> Result<Answer<()>, AccountsError> {
        // Once or twice makes no difference; the key only tells whether another request bore it.
        let hash = sha256(refresh_token.reveal());
        let answer = self.once(NOBODY, request, |_| Box::pin(async { Ok(()) })).await?;
        self.revoke_family_of(&hash).await?;
        Ok(answer)
    }

    /// Issues tokens of the same session for another of the caller's companies. Logging out with any of them ends all.
    pub async fn switch(
        &self,
        principal: &Principal,
        company_id: Uuid,
        request: Option<&RequestKey>,
    ) -> Result<Answer<TokenPair>, AccountsError> {
        let Who::User { user_id, session } = principal.who else { return Err(AccountsError::NotSignedIn) };
        let this = self.clone();
        self.once(user_id, request, move |conn| {
            Box::pin(async move {
                let role = this.role_in(conn, user_id, company_id).await?.ok_or(AccountsError::NotAMember)?;
                this.open_session(conn, user_id, company_id, role, session).await
            })
        })
        .await
    }

    /// The caller and all his companies.
    pub async fn me(&self, principal: &Principal) -> Result<Me, AccountsError> {
        let user_id = principal.user_id().ok_or(AccountsError::NotFound)?;
        let person = self.user(principal, user_id).await?;
        Ok(Me { person, companies: self.companies_of(user_id).await? })
    }

    /// Companies that a person belongs to, the oldest membership first.
    pub async fn companies_of(&self, user_id: Uuid) -> Result<Vec<MyCompany>, AccountsError> {
        let rows: Vec<(Uuid, String, DateTime<Utc>)> = sqlx::query_as(
            "select company_id, role, created_at
             from accounts.memberships
             where user_id = $1 and removed_at is null
             order by created_at, company_id",
        )
        .bind(user_id)
        .fetch_all(&self.pool)
        .await?;
        let known = |(company_id, role, since): (Uuid, String, DateTime<Utc>)| {
            Role::from_name(&role).map(|role| MyCompany { company_id, role, since })
        };
        Ok(rows.into_iter().filter_map(known).collect())
    }

    /// Issues the pair of a session; `family` is new or goes on.
    pub(super) async fn open_session(
        &self,
        conn: &mut PgConnection,
        user_id: Uuid,
        company_id: Uuid,
        role: Role,
        family: Uuid,
    ) -> Result<TokenPair, AccountsError> {
        let now = self.clock.now();
        let refresh_token = random_text()?;
        sqlx::query(
            "insert into accounts.refresh_tokens (token_hash, family_id, user_id, company_id, issued_at, expires_at)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(sha256(&refresh_token).as_slice())
        .bind(family)
        .bind(user_id)
        .bind(company_id)
        .bind(now)
        .bind(now + REFRESH_LIFE)
        .execute(conn)
        .await?;
        let access_token = self.access.issue((user_id, company_id, role), family, self.ids.next(), now)?;
        Ok(TokenPair {
            access_token: SecretText::new(access_token),
            refresh_token: SecretText::new(refresh_token),
            expires_in: LIFE.num_seconds(),
            user_id,
            company_id,
            role,
        })
    }

    /// Role of a person in a company, while both membership and person stand.
    pub(super) async fn role_in(
        &self,
        conn: &mut PgConnection,
        user_id: Uuid,
        company_id: Uuid,
    ) -> Result<Option<Role>, AccountsError> {
        let role: Option<String> = sqlx::query_scalar(
            "select m.role
             from accounts.memberships m
             join accounts.users u on u.user_id = m.user_id
             where m.user_id = $1 and m.company_id = $2 and m.removed_at is null and u.disabled_at is null",
        )
        .bind(user_id)
        .bind(company_id)
        .fetch_optional(conn)
        .await?;
        Ok(role.as_deref().and_then(Role::from_name))
    }

    async fn rotate(
        &self,
        conn: &mut PgConnection,
        hash: &[u8],
        arrived: DateTime<Utc>,
    ) -> Result<TokenPair, AccountsError> {
        let token = locked_token(conn, hash).await?.ok_or(AccountsError::NotSignedIn)?;
        let now = self.clock.now();
        if token.revoked_at.is_some() {
            return Err(AccountsError::NotSignedIn);
        }
        if let Some(used_at) = token.used_at {
            let at_once = arrived < used_at;
            return Err(if at_once { AccountsError::RefreshUnderWay } else { AccountsError::Reused });
        }
        if token.expires_at <= now {
            return Err(AccountsError::Expired);
        }
        let role =
            self.role_in(conn, token.user_id, token.company_id).await?.ok_or(AccountsError::NotSignedIn)?;
        sqlx::query("update accounts.refresh_tokens set used_at = $2 where token_hash = $1")
            .bind(hash)
            .bind(now)
            .execute(&mut *conn)
            .await?;
        self.open_session(conn, token.user_id, token.company_id, role, token.family_id).await
    }

    async fn revoke_family_of(&self, hash: &[u8]) -> Result<(), AccountsError> {
        let revoked: Vec<Uuid> = sqlx::query_scalar(
            "update accounts.refresh_tokens
             set revoked_at = $2
             where revoked_at is null
               and family_id = (select family_id from accounts.refresh_tokens where token_hash = $1)
             returning user_id",
        )
        .bind(hash)
        .bind(self.clock.now())
        .fetch_all(&self.pool)
        .await?;
        if let Some(user_id) = revoked.first() {
            self.standings.forget(*user_id);
        }
        Ok(())
    }
}

/// Ends every session of a person in one company.
pub(super) async fn revoke_sessions(
    conn: &mut PgConnection,
    user_id: Uuid,
    company_id: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), AccountsError> {
    sqlx::query(
        "update accounts.refresh_tokens
         set revoked_at = $3
         where user_id = $1 and ($2::uuid is null or company_id = $2) and revoked_at is null",
    )
    .bind(user_id)
    .bind(company_id)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets tokens that expired before `before`; answers how many.
pub(super) async fn expire(pool: &sqlx::PgPool, before: DateTime<Utc>) -> Result<u64, AccountsError> {
    let done =
        sqlx::query("delete from accounts.refresh_tokens where expires_at < $1").bind(before).execute(pool);
    Ok(done.await?.rows_affected())
}

/// The token's row, locked; whoever finds it locked has met another refresh of the same token.
async fn locked_token(conn: &mut PgConnection, hash: &[u8]) -> Result<Option<Stored>, AccountsError> {
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    let found = sqlx::query_as(
        "select family_id, user_id, company_id, expires_at, used_at, revoked_at
         from accounts.refresh_tokens
         where token_hash = $1
         for update nowait",
    )
    .bind(hash)
    .fetch_optional(conn)
    .await;
    match found {
        Ok(token) => Ok(token),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(LOCK_NOT_AVAILABLE) => {
            Err(AccountsError::RefreshUnderWay)
        }
        Err(error) => Err(error.into()),
    }
}
