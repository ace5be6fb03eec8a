//! Keys of commands: what was asked before is answered again, not done again.
//!
//! Keys are claimed by [`crate::append::append`], in the transaction of their events.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::LogError;
use crate::append::{KeyKind, TakenKey, stored_key, taken_key};

/// Which of these keys (company, kind, key) are claimed already. One look into the primary key for each.
pub async fn lookup(
    conn: &mut PgConnection,
    partition: i16,
    keys: &[(Uuid, KeyKind, Uuid)],
) -> Result<Vec<TakenKey>, LogError> {
    let rows = sqlx::query(
        "select t.company_id, t.kind, t.key, t.digest, t.answer, t.position, t.recorded_at
         from unnest($2::uuid[]) as k(key)
         cross join lateral (
            select * from log.command_keys t where t.partition = $1 and t.key = k.key offset 0
         ) t",
    )
    .bind(partition)
    .bind(keys.iter().map(|(company_id, kind, key)| stored_key(*company_id, *kind, *key)).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    rows.iter().map(taken_key).collect()
}

/// Forgets request keys claimed before `before` and says how many. Keys of outside facts stay for ever.
pub async fn expire(conn: &mut PgConnection, before: DateTime<Utc>) -> Result<i64, LogError> {
    let expired =
        sqlx::query_scalar("select log.expire_request_keys($1)").bind(before).fetch_one(conn).await?;
    Ok(expired)
}
