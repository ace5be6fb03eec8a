//! How far each projection has come, so that a reader can wait for what it has just written.
//!
//! What this process folds itself is published here by its workers; for what other processes fold
//! [`Positions::follow`] reads the checkpoints.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::projection::Projection;

/// Pause between two looks at the checkpoints while a reader waits.
const HURRY: Duration = Duration::from_millis(10);
/// The same while nobody waits.
const REST: Duration = Duration::from_millis(500);

/// A read model did not come so far in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the read model {projection} stands at {position}, not yet at {wanted}")]
pub struct NotYet {
    /// Which one.
    pub projection: &'static str,
    /// Where it stands.
    pub position: i64,
    /// Where it should stand.
    pub wanted: i64,
}

/// Positions of all projections, cheap to clone.
#[derive(Clone)]
pub struct Positions(Arc<Inner>);

struct Inner {
    places: HashMap<(&'static str, i16), Place>,
    versions: HashMap<String, (&'static str, i32)>,
    waiting: AtomicUsize,
    wanted: Notify,
}

struct Place {
    position: watch::Sender<i64>,
    wanted: Notify,
    /// A worker of this process publishes the position.
    folded_here: AtomicBool,
}

impl Positions {
    /// Knows these projections in so many partitions, all at 0.
    pub fn new(projections: &[Arc<dyn Projection>], partitions: i16) -> Self {
        let place = || Place {
            position: watch::Sender::new(0),
            wanted: Notify::new(),
            folded_here: AtomicBool::new(false),
        };
        let places = projections
            .iter()
            .flat_map(|projection| (0..partitions).map(|partition| ((projection.name(), partition), place())))
            .collect();
        let versions = projections
            .iter()
            .map(|projection| (projection.name().to_owned(), (projection.name(), projection.version())))
            .collect();
        Self(Arc::new(Inner { places, versions, waiting: AtomicUsize::new(0), wanted: Notify::new() }))
    }

    /// Waits until every one of `names` has folded `position` of the partition.
    pub async fn wait(
        &self,
        names: &[&'static str],
        partition: i16,
        position: i64,
        timeout: Duration,
    ) -> Result<(), NotYet> {
        let deadline = tokio::time::Instant::now() + timeout;
        for name in names {
            let Some(place) = self.0.places.get(&(*name, partition)) else { continue };
            let mut seen = place.position.subscribe();
            if *seen.borrow_and_update() >= position {
                continue;
            }
            place.wanted.notify_one();
            let _waiting = Waiting::new(&self.0);
            let reached =
                tokio::time::timeout_at(deadline, seen.wait_for(|at| *at >= position)).await.is_ok();
            if !reached {
                return Err(NotYet {
                    projection: name,
                    position: self.at(name, partition),
                    wanted: position,
                });
            }
        }
        Ok(())
    }

    /// Where a projection stands in a partition; 0 for an unknown one.
    pub fn at(&self, name: &'static str, partition: i16) -> i64 {
        self.0.places.get(&(name, partition)).map_or(0, |place| *place.position.borrow())
    }

    /// Says where a projection stands.
    pub fn publish(&self, name: &'static str, partition: i16, position: i64) {
        if let Some(place) = self.0.places.get(&(name, partition)) {
            place.position.send_if_modified(|at| {
                let moved = *at != position;
                *at = position;
                moved
            });
        }
    }

    /// Says whether a worker of this process publishes where this projection stands.
    pub(crate) fn fold_here(&self, name: &'static str, partition: i16, here: bool) {
        if let Some(place) = self.0.places.get(&(name, partition)) {
            place.folded_here.store(here, Ordering::Release);
        }
    }

    /// Returns when a reader begins to wait for this projection.
    pub(crate) async fn wanted(&self, name: &'static str, partition: i16) {
        match self.0.places.get(&(name, partition)) {
            Some(place) => place.wanted.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Whether a reader waits for this projection.
    pub(crate) fn is_wanted(&self, name: &'static str, partition: i16) -> bool {
        self.0.places.get(&(name, partition)).is_some_and(|place| place.position.receiver_count() > 0)
    }

    /// Reads the checkpoints of what other processes fold: every 10 ms while somebody waits, else twice a second.
    pub async fn follow(self, pool: PgPool, stop: CancellationToken) {
        loop {
            let elsewhere = self.0.places.values().any(|place| !place.folded_here.load(Ordering::Relaxed));
            if elsewhere && let Err(error) = self.read_checkpoints(&pool).await {
                tracing::warn!(%error, "checkpoints cannot be read");
            }
            let hurry = elsewhere && self.0.waiting.load(Ordering::Relaxed) > 0;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(if hurry { HURRY } else { REST }) => {}
                () = self.0.wanted.notified() => {}
            }
        }
    }

    /// Takes up what a checkpoint says, unless a worker of this process knows better.
    fn learn(&self, name: &'static str, partition: i16, position: i64) {
        if let Some(place) = self.0.places.get(&(name, partition)) {
            place.position.send_if_modified(|at| {
                // Asked under the lock, so that a worker which has just begun is not overwritten.
                let moved = *at != position && !place.folded_here.load(Ordering::Acquire);
                if moved {
                    *at = position;
                }
                moved
            });
        }
    }

    async fn read_checkpoints(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let rows: Vec<(String, i32, i16, i64)> = sqlx::query_as(
            "select name, version, partition, position from projections.checkpoints where copy = 'live'",
        )
        .fetch_all(pool)
        .await?;
        for (name, version, partition, position) in rows {
            if let Some((name, _)) = self.0.versions.get(&name).filter(|(_, known)| *known == version) {
                self.learn(name, partition, position);
            }
        }
        Ok(())
    }
}

/// Counts one waiting reader while it lives.
struct Waiting<'a>(&'a Inner);

impl<'a> Waiting<'a> {
    fn new(inner: &'a Inner) -> Self {
        if inner.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            inner.wanted.notify_one();
        }
        Self(inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
