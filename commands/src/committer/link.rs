//! A committer's connection to the log.

use std::time::Duration;

use event_log::append::{self, Appended, Batch, Seal};
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::time::Instant;

use crate::committer::error::CommitError;

/// How long a lost connection is tried again before the outcome is called unknown.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// One connection, opened anew after a loss.
pub(super) struct Link {
    pool: PgPool,
    partition: i16,
    connection: Option<PoolConnection<Postgres>>,
}

impl Link {
    pub(super) fn new(pool: PgPool, partition: i16) -> Self {
        Self { pool, partition, connection: None }
    }

    /// The open connection.
    pub(super) async fn open(&mut self) -> Result<&mut PgConnection, CommitError> {
        let open = match self.connection.take() {
            Some(open) => open,
            None => self.pool.acquire().await?,
        };
        Ok(self.connection.insert(open))
    }

    /// Lets the connection go; the next use opens another.
    pub(super) fn close(&mut self) {
        self.connection = None;
    }

    /// After a loss: a moment of patience, then another connection.
    pub(super) async fn reconnect(&mut self, error: &CommitError) {
        tracing::warn!(partition = self.partition, error = ?error, "the log's connection was lost");
        self.close();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Appends; after a lost connection finds out whether the batch is in before anything is sent again.
    pub(super) async fn append(&mut self, batch: &Batch, seal: &Seal) -> Result<Appended, CommitError> {
        let deadline = Instant::now() + PATIENCE;
        let mut sent = false;
        loop {
            let outcome = self.try_append(batch, seal, sent).await;
            match outcome {
                Err(error) if error.is_connection() && Instant::now() < deadline => {
                    sent = true;
                    self.reconnect(&error).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_append(&mut self, batch: &Batch, seal: &Seal, sent: bool) -> Result<Appended, CommitError> {
        let partition = self.partition;
        let connection = self.open().await?;
        if sent {
            // Waits for a transaction of ours that may still be under way, then looks for our hash.
            append::settle(connection, partition).await?;
            if append::is_in_log(connection, partition, &seal.after).await? {
                return Ok(Appended::Done(seal.after.clone()));
            }
        }
        Ok(append::append_sealed(connection, batch, seal).await?)
    }
}
