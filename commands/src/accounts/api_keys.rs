//! API keys of a company.
//!
//! A key is a random text of 256 bits, shown once; its SHA-256 is stored. It has a role of its own, never above its
//! maker's. What a key may do is remembered for a few seconds, so that a busy client does not ask the database each
//! time and a revocation in another process acts soon; one in this process acts at once.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::error::invalid;
use super::once::{Answer, RequestKey};
use super::secrets::{KEY_BYTES, random_text, sha256};
use super::{Accounts, AccountsError, Principal, Role, SecretText, Who};

const MARK: &str = "stk_";
const SHOWN_CHARS: usize = 12;
const MAX_NAME_CHARS: usize = 100;
const LAST_USED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct ApiKey {
    /// The key's id.
    pub key_id: Uuid,
    /// What people call it.
    pub name: String,
    /// What it may do.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// First characters of the secret, to tell keys apart.
    pub prefix: String,
    /// Who made it: a person or a key.
    pub created_by: Uuid,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// A new key with its secret, which nobody can show again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKeySecret {
    /// The key.
    pub key: ApiKey,
    /// Its secret.
    pub secret: SecretText,
}

impl TryFrom<String> for Role {
    type Error = AccountsError;

    fn try_from(name: String) -> Result<Self, AccountsError> {
        Self::from_name(&name).ok_or(AccountsError::Internal("a stored role is unknown"))
    }
}

impl Accounts {
    /// Who bears this API key.
    pub async fn api_key_bearer(&self, secret: &str) -> Result<Principal, AccountsError> {
        if !secret.starts_with(MARK) || secret.len() > 2 * KEY_BYTES {
            return Err(AccountsError::NotSignedIn);
        }
        let hash = sha256(secret);
        if let Some(principal) = self.keys.get(&hash) {
            return Ok(principal);
        }
        let asked = Instant::now();
        let principal = self.key_of(&hash).await?.ok_or(AccountsError::NotSignedIn)?;
        self.keys.put(hash, asked, principal);
        Ok(principal)
    }

    /// Keys of the caller's company, the newest first, revoked ones too.
    pub async fn api_keys(&self, principal: &Principal) -> Result<Vec<ApiKey>, AccountsError> {
        let keys = sqlx::query_as(
            "select key_id, name, role, prefix, created_by, created_at, revoked_at, last_used_at
             from accounts.api_keys
             where company_id = $1
             order by created_at desc, key_id desc",
        )
        .bind(principal.company_id)
        .fetch_all(&self.pool)
        .await?;
        Ok(keys)
    }

    /// One key of the caller's company.
    pub async fn api_key(&self, principal: &Principal, key_id: Uuid) -> Result<ApiKey, AccountsError> {
        let mut conn = self.pool.acquire().await?;
        key_row(&mut conn, principal.company_id, key_id).await
    }

    /// Makes a key and shows its secret, this once.
    pub async fn add_api_key(
        &self,
        principal: &Principal,
        new: NewApiKey,
        request: Option<&RequestKey>,
    ) -> Result<Answer<NewKeySecret>, AccountsError> {
        if !principal.role.covers(new.role) {
            return Err(AccountsError::AboveOwnRole);
        }
        let name = checked_key_name(&new.name)?;
        let (this, caller, role) = (self.clone(), *principal, new.role);
        self.once(principal.company_id, request, move |conn| {
            Box::pin(async move {
                let secret = format!("{MARK}{}", random_text()?);
                let key_id = this.ids.next();
                sqlx::query(
                    "insert into accounts.api_keys (company_id, key_id, name, role, hash, prefix, created_by, created_at)
                     values ($1, $2, $3, $4, $5, $6, $7, $8)",
                )
                .bind(caller.company_id)
                .bind(key_id)
                .bind(name)
                .bind(role.name())
                .bind(sha256(&secret).as_slice())
                .bind(secret.chars().take(SHOWN_CHARS).collect::<String>())
                .bind(caller.id())
                .bind(this.clock.now())
                .execute(&mut *conn)
                .await?;
                let key = key_row(conn, caller.company_id, key_id).await?;
                Ok(NewKeySecret { key, secret: SecretText::new(secret) })
            })
        })
        .await
    }

    /// Renames a key or gives it another role.
    pub async fn change_api_key(
        &self,
        principal: &Principal,
        key_id: Uuid,
        (name, role): (Option<String>, Option<Role>),
        request: Option<&RequestKey>,
    ) -> Result<Answer<ApiKey>, AccountsError> {
        let name = name.as_deref().map(checked_key_name).transpose()?;
        let caller = *principal;
        let changed = self
            .once(principal.company_id, request, move |conn| {
                Box::pin(async move {
                    let present = key_row(conn, caller.company_id, key_id).await?;
                    if !caller.role.covers(present.role) || !role.is_none_or(|role| caller.role.covers(role))
                    {
                        return Err(AccountsError::AboveOwnRole);
                    }
                    sqlx::query(
                        "update accounts.api_keys
                         set name = coalesce($3, name), role = coalesce($4, role)
                         where company_id = $1 and key_id = $2",
                    )
                    .bind(caller.company_id)
                    .bind(key_id)
                    .bind(name)
                    .bind(role.map(Role::name))
                    .execute(&mut *conn)
                    .await?;
                    key_row(conn, caller.company_id, key_id).await
                })
            })
            .await?;
        self.keys.forget(key_id);
        Ok(changed)
    }

    /// Revokes a key; a revoked one stays so.
    pub async fn revoke_api_key(
        &self,
        principal: &Principal,
        key_id: Uuid,
        request: Option<&RequestKey>,
    ) -> Result<Answer<ApiKey>, AccountsError> {
        let (this, caller) = (self.clone(), *principal);
        let revoked = self
            .once(principal.company_id, request, move |conn| {
                Box::pin(async move {
                    let present = key_row(conn, caller.company_id, key_id).await?;
                    if !caller.role.covers(present.role) {
                        return Err(AccountsError::AboveOwnRole);
                    }
                    sqlx::query(
                        "update accounts.api_keys
                         set revoked_at = coalesce(revoked_at, $3)
                         where company_id = $1 and key_id = $2",
                    )
                    .bind(caller.company_id)
                    .bind(key_id)
                    .bind(this.clock.now())
                    .execute(&mut *conn)
                    .await?;
                    key_row(conn, caller.company_id, key_id).await
                })
            })
            .await?;
        self.keys.forget(key_id);
        Ok(revoked)
    }

    async fn key_of(&self, hash: &[u8]) -> Result<Option<Principal>, AccountsError> {
        let now = self.clock.now();
        let found: Option<(Uuid, Uuid, String, Option<DateTime<Utc>>)> = sqlx::query_as(
            "select company_id, key_id, role, last_used_at
             from accounts.api_keys
             where hash = $1 and revoked_at is null",
        )
        .bind(hash)
        .fetch_optional(&self.pool)
        .await?;
        let Some((company_id, key_id, role, last_used_at)) = found else { return Ok(None) };
        if last_used_at.is_none_or(|last| now - last >= LAST_USED_EVERY) {
            sqlx::query(
                "update accounts.api_keys set last_used_at = $3 where company_id = $1 and key_id = $2",
            )
            .bind(company_id)
            .bind(key_id)
            .bind(now)
            .execute(&self.pool)
            .await?;
        }
        Ok(Some(Principal { company_id, role: Role::try_from(role)?, who: Who::ApiKey { key_id } }))
    }
}

async fn key_row(conn: &mut PgConnection, company_id: Uuid, key_id: Uuid) -> Result<ApiKey, AccountsError> {
    let key = sqlx::query_as(
        "select key_id, name, role, prefix, created_by, created_at, revoked_at, last_used_at
         from accounts.api_keys
         where company_id = $1 and key_id = $2
         for update",
    )
    .bind(company_id)
    .bind(key_id)
    .fetch_optional(conn)
    .await?;
    key.ok_or(AccountsError::NotFound)
}

fn checked_key_name(name: &str) -> Result<String, AccountsError> {
    let name = name.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(invalid("name", "empty", "must not be empty or hold control characters"));
    }
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(invalid("name", "too_long", "must have at most 100 characters"));
    }
    Ok(name.to_owned())
}
