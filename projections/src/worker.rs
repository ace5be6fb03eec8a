//! One projection over one partition.
//!
//! Events of streams that the projection does not fold move its position in memory at once and in the database now and
//! then: folding nothing twice is harmless.

use std::sync::Arc;
use std::time::Duration;

use event_log::event::StoredEvent;
use event_log::read;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{self, Copy, Key};
use crate::projection::{Projection, ProjectionError, schema_of};
use crate::runner::{Block, RunnerConfig};

/// Events of one transaction, about.
const BLOCK_EVENTS: usize = 2_000;
/// How long live blocks are gathered before they are folded, unless a reader waits.
const GATHER: Duration = Duration::from_millis(25);
/// A live block of this size is part of a bulk load, which goes first: folding waits for more of it.
const BULK_EVENTS: usize = 2_000;
/// Events of one transaction while a bulk load runs.
const BULK_BLOCK_EVENTS: usize = 60_000;
/// How long folding gives way to a bulk load, unless a reader waits.
const BULK_GATHER: Duration = Duration::from_millis(2_500);
/// A bulk load that is silent for so long is over.
const BULK_SILENCE: Duration = Duration::from_millis(400);
/// How long a live block may be late before the log is read.
const GRACE: Duration = Duration::from_millis(30);
/// How long a position without relevant events may stay unsaved.
const SAVE_AFTER: Duration = Duration::from_millis(250);
/// Longest pause after a failure.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

pub(crate) struct Worker {
    config: Arc<RunnerConfig>,
    projection: Arc<dyn Projection>,
    partition: i16,
    key: Key,
    begin: String,
    feed: Option<broadcast::Receiver<Block>>,
    /// Folded so far; none before the checkpoint is read.
    position: Option<i64>,
    /// Position of the checkpoint in the database.
    saved: i64,
    unsaved_since: Option<Instant>,
    from_log: bool,
    lag_events: metrics::Gauge,
    lag_seconds: metrics::Gauge,
}

/// What is folded next: everything after the worker's position up to `to`.
struct Fold {
    relevant: Vec<StoredEvent>,
    to: i64,
    newest: Option<chrono::DateTime<chrono::Utc>>,
}

impl Worker {
    pub(crate) fn new(config: Arc<RunnerConfig>, projection: Arc<dyn Projection>, partition: i16) -> Self {
        let name = projection.name();
        let key = Key { name, version: projection.version(), copy: Copy::Live };
        let begin = format!(
            "begin; set local synchronous_commit = off; set local search_path = {}, public",
            schema_of(projection.as_ref())
        );
        let label = partition.to_string();
        Self {
            feed: (config.feeds)(partition),
            config,
            projection,
            partition,
            key,
            begin,
            position: None,
            saved: 0,
            unsaved_since: None,
            from_log: true,
            lag_events: metrics::gauge!("stocktrail_projection_lag_events", "projection" => name, "partition" => label.clone()),
            lag_seconds: metrics::gauge!("stocktrail_projection_lag_seconds", "projection" => name, "partition" => label),
        }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut pause = Duration::from_millis(50);
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return,
                done = self.step() => done,
            };
            let Err(error) = done else {
                pause = Duration::from_millis(50);
                continue;
            };
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(projection = self.key.name, partition = self.partition, position = self.position, %error, source, "projection waits");
            self.position = None;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(MAX_BACKOFF);
        }
    }

    async fn step(&mut self) -> Result<(), ProjectionError> {
        let Some(position) = self.position else { return self.load().await };
        let Some(fold) = self.next(position).await? else { return Ok(()) };
        if fold.relevant.is_empty() && self.unsaved_since.is_none_or(|since| since.elapsed() < SAVE_AFTER) {
            self.unsaved_since.get_or_insert_with(Instant::now);
        } else if !self.commit(&fold).await? {
            self.position = None;
            return Ok(());
        }
        self.arrive(&fold);
        Ok(())
    }

    async fn load(&mut self) -> Result<(), ProjectionError> {
        let mut conn = self.config.pool.acquire().await?;
        self.saved = checkpoint::at(&mut conn, self.key, self.partition).await?;
        self.unsaved_since = None;
        self.position = Some(self.saved);
        self.from_log = true;
        self.config.positions.publish(self.key.name, self.partition, self.saved);
        Ok(())
    }

    /// Folds in one transaction with the checkpoint. False when another process has moved it.
    async fn commit(&mut self, fold: &Fold) -> Result<bool, ProjectionError> {
        let mut tx = self.config.pool.begin_with(self.begin.clone()).await?;
        if !checkpoint::advance(&mut tx, self.key, self.partition, self.saved, fold.to).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        if !fold.relevant.is_empty() {
            self.projection.apply(&mut tx, &fold.relevant).await?;
        }
        tx.commit().await?;
        self.saved = fold.to;
        self.unsaved_since = None;
        Ok(true)
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

    /// What comes after `position`; none when there was only something to note.
    async fn next(&mut self, position: i64) -> Result<Option<Fold>, ProjectionError> {
        if let Some(since) = self.unsaved_since.filter(|since| since.elapsed() >= SAVE_AFTER) {
            tracing::trace!(?since, "position is saved");
            return Ok(Some(Fold { relevant: Vec::new(), to: position, newest: None }));
        }
        if self.from_log || self.feed.is_none() {
            return self.next_from_log(position).await;
        }
        let Some(block) = self.receive(position).await else { return Ok(None) };
        Ok(Some(self.gather(position, &block).await))
    }

    async fn next_from_log(&mut self, position: i64) -> Result<Option<Fold>, ProjectionError> {
        if self.config.heads.at(self.partition) <= position {
            if self.feed.is_some() {
                self.from_log = false;
            } else {
                self.wait_for_head(position).await;
            }
            return Ok(None);
        }
        let mut conn = self.config.pool.acquire().await?;
        let limit = i64::try_from(BLOCK_EVENTS).unwrap_or(i64::MAX);
        let block = read::after(&mut conn, self.partition, position, limit).await?;
        if block.len() < BLOCK_EVENTS {
            self.from_log = self.feed.is_none();
        }
        let Some(last) = block.last() else { return Ok(None) };
        let (to, newest) = (last.position, Some(last.recorded_at));
        let relevant = block.into_iter().filter(|event| self.projection.folds(event)).collect();
        Ok(Some(Fold { relevant, to, newest }))
    }

    /// Until the log is longer than `position`, or it is time to save.
    async fn wait_for_head(&self, position: i64) {
        let Some(mut head) = self.config.heads.subscribe(self.partition) else {
            return std::future::pending().await;
        };
        let longer = head.wait_for(|at| *at > position);
        if self.unsaved_since.is_some() {
            let _ = tokio::time::timeout(SAVE_AFTER, longer).await;
        } else {
            let _ = longer.await;
        }
    }

    /// The next live block that continues at `position`; none when the log must be read or the position be saved.
    async fn receive(&mut self, position: i64) -> Option<Block> {
        let heads = self.config.heads.clone();
        let feed = self.feed.as_mut()?;
        let behind = heads.at(self.partition) > position;
        let wait = if behind { GRACE } else { SAVE_AFTER };
        let mut head = heads.subscribe(self.partition)?;
        let message = tokio::select! {
            biased;
            message = feed.recv() => message,
            () = tokio::time::sleep(wait), if behind || self.unsaved_since.is_some() => {
                self.from_log = behind;
                return None;
            }
            _ = head.wait_for(|at| *at > position), if !behind => return None,
        };
        match message {
            Ok(block) => {
                let (first, last) = (block.first()?.position, block.last()?.position);
                heads.publish(self.partition, last);
                self.from_log = first > position + 1;
                (first <= position + 1 && last > position).then_some(block)
            }
            Err(RecvError::Lagged(_)) => {
                self.from_log = true;
                None
            }
            Err(RecvError::Closed) => {
                self.feed = None;
                None
            }
        }
    }

    /// Adds the live blocks that follow within a few milliseconds (of a bulk load, within moments), none when a reader
    /// waits.
    async fn gather(&mut self, position: i64, block: &Block) -> Fold {
        let mut fold = Fold { relevant: Vec::with_capacity(block.len()), to: position, newest: None };
        self.take(&mut fold, block);
        let bulk = block.len() >= BULK_EVENTS;
        let (most, gather, silence) = if bulk {
            (BULK_BLOCK_EVENTS, BULK_GATHER, BULK_SILENCE)
        } else {
            (BLOCK_EVENTS, GATHER, GATHER)
        };
        let deadline = Instant::now() + gather;
        while fold.relevant.len() < most {
            let Some(feed) = self.feed.as_mut() else { break };
            let message = tokio::select! {
                biased;
                message = feed.recv() => message,
                () = self.config.positions.wanted(self.key.name, self.partition) => break,
                () = tokio::time::sleep_until(deadline.min(Instant::now() + silence)) => break,
            };
            match message {
                Ok(block) if block.first().is_some_and(|event| event.position <= fold.to + 1) => {
                    self.take(&mut fold, &block);
                }
                _ => {
                    self.from_log = true;
                    break;
                }
            }
        }
        self.config.heads.publish(self.partition, fold.to);
        fold
    }

    fn take(&self, fold: &mut Fold, block: &Block) {
        for event in block.iter().filter(|event| event.position > fold.to) {
            if self.projection.folds(event) {
                fold.relevant.push(event.clone());
            }
        }
        if let Some(last) = block.last().filter(|last| last.position > fold.to) {
            fold.to = last.position;
            fold.newest = Some(last.recorded_at);
        }
    }
}
