//! Turns of several processes that append to one partition.
//!
//! A turn is a lock of a session. It begins with what others appended meanwhile and ends with the append of one batch,
//! so that a turn costs one round trip. It saves work where two processes would refuse each other's batches all the
//! time, and protects nothing: what is appended is decided by the head alone. So a process that is stopped in its turn
//! loses it after a second, and one that waits too long goes on without.

use sqlx::{PgConnection, Row};

use crate::LogError;
use crate::append::{Head, hash_of};
use crate::event::StoredEvent;
use crate::read::{contiguous, events_of};

/// Where the partition stands as a turn begins.
#[derive(Debug)]
pub struct Tail {
    /// The head.
    pub head: Head,
    /// Every event after the position that was known; none where they are more than were asked for.
    pub events: Option<Vec<StoredEvent>>,
}

/// Takes the turn of this connection's session once whoever has it has appended. Others are refused by
/// [`crate::append::append_unless_turn`] until it ends with [`crate::append::append_in_turn`] or [`end`]. Answers what
/// was appended after the position `known`, or none when the turn was not to be had within a second.
pub async fn take(
    conn: &mut PgConnection,
    partition: i16,
    known: i64,
    limit: i64,
) -> Result<Option<Tail>, LogError> {
    let taken = sqlx::query("select * from log.take_turn($1, $2, $3)")
        .bind(partition)
        .bind(known)
        .bind(limit)
        .fetch_all(&mut *conn)
        .await;
    let rows = match taken {
        Ok(rows) => rows,
        // 55P03 lock_not_available: the turn, or to see what its holder appended.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55P03") => {
            end(conn, partition).await?;
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let row = rows.first().ok_or(LogError::UnknownPartition(partition))?;
    let head = Head {
        position: row.try_get("head_position")?,
        batch: row.try_get("head_batch")?,
        hash: hash_of(row.try_get("head_hash")?)?,
    };
    let events = match row.try_get::<Option<i64>, _>("position")? {
        Some(_) => Some(events_of(&rows)?),
        None => (head.position == known).then(Vec::new),
    };
    contiguous(partition, known, events.as_deref().unwrap_or_default())?;
    Ok(Some(Tail { head, events }))
}

/// Lets others have their turn.
pub async fn end(conn: &mut PgConnection, partition: i16) -> Result<(), LogError> {
    sqlx::query("select log.end_turn($1)").bind(partition).execute(conn).await?;
    Ok(())
}
