//! A repeated request gets the first answer.
//!
//! Key, digest of the request and sealed answer are written in the transaction of the work itself, so that either
//! all of it happened or nothing. A repeat that comes while the first is under way waits for it.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::error::invalid;
use super::{Accounts, AccountsError};

/// Scope of requests that nobody is signed in for. Their keys share one room, so clients make them at random.
pub(super) const NOBODY: Uuid = Uuid::nil();
/// How long a repeat is recognised.
pub const KEPT: TimeDelta = TimeDelta::days(8);
const MAX_KEY_CHARS: usize = 255;

/// `Idempotency-Key` of a request and a digest of method, path and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// The header's text.
    pub key: String,
    /// Digest of what was asked.
    pub digest: [u8; 32],
}

/// An answer, and whether it is that of an earlier request with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was answered.
    pub value: T,
    /// Whether it is a repeat.
    pub replayed: bool,
}

impl<T> Answer<T> {
    fn fresh(value: T) -> Self {
        Self { value, replayed: false }
    }
}

impl Accounts {
    /// Runs `work` in one transaction, once per key within `scope` (a company). With the key of an earlier request:
    /// its answer if the digest is the same, else [`AccountsError::KeyReuse`]. A failed `work` leaves no trace.
    pub async fn once<T, W>(
        &self,
        scope: Uuid,
        request: Option<&RequestKey>,
        work: W,
    ) -> Result<Answer<T>, AccountsError>
    where
        T: Serialize + DeserializeOwned,
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, AccountsError>>,
    {
        let mut tx = self.pool.begin().await?;
        let Some(request) = request else {
            let value = work(&mut tx).await?;
            tx.commit().await?;
            return Ok(Answer::fresh(value));
        };
        if !self.claim(&mut tx, scope, request).await? {
            drop(tx);
            let earlier = self.earlier(scope, request).await?;
            return earlier.ok_or(AccountsError::Internal("an earlier answer vanished"));
        }
        let value = work(&mut tx).await?;
        let answer = self.secrets.seal(&place(scope, &request.key), &serde_json::to_vec(&value)?)?;
        sqlx::query("update accounts.request_keys set answer_sealed = $3 where scope = $1 and key = $2")
            .bind(scope)
            .bind(&request.key)
            .bind(answer)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Answer::fresh(value))
    }

    /// The answer of an earlier request with the same key and digest, if there was one.
    pub async fn earlier<T: DeserializeOwned>(
        &self,
        scope: Uuid,
        request: &RequestKey,
    ) -> Result<Option<Answer<T>>, AccountsError> {
        let row: Option<(Vec<u8>, Option<Vec<u8>>)> = sqlx::query_as(
            "select digest, answer_sealed
             from accounts.request_keys
             where scope = $1 and key = $2",
        )
        .bind(scope)
        .bind(&request.key)
        .fetch_optional(&self.pool)
        .await?;
        let Some((digest, Some(answer))) = row else { return Ok(None) };
        if digest != self.stored_digest(request) {
            return Err(AccountsError::KeyReuse);
        }
        let plain = self.secrets.open(&place(scope, &request.key), &answer)?;
        Ok(Some(Answer { value: serde_json::from_slice(&plain)?, replayed: true }))
    }

    async fn claim(
        &self,
        tx: &mut PgConnection,
        scope: Uuid,
        request: &RequestKey,
    ) -> Result<bool, AccountsError> {
        if request.key.is_empty() || request.key.chars().count() > MAX_KEY_CHARS {
            return Err(invalid("Idempotency-Key", "bad_key", "must have 1 to 255 characters"));
        }
        let claimed = sqlx::query(
            "insert into accounts.request_keys (scope, key, digest, created_at)
             values ($1, $2, $3, $4)
             on conflict do nothing",
        )
        .bind(scope)
        .bind(&request.key)
        .bind(self.stored_digest(request))
        .bind(self.clock.now())
        .execute(tx)
        .await?;
        Ok(claimed.rows_affected() == 1)
    }

    /// Keyed, because the request may hold a password that a plain digest would let others guess.
    fn stored_digest(&self, request: &RequestKey) -> Vec<u8> {
        self.secrets.index("request digest", &request.digest).to_vec()
    }
}

/// Forgets requests made before `before`; answers how many.
pub async fn expire(pool: &PgPool, before: DateTime<Utc>) -> Result<u64, AccountsError> {
    let done =
        sqlx::query("delete from accounts.request_keys where created_at < $1").bind(before).execute(pool);
    Ok(done.await?.rows_affected())
}

fn place(scope: Uuid, key: &str) -> String {
    format!("request_keys.answer:{scope}:{key}")
}
