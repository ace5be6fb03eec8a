//! How long each partition of the log is, as far as this process knows.
//!
//! The committer's live blocks tell at once; a poll of the head rows finds what other processes wrote.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Newest known position of every partition, cheap to clone.
#[derive(Clone)]
pub struct Heads(Arc<[watch::Sender<i64>]>);

impl Heads {
    /// All partitions at 0.
    pub fn new(partitions: i16) -> Self {
        Self((0..partitions).map(|_| watch::Sender::new(0)).collect())
    }

    /// Number of partitions.
    pub fn partitions(&self) -> i16 {
        i16::try_from(self.0.len()).unwrap_or(i16::MAX)
    }

    /// Newest known position of a partition.
    pub fn at(&self, partition: i16) -> i64 {
        self.sender(partition).map_or(0, |sender| *sender.borrow())
    }

    /// Says that a partition reaches at least `position`.
    pub fn publish(&self, partition: i16, position: i64) {
        if let Some(sender) = self.sender(partition) {
            sender.send_if_modified(|at| {
                let moved = *at < position;
                *at = position.max(*at);
                moved
            });
        }
    }

    /// Follows one partition; none for an unknown one.
    pub fn subscribe(&self, partition: i16) -> Option<watch::Receiver<i64>> {
        self.sender(partition).map(watch::Sender::subscribe)
    }

    /// Reads the head rows once.
    pub async fn read(&self, pool: &PgPool) -> Result<bool, sqlx::Error> {
        let rows: Vec<(i16, i64)> =
            sqlx::query_as("select partition, position from log.log_head").fetch_all(pool).await?;
        let mut moved = false;
        for (partition, position) in rows {
            moved |= position > self.at(partition);
            self.publish(partition, position);
        }
        Ok(moved)
    }

    /// Polls the head rows: every `pace`, five times slower after two quiet seconds.
    pub async fn follow(self, pool: PgPool, pace: Duration, stop: CancellationToken) {
        let mut quiet = Duration::ZERO;
        loop {
            match self.read(&pool).await {
                Ok(true) => quiet = Duration::ZERO,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the log's heads cannot be read"),
            }
            let pause = if quiet > Duration::from_secs(2) { pace * 5 } else { pace };
            quiet += pause;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn sender(&self, partition: i16) -> Option<&watch::Sender<i64>> {
        self.0.get(usize::try_from(partition).ok()?)
    }
}

/// Number of partitions that the log was made with.
pub async fn partitions(pool: &PgPool) -> Result<i16, sqlx::Error> {
    sqlx::query_scalar("select count(*)::smallint from log.log_head").fetch_one(pool).await
}
