//! Keeps every projection up to date: one worker per projection and partition.
//!
//! Live blocks come from the committer of the same process, the rest from the log. Several processes may run the same
//! projection: the checkpoint decides whose fold counts, the other one goes on from there.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::event::StoredEvent;
use sqlx::PgPool;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::heads::Heads;
use crate::positions::Positions;
use crate::projection::Projection;
use crate::worker::Worker;

/// A committed batch as the committer hands it over.
pub type Block = Arc<[StoredEvent]>;

/// Gives the live blocks of a partition, if its committer works in this process.
pub type Feeds = Arc<dyn Fn(i16) -> Option<broadcast::Receiver<Block>> + Send + Sync>;

/// What the runner works with.
#[derive(Clone)]
pub struct RunnerConfig {
    /// Pool of the projector's role.
    pub pool: PgPool,
    /// What to fold.
    pub projections: Vec<Arc<dyn Projection>>,
    /// Partitions of the log.
    pub partitions: i16,
    /// Live blocks.
    pub feeds: Feeds,
    /// Where progress is published.
    pub positions: Positions,
    /// How long the log is; somebody must run [`Heads::follow`].
    pub heads: Heads,
    /// The server's clock, for the lag in seconds.
    pub now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

/// Workers under way.
pub struct Runner {
    workers: JoinSet<()>,
    stop: CancellationToken,
}

impl Runner {
    /// Starts a worker per projection and partition.
    pub fn start(config: RunnerConfig) -> Self {
        let stop = CancellationToken::new();
        let config = Arc::new(config);
        let mut workers = JoinSet::new();
        for projection in &config.projections {
            for partition in 0..config.partitions {
                let worker = Worker::new(Arc::clone(&config), Arc::clone(projection), partition);
                workers.spawn(worker.run(stop.clone()));
            }
        }
        Self { workers, stop }
    }

    /// Stops the workers; a fold under way is rolled back and done again at the next start.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.workers.join_next().await.is_some() {}
    }
}

/// Waits until every projection has folded what the log holds now. False when `timeout` passes first.
pub async fn caught_up(config: &RunnerConfig, timeout: Duration) -> bool {
    let names: Vec<&'static str> = config.projections.iter().map(|projection| projection.name()).collect();
    for partition in 0..config.partitions {
        let head = config.heads.at(partition);
        if config.positions.wait(&names, partition, head, timeout).await.is_err() {
            return false;
        }
    }
    true
}
