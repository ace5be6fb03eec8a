//! Turns of several processes that append to one partition.
//!
//! A turn is a lock in a transaction of its own. It saves work where two processes would refuse each other's batches all
//! the time, and protects nothing: what is appended is decided by the head alone. So a process that is stopped in its
//! turn loses it after a second, and one that waits too long goes on without.

use sqlx::{Executor, PgConnection};

use crate::LogError;

/// Opens a transaction that has the turn, once everybody who has it or appends has ended. While it is open, others are
/// refused by [`crate::append::append_unless_turn`]; end it with [`end`]. The connection may be used for reading
/// meanwhile. False when the turn was not to be had within a second; no transaction is open then.
pub async fn begin(conn: &mut PgConnection, partition: i16) -> Result<bool, LogError> {
    let begin = format!(
        "begin; set local lock_timeout = '1s'; set local idle_in_transaction_session_timeout = '1s';
         select pg_advisory_xact_lock(773014621, {partition});
         set local lock_timeout to default"
    );
    match conn.execute(sqlx::raw_sql(&begin)).await {
        Ok(_) => Ok(true),
        // 55P03 lock_not_available
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55P03") => {
            conn.execute(sqlx::raw_sql("rollback")).await?;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Lets others have their turn.
pub async fn end(conn: &mut PgConnection) -> Result<(), LogError> {
    conn.execute(sqlx::raw_sql("commit")).await?;
    Ok(())
}
