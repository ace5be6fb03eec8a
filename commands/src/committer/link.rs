//! A committer's connection to the log.

use std::time::Duration;

use event_log::append::{self, Appended, Batch, Seal};
use event_log::turn::{self, Tail};
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::time::Instant;

use crate::committer::error::CommitError;

/// How long a lost connection is tried again before the outcome is called unknown.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A turn whose connection was not used for so long may have been ended by PostgreSQL.
const SILENT: Duration = Duration::from_millis(500);

/// One connection, opened anew after a loss.
pub(super) struct Link {
    pool: PgPool,
    partition: i16,
    connection: Option<PoolConnection<Postgres>>,
    /// Since when the connection's session has the turn.
    turn: Option<Instant>,
}

impl Link {
    pub(super) fn new(pool: PgPool, partition: i16) -> Self {
        Self { pool, partition, connection: None, turn: None }
    }

    /// Takes the turn, unless it has it. Answers what others appended after the position `known`; none where the turn
    /// was not to be had, either.
    pub(super) async fn take_turn(&mut self, known: i64, limit: i64) -> Result<Option<Tail>, CommitError> {
        if self.has_turn() {
            return Ok(None);
        }
        let partition = self.partition;
        self.open().await?;
        // Noted first: were this given up half-way, the session might have the turn.
        self.turn = Some(Instant::now());
        match turn::take(self.open().await?, partition, known, limit).await {
            Ok(tail) => {
                self.turn = tail.is_some().then(Instant::now);
                Ok(tail)
            }
            Err(error) => {
                self.close();
                Err(error.into())
            }
        }
    }

    /// Whether it has the turn, as far as it knows.
    fn has_turn(&self) -> bool {
        self.turn.is_some_and(|since| since.elapsed() < SILENT)
    }

    /// Lets others have their turn.
    pub(super) async fn end_turn(&mut self) {
        if !self.has_turn() {
            return;
        }
        let partition = self.partition;
        let ended = match self.open().await {
            Ok(connection) => turn::end(connection, partition).await.map_err(CommitError::from),
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => self.turn = None,
            Err(error) => {
                tracing::debug!(partition, ?error, "a turn was lost");
                self.close();
            }
        }
    }

    /// The open connection.
    pub(super) async fn open(&mut self) -> Result<&mut PgConnection, CommitError> {
        if self.turn.is_some() && !self.has_turn() {
            self.close();
        }
        let open = match self.connection.take() {
            Some(open) => open,
            None => self.pool.acquire().await?,
        };
        Ok(self.connection.insert(open))
    }

    /// Lets the connection go; the next use opens another.
    pub(super) fn close(&mut self) {
        let connection = self.connection.take();
        if self.turn.take().is_some() {
            // Not back into the pool with the turn.
            drop(connection.map(PoolConnection::detach));
        }
    }

    /// After a loss: a moment of patience, then another connection.
    pub(super) async fn reconnect(&mut self, error: &CommitError) {
        tracing::warn!(partition = self.partition, error = ?error, "the log's connection was lost");
        self.close();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Appends and ends the turn; after a lost connection finds out whether the batch is in before anything is sent
    /// again. Without the turn it gives way to whoever has it.
    pub(super) async fn append(&mut self, batch: &Batch, seal: &Seal) -> Result<Appended, CommitError> {
        let deadline = Instant::now() + PATIENCE;
        let mut sent = false;
        loop {
            match self.try_append(batch, seal, sent).await {
                Err(error) if error.is_connection() && Instant::now() < deadline => {
                    sent = true;
                    self.reconnect(&error).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_append(&mut self, batch: &Batch, seal: &Seal, sent: bool) -> Result<Appended, CommitError> {
        let (partition, has_turn) = (self.partition, self.has_turn());
        let connection = self.open().await?;
        if !sent && has_turn {
            let outcome = append::append_in_turn(connection, batch, seal).await?;
            if !matches!(outcome, Appended::KeysTaken(_)) {
                self.turn = None;
            }
            return Ok(outcome);
        }
        if !sent {
            return Ok(append::append_unless_turn(connection, batch, seal).await?);
        }
        // The first attempt may still be on its way to the server. It lands no more once the head has moved, so it is
        // sent again without regard to turns; whoever moved the head instead may have done so on top of it.
        let outcome = append::append_sealed(connection, batch, seal).await?;
        if matches!(outcome, Appended::Stale(_))
            && append::is_in_log(connection, partition, &seal.after).await?
        {
            return Ok(Appended::Done(seal.after.clone()));
        }
        Ok(outcome)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}
