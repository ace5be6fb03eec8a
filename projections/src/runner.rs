//! Keeps every projection up to date: one worker per projection and partition, in the process that holds its lease.
//!
//! Live blocks come from the committer of the same process, the rest from the log. Several processes share the work
//! evenly ([`crate::lease::sharing`]); whoever is stopped releases at once what it holds, whoever dies is replaced when
//! its leases have run out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::event::StoredEvent;
use sqlx::PgPool;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::heads::Heads;
use crate::lease::sharing::{PACE, Shares, Sharing};
use crate::lease::{Lease, Leases};
use crate::parked;
use crate::positions::Positions;
use crate::projection::{Projection, schema_of};
use crate::worker::Worker;

/// How long a worker whose lease others should have may take to finish what is in its hand before leases are renewed
/// again.
const FINISH: Duration = Duration::from_secs(1);
/// How long releasing everything may take at the end.
const LEAVE: Duration = Duration::from_secs(3);

/// A committed batch as the committer hands it over.
pub type Block = Arc<[StoredEvent]>;

/// Gives the live blocks of a partition, if its committer works in this process.
pub type Feeds = Arc<dyn Fn(i16) -> Option<broadcast::Receiver<Block>> + Send + Sync>;

/// What the runner works with.
#[derive(Clone)]
pub struct RunnerConfig {
    /// Pool of the projector's role.
    pub pool: PgPool,
    /// Claims and renews leases for this process.
    pub leases: Leases,
    /// What to fold.
    pub projections: Vec<Arc<dyn Projection>>,
    /// Partitions of the log.
    pub partitions: i16,
    /// Live blocks.
    pub feeds: Feeds,
    /// Where progress is published; somebody must run [`Positions::follow`] where other processes fold, too.
    pub positions: Positions,
    /// How long the log is; somebody must run [`Heads::follow`].
    pub heads: Heads,
    /// The server's clock, for the lag in seconds.
    pub now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

/// Workers under way.
pub struct Runner {
    supervisor: JoinHandle<()>,
    stop: CancellationToken,
}

impl Runner {
    /// Starts to claim leases, and a worker for each.
    pub fn start(config: RunnerConfig) -> Self {
        let stop = CancellationToken::new();
        let names = config.projections.iter().map(|projection| schema_of(projection.as_ref()).into());
        let sharing = Sharing::new(config.leases.clone(), names.collect(), config.partitions);
        let supervisor = Supervisor { config: Arc::new(config), sharing, workers: HashMap::new() };
        Self { supervisor: tokio::spawn(supervisor.run(stop.clone())), stop }
    }

    /// Lets every worker finish what is in its hand, then releases all leases, so that others go on at once.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.supervisor.await {
            tracing::error!(%error, "folding ended badly");
        }
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

/// Keeps one worker for every lease that this process holds.
struct Supervisor {
    config: Arc<RunnerConfig>,
    sharing: Sharing,
    workers: HashMap<(Arc<str>, i16), Hired>,
}

/// A worker and the lease under which it folds.
struct Hired {
    lease: Lease,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Supervisor {
    async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.sharing.step().await {
                Ok(shares) => self.staff(shares).await,
                Err(error) => tracing::warn!(%error, "leases cannot be renewed"),
            }
            self.count_parked().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(PACE) => {}
            }
        }
        for hired in self.workers.values() {
            hired.stop.cancel();
        }
        for (_, hired) in self.workers {
            // A worker that panicked has been told of already.
            drop(hired.task.await);
        }
        match timeout(LEAVE, self.sharing.leave()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "leases cannot be released; they run out"),
            Err(_) => tracing::warn!("leases cannot be released in time; they run out"),
        }
    }

    /// Ends the workers of leases that are lost or wanted elsewhere, and hires one for every lease without.
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a gauge is a float")]
    async fn staff(&mut self, shares: Shares) {
        metrics::gauge!("stocktrail_projection_leases_free").set(shares.free as f64);
        metrics::gauge!("stocktrail_projection_leases_held").set(shares.held.len() as f64);
        self.workers.retain(|_, hired| !hired.task.is_finished());
        for hired in self.workers.values() {
            if !shares.held.contains(&hired.lease) || shares.surplus.contains(&hired.lease) {
                hired.stop.cancel();
            }
        }
        self.give_up(&shares.surplus).await;
        for lease in shares.held {
            if !shares.surplus.contains(&lease) {
                self.hire(lease);
            }
        }
    }

    /// Releases leases as soon as their workers have ended; the others come again at the next step.
    async fn give_up(&mut self, surplus: &[Lease]) {
        let deadline = Instant::now() + FINISH;
        for lease in surplus {
            let place = (lease.name.clone(), lease.partition);
            if let Some(hired) = self.workers.get_mut(&place)
                && timeout_at(deadline, &mut hired.task).await.is_err()
            {
                continue;
            }
            self.workers.remove(&place);
            if let Err(error) = self.config.leases.release(lease).await {
                tracing::warn!(?lease, %error, "a lease cannot be released");
            }
        }
    }

    /// Starts a worker unless one is there, or one of an older epoch has not ended yet.
    fn hire(&mut self, lease: Lease) {
        let place = (lease.name.clone(), lease.partition);
        let named = |projection: &&Arc<dyn Projection>| *schema_of(projection.as_ref()) == *lease.name;
        let Some(projection) = self.config.projections.iter().find(named) else { return };
        if self.workers.contains_key(&place) {
            return;
        }
        tracing::debug!(
            name = &*lease.name,
            partition = lease.partition,
            epoch = lease.epoch,
            "folding begins"
        );
        let stop = CancellationToken::new();
        let worker =
            Worker::new(Arc::clone(&self.config), Arc::clone(projection), lease.clone(), stop.clone());
        let task = tokio::spawn(worker.run());
        self.workers.insert(place, Hired { lease, stop, task });
    }

    /// The same figures in every process: what is parked belongs to none of them.
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a gauge is a float")]
    async fn count_parked(&self) {
        let counts = match parked::counts(self.config.leases.pool()).await {
            Ok(counts) => counts,
            Err(error) => return tracing::debug!(%error, "parked events cannot be counted"),
        };
        for projection in &self.config.projections {
            let name = projection.name();
            let count = counts.iter().find(|(parked, _)| parked == name).map_or(0, |(_, count)| *count);
            metrics::gauge!("stocktrail_projection_parked", "projection" => name).set(count as f64);
        }
    }
}
