//! Failed logins per e-mail address and per network address, in windows of 15 minutes.
//!
//! An attempt is counted before the password is looked at, so that many guesses at once count as many; a success
//! gives its attempt back.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

use super::AccountsError;

const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// Failed logins of one e-mail address within the window.
pub(super) const PER_EMAIL: i32 = 20;
/// Failed logins from one network address within the window.
pub(super) const PER_ADDRESS: i32 = 200;

/// Counts an attempt of `subject`; refuses beyond `limit`.
pub(super) async fn count(
    pool: &PgPool,
    subject: &[u8],
    limit: i32,
    now: DateTime<Utc>,
) -> Result<(), AccountsError> {
    let (failed, window_start): (i32, DateTime<Utc>) = sqlx::query_as(
        "insert into accounts.login_failures as known (subject, failed, window_start)
         values ($1, 1, $2)
         on conflict (subject) do update
         set failed = case when known.window_start <= $3 then 1 else least(known.failed + 1, 1000000) end,
             window_start = case when known.window_start <= $3 then $2 else known.window_start end
         returning failed, window_start",
    )
    .bind(subject)
    .bind(now)
    .bind(now - WINDOW)
    .fetch_one(pool)
    .await?;
    if failed <= limit {
        return Ok(());
    }
    let retry_after = (window_start + WINDOW - now).to_std().unwrap_or(Duration::ZERO);
    Err(AccountsError::Throttled { retry_after: retry_after.max(Duration::from_secs(1)) })
}

/// Forgets the failures of an e-mail address after a success.
pub(super) async fn clear(pool: &PgPool, subject: &[u8]) -> Result<(), AccountsError> {
    sqlx::query("delete from accounts.login_failures where subject = $1").bind(subject).execute(pool).await?;
    Ok(())
}

/// Gives back one attempt of a network address after a success.
pub(super) async fn give_back(pool: &PgPool, subject: &[u8]) -> Result<(), AccountsError> {
    sqlx::query("update accounts.login_failures set failed = greatest(failed - 1, 0) where subject = $1")
        .bind(subject)
        .execute(pool)
        .await?;
    Ok(())
}
