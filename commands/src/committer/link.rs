//! A committer's connection to the log.

use std::time::Duration;

use event_log::append::{self, Appended, Batch, Seal};
use event_log::turn;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::time::Instant;

use crate::committer::error::CommitError;

/// How long a lost connection is tried again before the outcome is called unknown.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How long a turn lasts before others have theirs. What the others wrote is read once a turn, so a longer one costs
/// less; their callers wait for its end, so a shorter one answers sooner.
const TURN: Duration = Duration::from_millis(40);
/// A turn whose connection was not used for so long may have been ended by PostgreSQL.
const SILENT: Duration = Duration::from_millis(500);

/// One connection, opened anew after a loss.
pub(super) struct Link {
    pool: PgPool,
    partition: i16,
    connection: Option<PoolConnection<Postgres>>,
    turn: Option<Turn>,
}

/// The connection is in a transaction that has the turn.
struct Turn {
    begun: Instant,
    used: Instant,
}

impl Link {
    pub(super) fn new(pool: PgPool, partition: i16) -> Self {
        Self { pool, partition, connection: None, turn: None }
    }

    /// Takes the turn, unless it has it. True when it has just begun: then others may have written.
    pub(super) async fn begin_turn(&mut self) -> Result<bool, CommitError> {
        if self.has_turn() {
            return Ok(false);
        }
        let partition = self.partition;
        // Noted first: were this given up half-way, the connection would be in a transaction.
        self.open().await?;
        self.turn = Some(Turn { begun: Instant::now(), used: Instant::now() });
        match turn::begin(self.open().await?, partition).await {
            Ok(true) => self.turn = Some(Turn { begun: Instant::now(), used: Instant::now() }),
            Ok(false) => self.turn = None,
            Err(error) => {
                self.close();
                return Err(error.into());
            }
        }
        Ok(true)
    }

    /// Whether it has the turn, as far as it knows.
    pub(super) fn has_turn(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.used.elapsed() < SILENT)
    }

    /// Whether others should have theirs.
    pub(super) fn turn_is_over(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.begun.elapsed() >= TURN)
    }

    /// Lets others have their turn.
    pub(super) async fn end_turn(&mut self) {
        if !self.has_turn() {
            return;
        }
        let ended = match self.open().await {
            Ok(connection) => turn::end(connection).await.map_err(CommitError::from),
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => self.turn = None,
            Err(error) => {
                tracing::debug!(partition = self.partition, ?error, "a turn was lost");
                self.close();
            }
        }
    }

    /// The open connection.
    pub(super) async fn open(&mut self) -> Result<&mut PgConnection, CommitError> {
        if self.turn.is_some() && !self.has_turn() {
            self.close();
        }
        if let Some(turn) = &mut self.turn {
            turn.used = Instant::now();
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
            // Not back into the pool in the middle of a transaction.
            drop(connection.map(PoolConnection::detach));
        }
    }

    /// After a loss: a moment of patience, then another connection.
    pub(super) async fn reconnect(&mut self, error: &CommitError) {
        tracing::warn!(partition = self.partition, error = ?error, "the log's connection was lost");
        self.close();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Appends; after a lost connection finds out whether the batch is in before anything is sent again. Without the
    /// turn it gives way to whoever has it.
    pub(super) async fn append(
        &mut self,
        batch: &Batch,
        seal: &Seal,
        has_turn: bool,
    ) -> Result<Appended, CommitError> {
        let deadline = Instant::now() + PATIENCE;
        let mut sent = false;
        loop {
            let outcome = self.try_append(batch, seal, (sent, has_turn)).await;
            match outcome {
                Err(error) if error.is_connection() && Instant::now() < deadline => {
                    sent = true;
                    self.reconnect(&error).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_append(
        &mut self,
        batch: &Batch,
        seal: &Seal,
        (sent, has_turn): (bool, bool),
    ) -> Result<Appended, CommitError> {
        let partition = self.partition;
        let connection = self.open().await?;
        if !sent {
            return Ok(if has_turn {
                append::append_sealed(connection, batch, seal).await?
            } else {
                append::append_unless_turn(connection, batch, seal).await?
            });
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
