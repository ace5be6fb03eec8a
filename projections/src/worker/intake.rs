//! Where a worker's events come from: live blocks of a committer in the same process, or the log.

use std::time::Duration;

use event_log::event::StoredEvent;
use event_log::read;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::{Fold, SAVE_AFTER, Worker};
use crate::projection::ProjectionError;
use crate::runner::Block;

/// Events of one transaction, about.
const BLOCK_EVENTS: usize = 2_000;
/// How long live blocks are gathered before they are folded, unless a reader waits.
const GATHER: Duration = Duration::from_millis(25);
/// Events of one transaction of a projection that rests in between.
const RESTED_BLOCK_EVENTS: usize = 10_000;
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

impl Worker {
    /// What comes after `position`; none when there was only something to note.
    pub(super) async fn next(&mut self, position: i64) -> Result<Option<Fold>, ProjectionError> {
        if let Some(since) = self.unsaved_since.filter(|since| since.elapsed() >= SAVE_AFTER) {
            tracing::trace!(?since, "position is saved");
            return Ok(Some(Fold { relevant: Vec::new(), left_out: false, to: position, newest: None }));
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
        self.give_way().await;
        let most = self.most_events();
        let mut conn = self.config.pool.acquire().await?;
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let block = read::after(&mut conn, self.partition, position, limit).await?;
        if block.len() < most {
            self.from_log = self.feed.is_none();
        }
        let Some(last) = block.last() else { return Ok(None) };
        let (to, newest) = (last.position, Some(last.recorded_at));
        let mut fold = Fold { relevant: Vec::new(), left_out: false, to, newest };
        let relevant = block.into_iter().filter(|event| self.folds(&mut fold, event)).collect();
        Ok(Some(Fold { relevant, ..fold }))
    }

    /// Events of one transaction.
    fn most_events(&self) -> usize {
        if self.projection.gives_way() { RESTED_BLOCK_EVENTS } else { BLOCK_EVENTS }
    }

    /// When the projection has rested: now, where a reader waits.
    fn rested(&self) -> Instant {
        let is_wanted = self.config.positions.is_wanted(self.key.name, self.partition);
        if is_wanted { Instant::now() } else { self.rests_until }
    }

    /// Until a projection that gives way has rested, unless a reader waits.
    async fn give_way(&self) {
        tokio::select! {
            () = tokio::time::sleep_until(self.rested()) => {}
            () = self.config.positions.wanted(self.key.name, self.partition) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Until the log is longer than `position`, or it is time to save or to stop.
    async fn wait_for_head(&self, position: i64) {
        let Some(mut head) = self.config.heads.subscribe(self.partition) else {
            return self.stop.cancelled().await;
        };
        tokio::select! {
            _ = head.wait_for(|at| *at > position) => {}
            () = tokio::time::sleep(SAVE_AFTER), if self.unsaved_since.is_some() => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// The next live block that continues at `position`; none when the log must be read, the position be saved, or it
    /// is time to stop.
    async fn receive(&mut self, position: i64) -> Option<Block> {
        let heads = self.config.heads.clone();
        let feed = self.feed.as_mut()?;
        let behind = heads.at(self.partition) > position;
        let wait = if behind { GRACE } else { SAVE_AFTER };
        let mut head = heads.subscribe(self.partition)?;
        let message = tokio::select! {
            biased;
            message = feed.recv() => message,
            () = self.stop.cancelled() => return None,
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

    /// Adds the live blocks that follow within a few milliseconds (of a bulk load, within moments) or while the projection
    /// rests, none when a reader waits.
    async fn gather(&mut self, position: i64, block: &Block) -> Fold {
        let relevant = Vec::with_capacity(block.len());
        let mut fold = Fold { relevant, left_out: false, to: position, newest: None };
        self.take(&mut fold, block);
        let bulk = block.len() >= BULK_EVENTS;
        let (most, gather, silence) = if bulk {
            (BULK_BLOCK_EVENTS, BULK_GATHER, BULK_SILENCE)
        } else {
            (self.most_events(), GATHER, GATHER)
        };
        let rested = self.rested();
        let deadline = rested.max(Instant::now() + gather);
        while fold.relevant.len() < most {
            let Some(feed) = self.feed.as_mut() else { break };
            let message = tokio::select! {
                biased;
                message = feed.recv() => message,
                () = self.stop.cancelled() => break,
                () = self.config.positions.wanted(self.key.name, self.partition) => break,
                () = tokio::time::sleep_until(deadline.min(rested.max(Instant::now() + silence))) => break,
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
        let from = fold.to;
        for event in block.iter().filter(|event| event.position > from) {
            if self.folds(fold, event) {
                fold.relevant.push(event.clone());
            }
        }
        if let Some(last) = block.last().filter(|last| last.position > fold.to) {
            fold.to = last.position;
            fold.newest = Some(last.recorded_at);
        }
    }

    /// Whether an event is to be folded; notes what is left out.
    fn folds(&self, fold: &mut Fold, event: &StoredEvent) -> bool {
        let relevant = self.projection.folds(event);
        let left_out = relevant && self.left_out.has(event);
        fold.left_out |= left_out;
        relevant && !left_out
    }
}
