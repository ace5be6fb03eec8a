//! The one path for commands: one committer per partition of the log.
//!
//! Callers put submissions into a bounded queue. The committer takes everything that waits, decides it in order in
//! memory, appends the batch in one round trip and answers each caller; while one append is under way the next batch
//! fills by itself. A full queue is answered with [`SubmitError::Busy`] at once. Where several processes commit to one
//! partition, one of them does it for all (`lead`).

mod error;
mod answer;
mod decider;
mod inbox;
mod lead;
mod link;
mod load;
mod snapshots;
mod worker;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use event_log::event::{StoredEvent, partition_of};
use sqlx::PgPool;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, Ids};
use crate::committer::inbox::Inbox;
use crate::committer::lead::{Keeper, Route};
use crate::operation::{Receipt, Submission, SubmitError};

/// Submissions that may wait per partition.
const QUEUE: usize = 8_192;
/// Blocks that a slow projection may lag behind before it reads the log instead.
const FEED: usize = 256;

/// What a committer needs.
#[derive(Debug, Clone)]
pub struct CommitterConfig {
    /// Connections of the role `stocktrail_committer`; two per partition and one more is enough.
    pub pool: PgPool,
    /// Number of partitions of the log.
    pub partitions: i16,
    /// The server's clock.
    pub clock: Clock,
    /// Write a snapshot each time a stock stream passes a multiple of this many events.
    pub snapshot_every: i64,
    /// Address of this process at which others hand their commands over while it commits for them; an unspecified one
    /// listens everywhere. They connect to it without encryption. None: it takes turns with them.
    pub listen: Option<IpAddr>,
}

/// The committers of all partitions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Committers {
    partitions: Arc<[Partition]>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Keep the routes of the partitions; they end before the committers do.
    keepers: TaskTracker,
    alone: CancellationToken,
}

#[derive(Debug)]
struct Partition {
    queue: mpsc::Sender<Job>,
    route: Arc<Route>,
    feed: broadcast::Sender<Arc<[StoredEvent]>>,
    head: Arc<AtomicI64>,
}

/// A submission that waits for its receipt.
#[derive(Debug)]
struct Job {
    submission: Submission,
    answer: oneshot::Sender<Result<Receipt, SubmitError>>,
}

impl Committers {
    /// Starts one committer per partition.
    pub fn start(config: &CommitterConfig) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (keepers, alone) = (TaskTracker::new(), CancellationToken::new());
        let holder = Ids.next();
        let partitions = (0..config.partitions).map(|partition| {
            let (queue, jobs) = mpsc::channel(QUEUE);
            let (feed, _) = broadcast::channel(FEED);
            let (route, head) = (Arc::new(Route::default()), Arc::new(AtomicI64::new(0)));
            let worker =
                worker::Worker::new(config.clone(), partition, feed.clone(), head.clone(), route.clone());
            tasks.spawn(worker.run(Inbox::new(jobs, stop.clone())));
            if let Some(listen) = config.listen {
                let (pool, route, queue) = (config.pool.clone(), route.clone(), queue.downgrade());
                let keeper = Keeper { partition, pool, holder, listen, route, queue, stop: alone.clone() };
                keepers.spawn(keeper.run());
            }
            Partition { queue, route, feed, head }
        });
        let partitions = partitions.collect();
        tasks.close();
        keepers.close();
        Self { partitions, tasks, stop, keepers, alone }
    }

    /// Hands a submission over and waits until its events are durable.
    pub async fn submit(&self, submission: Submission) -> Result<Receipt, SubmitError> {
        let partition = self.partition(submission.company_id.0)?;
        if let Some(answer) = partition.route.hand_over(&submission).await {
            if let Ok(receipt) = &answer {
                partition.head.fetch_max(receipt.position, Ordering::AcqRel);
            }
            return answer;
        }
        let (answer, receipt) = oneshot::channel();
        partition.queue.try_send(Job { submission, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Busy { retry_after_seconds: 1 },
            mpsc::error::TrySendError::Closed(_) => SubmitError::Unavailable,
        })?;
        receipt.await.unwrap_or(Err(SubmitError::Unavailable))
    }

    /// Number of the partition that holds a company.
    pub fn partition_of(&self, company_id: uuid::Uuid) -> i16 {
        partition_of(company_id, i16::try_from(self.partitions.len()).unwrap_or(1))
    }

    /// Blocks of events as this process appends or learns them, in order, from now on. A lagging reader turns to the
    /// log.
    pub fn feed(&self, partition: i16) -> Option<broadcast::Receiver<Arc<[StoredEvent]>>> {
        usize::try_from(partition)
            .ok()
            .and_then(|number| self.partitions.get(number))
            .map(|p| p.feed.subscribe())
    }

    /// Newest position that this process knows of in a company's partition.
    pub fn head(&self, company_id: uuid::Uuid) -> i64 {
        self.partition(company_id).map_or(0, |partition| partition.head.load(Ordering::Acquire))
    }

    /// Lets waiting submissions finish, then stops.
    pub async fn stop(&self) {
        self.alone.cancel();
        self.keepers.wait().await;
        self.stop.cancel();
        self.tasks.wait().await;
    }

    fn partition(&self, company_id: uuid::Uuid) -> Result<&Partition, SubmitError> {
        usize::try_from(self.partition_of(company_id))
            .ok()
            .and_then(|number| self.partitions.get(number))
            .ok_or(SubmitError::Unavailable)
    }
}
