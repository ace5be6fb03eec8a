//! Rows of people and memberships, and what may stand in them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::error::invalid;
use super::{Accounts, AccountsError, Principal, Role, SecretText};

const MAX_EMAIL_BYTES: usize = 254;
const MAX_NAME_CHARS: usize = 200;

/// An address that mail can reach, trimmed, case kept.
pub(super) fn checked_email(email: &SecretText) -> Result<SecretText, AccountsError> {
    let text = email.reveal().trim();
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let parts = text.rsplit_once('@');
    let shaped = parts.is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
    });
    if !plain || !shaped || text.len() > MAX_EMAIL_BYTES {
        return Err(invalid("email", "not_an_address", "must be an e-mail address"));
    }
    Ok(SecretText::new(text))
}

/// A name, trimmed.
pub(super) fn checked_name(name: &SecretText) -> Result<SecretText, AccountsError> {
    let text = name.reveal().trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(invalid("name", "empty", "must not be empty or hold control characters"));
    }
    if text.chars().count() > MAX_NAME_CHARS {
        return Err(invalid("name", "too_long", "must have at most 200 characters"));
    }
    Ok(SecretText::new(text))
}

/// Writes a new account; a taken address is refused.
pub(super) async fn insert_user(
    accounts: &Accounts,
    conn: &mut PgConnection,
    user_id: Uuid,
    email: &SecretText,
    name: &SecretText,
    password_hash: &str,
) -> Result<(), AccountsError> {
    let secrets = accounts.secrets();
    let written = sqlx::query(
        "insert into accounts.users (user_id, email_index, email_sealed, name_sealed, password_hash, created_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (email_index) do nothing",
    )
    .bind(user_id)
    .bind(accounts.email_index(email))
    .bind(secrets.seal(&email_place(user_id), email.reveal().as_bytes())?)
    .bind(secrets.seal(&name_place(user_id), name.reveal().as_bytes())?)
    .bind(password_hash)
    .bind(accounts.clock.now())
    .execute(conn)
    .await?;
    if written.rows_affected() == 1 { Ok(()) } else { Err(AccountsError::EmailTaken) }
}

/// Makes a person a member, anew if he was one before.
pub(super) async fn insert_membership(
    conn: &mut PgConnection,
    company_id: Uuid,
    user_id: Uuid,
    role: Role,
    now: DateTime<Utc>,
) -> Result<(), AccountsError> {
    let written = sqlx::query(
        "insert into accounts.memberships as known (company_id, user_id, role, created_at)
         values ($1, $2, $3, $4)
         on conflict (company_id, user_id) do update
         set role = excluded.role, created_at = excluded.created_at, removed_at = null
         where known.removed_at is not null",
    )
    .bind(company_id)
    .bind(user_id)
    .bind(role.name())
    .bind(now)
    .execute(conn)
    .await?;
    if written.rows_affected() == 1 { Ok(()) } else { Err(AccountsError::AlreadyMember) }
}

/// The person of an address.
pub(super) async fn known_user(
    conn: &mut PgConnection,
    email_index: &[u8],
) -> Result<Option<Uuid>, AccountsError> {
    let found = sqlx::query_scalar("select user_id from accounts.users where email_index = $1")
        .bind(email_index)
        .fetch_optional(conn)
        .await?;
    Ok(found)
}

/// Whether another company knows the person, or knew him once.
pub(super) async fn known_elsewhere(
    conn: &mut PgConnection,
    company_id: Uuid,
    user_id: Uuid,
) -> Result<bool, AccountsError> {
    let elsewhere = sqlx::query_scalar(
        "select exists (select 1 from accounts.memberships where user_id = $1 and company_id <> $2)",
    )
    .bind(user_id)
    .bind(company_id)
    .fetch_one(conn)
    .await?;
    Ok(elsewhere)
}

/// Gives a member another role, if the caller may.
pub(super) async fn change_role(
    conn: &mut PgConnection,
    caller: &Principal,
    user_id: Uuid,
    (present, role): (Role, Role),
) -> Result<(), AccountsError> {
    if !caller.role.manages_users() || !caller.role.covers(role) {
        return Err(AccountsError::AboveOwnRole);
    }
    if present == Role::Owner {
        keep_an_owner(conn, caller.company_id, user_id).await?;
    }
    sqlx::query("update accounts.memberships set role = $3 where company_id = $1 and user_id = $2")
        .bind(caller.company_id)
        .bind(user_id)
        .bind(role.name())
        .execute(conn)
        .await?;
    Ok(())
}

/// Refuses to take the last owner away.
pub(super) async fn keep_an_owner(
    conn: &mut PgConnection,
    company_id: Uuid,
    leaving: Uuid,
) -> Result<(), AccountsError> {
    let another: bool = sqlx::query_scalar(
        "select exists (
             select 1
             from accounts.memberships
             where company_id = $1 and user_id <> $2 and role = 'OWNER' and removed_at is null)",
    )
    .bind(company_id)
    .bind(leaving)
    .fetch_one(conn)
    .await?;
    if another { Ok(()) } else { Err(AccountsError::LastOwner) }
}

/// Replaces the name.
pub(super) async fn set_name(
    accounts: &Accounts,
    conn: &mut PgConnection,
    user_id: Uuid,
    name: &SecretText,
) -> Result<(), AccountsError> {
    sqlx::query("update accounts.users set name_sealed = $2 where user_id = $1")
        .bind(user_id)
        .bind(accounts.secrets().seal(&name_place(user_id), name.reveal().as_bytes())?)
        .execute(conn)
        .await?;
    Ok(())
}

/// Replaces the password's hash.
pub(super) async fn set_password(
    conn: &mut PgConnection,
    user_id: Uuid,
    hash: &str,
) -> Result<(), AccountsError> {
    sqlx::query("update accounts.users set password_hash = $2 where user_id = $1")
        .bind(user_id)
        .bind(hash)
        .execute(conn)
        .await?;
    Ok(())
}

/// Where an address is sealed.
pub(super) fn email_place(user_id: Uuid) -> String {
    format!("users.email:{user_id}")
}

/// Where a name is sealed.
pub(super) fn name_place(user_id: Uuid) -> String {
    format!("users.name:{user_id}")
}
