//! One projection over one partition, for as long as this process holds its lease.
//!
//! Events of streams that the projection does not fold move its position in memory at once and in the database now and
//! then: folding nothing twice is harmless.

use std::sync::Arc;
use std::time::Duration;

use event_log::event::StoredEvent;
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{self, Copy, Key};
use crate::lease::Lease;
use crate::parked::{self, LeftOut};
use crate::projection::{Projection, ProjectionError, schema_of};
use crate::runner::{Block, RunnerConfig};

mod intake;

/// How long a position without relevant events may stay unsaved.
const SAVE_AFTER: Duration = Duration::from_millis(250);
/// Shortest pause after a failure.
const MIN_BACKOFF: Duration = Duration::from_millis(50);
/// Pause between looks for a live copy while the first of its version is being built.
const UNTIL_BUILT: Duration = Duration::from_millis(200);
/// Longest pause after a failure.
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// How long a projection that gives way to others rests, in terms of how long it worked.
const REST: u32 = 4;
/// Longest rest of a projection that gives way to others.
const MAX_REST: Duration = Duration::from_secs(2);
/// How long PostgreSQL waits for a silent worker in the middle of a transaction before it rolls back: a process that was
/// stopped there must not keep its successor out.
const SILENCE: &str = "5s";

pub(crate) struct Worker {
    config: Arc<RunnerConfig>,
    projection: Arc<dyn Projection>,
    partition: i16,
    key: Key,
    lease: Lease,
    begin: String,
    feed: Option<broadcast::Receiver<Block>>,
    /// Folded so far; none before the checkpoint is read.
    position: Option<i64>,
    /// Position of the checkpoint in the database.
    saved: i64,
    unsaved_since: Option<Instant>,
    /// Until when a projection that gives way rests.
    rests_until: Instant,
    from_log: bool,
    left_out: LeftOut,
    /// Asks to end; what is in hand is still folded.
    stop: CancellationToken,
    lag_events: metrics::Gauge,
    lag_seconds: metrics::Gauge,
    refused: metrics::Counter,
}

/// What is folded next: everything after the worker's position up to `to`.
struct Fold {
    relevant: Vec<StoredEvent>,
    /// Something was left out: only the checkpoint tells whether it still is to be.
    left_out: bool,
    to: i64,
    newest: Option<chrono::DateTime<chrono::Utc>>,
}

/// What a step led to.
#[derive(PartialEq, Eq)]
enum Step {
    /// There is more to do.
    On,
    /// The lease is somebody else's.
    Replaced,
}

impl Worker {
    pub(crate) fn new(
        config: Arc<RunnerConfig>,
        projection: Arc<dyn Projection>,
        lease: Lease,
        stop: CancellationToken,
    ) -> Self {
        let (name, partition) = (projection.name(), lease.partition);
        let key = Key { name, version: projection.version(), copy: Copy::Live };
        let begin = format!(
            "begin; set local synchronous_commit = off; set local search_path = {}, public;
             set local idle_in_transaction_session_timeout = '{SILENCE}'",
            schema_of(projection.as_ref())
        );
        let label = partition.to_string();
        Self {
            feed: (config.feeds)(partition),
            lag_events: metrics::gauge!("stocktrail_projection_lag_events", "projection" => name, "partition" => label.clone()),
            lag_seconds: metrics::gauge!("stocktrail_projection_lag_seconds", "projection" => name, "partition" => label.clone()),
            refused: metrics::counter!("stocktrail_projection_refused_total", "projection" => name, "partition" => label),
            config,
            projection,
            partition,
            key,
            lease,
            begin,
            position: None,
            saved: 0,
            unsaved_since: None,
            rests_until: Instant::now(),
            from_log: true,
            left_out: LeftOut::default(),
            stop,
        }
    }

    /// Folds until it is asked to stop or the lease is lost.
    pub(crate) async fn run(mut self) {
        let mut pause = MIN_BACKOFF;
        while !self.stop.is_cancelled() {
            let error = match self.step().await {
                Ok(Step::Replaced) => break,
                Ok(Step::On) => {
                    pause = MIN_BACKOFF;
                    continue;
                }
                Err(error) => error,
            };
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(projection = self.key.name, partition = self.partition, position = self.position, %error, source, "projection waits");
            self.position = None;
            self.rest(pause).await;
            pause = (pause * 2).min(MAX_BACKOFF);
        }
        self.save_at_last().await;
        self.config.positions.fold_here(self.key.name, self.partition, false);
        self.lag_events.set(0.0);
        self.lag_seconds.set(0.0);
    }

    async fn step(&mut self) -> Result<Step, ProjectionError> {
        let Some(position) = self.position else { return self.load().await };
        let Some(fold) = self.next(position).await? else { return Ok(Step::On) };
        let began = Instant::now();
        let may_wait = fold.relevant.is_empty() && !fold.left_out;
        if may_wait && self.unsaved_since.is_none_or(|since| since.elapsed() < SAVE_AFTER) {
            self.unsaved_since.get_or_insert_with(Instant::now);
        } else if !self.commit(&fold).await? {
            return self.look_again().await;
        }
        self.arrive(&fold);
        if self.projection.gives_way() {
            self.rests_until = Instant::now() + (began.elapsed() * REST).min(MAX_REST);
        }
        Ok(Step::On)
    }

    /// Makes sure that nobody who held the lease before writes any more, and goes on where the checkpoint stands.
    async fn load(&mut self) -> Result<Step, ProjectionError> {
        let mut conn = self.config.pool.acquire().await?;
        let Some(saved) = checkpoint::take_over(&mut conn, self.key, &self.lease).await? else {
            if checkpoint::at(&mut conn, self.key, self.partition).await?.is_some() {
                return Ok(Step::Replaced);
            }
            drop(conn);
            self.rest(UNTIL_BUILT).await;
            return Ok(Step::On);
        };
        self.left_out = LeftOut::read(&mut conn, self.key, self.partition).await?;
        self.saved = saved;
        self.unsaved_since = None;
        self.position = Some(saved);
        self.from_log = true;
        self.config.positions.fold_here(self.key.name, self.partition, true);
        self.config.positions.publish(self.key.name, self.partition, saved);
        Ok(Step::On)
    }

    /// Does nothing for a while.
    async fn rest(&self, pause: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// A write was refused: the copy is another one now, or so is the holder.
    async fn look_again(&mut self) -> Result<Step, ProjectionError> {
        self.position = None;
        let step = self.load().await?;
        if step == Step::Replaced {
            self.refused.increment(1);
            tracing::warn!(
                projection = self.key.name,
                partition = self.partition,
                epoch = self.lease.epoch,
                "a fold was refused: the lease has another epoch"
            );
        }
        Ok(step)
    }

    /// Folds in one transaction with the checkpoint. False when that was refused.
    async fn commit(&mut self, fold: &Fold) -> Result<bool, ProjectionError> {
        let Some(mut tx) = self.advance(fold.to).await? else { return Ok(false) };
        if !fold.relevant.is_empty() {
            match self.apply(&mut tx, &fold.relevant).await {
                Err(error) if parked::is_poison(&error) => {
                    tx.rollback().await?;
                    return self.commit_carefully(fold).await;
                }
                applied => applied?,
            }
        }
        self.end(tx, fold.to).await?;
        Ok(true)
    }

    /// Folds events. A projection that gives way reckons for long without a pause: where the runtime has several threads,
    /// it leaves this one to another that serves everybody else meanwhile.
    async fn apply(&self, conn: &mut PgConnection, events: &[StoredEvent]) -> Result<(), ProjectionError> {
        let applied = self.projection.apply(conn, events);
        let runtime = Handle::current();
        if self.projection.gives_way() && runtime.runtime_flavor() == RuntimeFlavor::MultiThread {
            return tokio::task::block_in_place(|| runtime.block_on(applied));
        }
        applied.await
    }

    /// The same where an event cannot be folded: it is found and parked, the others are folded.
    async fn commit_carefully(&mut self, fold: &Fold) -> Result<bool, ProjectionError> {
        let Some(mut tx) = self.advance(fold.to).await? else { return Ok(false) };
        let folding = self.projection.as_ref();
        parked::fold_carefully(&mut tx, folding, fold.relevant.clone(), &mut self.left_out).await?;
        self.end(tx, fold.to).await?;
        Ok(true)
    }

    /// Begins the transaction that moves the checkpoint. None when that is refused.
    async fn advance(&self, to: i64) -> Result<Option<Transaction<'static, Postgres>>, ProjectionError> {
        let mut tx = self.config.pool.begin_with(self.begin.clone()).await?;
        let range = (self.saved, to);
        if checkpoint::advance(&mut tx, self.key, self.partition, self.lease.epoch, range).await? {
            return Ok(Some(tx));
        }
        tx.rollback().await?;
        Ok(None)
    }

    async fn end(&mut self, tx: Transaction<'static, Postgres>, to: i64) -> Result<(), ProjectionError> {
        tx.commit().await?;
        self.saved = to;
        self.unsaved_since = None;
        Ok(())
    }

    /// Saves a position that stands in memory only, so that a successor need not read those events again.
    async fn save_at_last(&mut self) {
        let Some(to) = self.position.filter(|position| *position > self.saved) else { return };
        let saved = match self.advance(to).await {
            Ok(Some(tx)) => self.end(tx, to).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            tracing::debug!(projection = self.key.name, partition = self.partition, %error, "a position was not saved");
        }
    }

    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a gauge is a float")]
    fn arrive(&mut self, fold: &Fold) {
        self.position = Some(fold.to);
        self.config.positions.publish(self.key.name, self.partition, fold.to);
        let behind = self.config.heads.at(self.partition) - fold.to;
        self.lag_events.set(behind.max(0) as f64);
        let age = fold.newest.filter(|_| behind > 0).map(|at| ((self.config.now)() - at).as_seconds_f64());
        self.lag_seconds.set(age.unwrap_or(0.0));
    }
}
