//! How far a rebuild has come: told to whoever started it, and kept in a table so that any process can tell.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::Instant;

/// Pause between two notes in the table.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// What a rebuild is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Events are folded in memory and their rows copied in. The only stage whose length can be foretold.
    #[default]
    Loading,
    /// Keys, indexes and statistics are made.
    Indexing,
    /// What was appended meanwhile is folded.
    CatchingUp,
    /// The copies are compared.
    Comparing,
    /// The new copy takes the place of the live one.
    Switching,
    /// It is over.
    Done,
}

impl Stage {
    /// As the table and people name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Indexing => "indexing",
            Self::CatchingUp => "catching_up",
            Self::Comparing => "comparing",
            Self::Switching => "switching",
            Self::Done => "done",
        }
    }
}

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// Events that are folded.
    pub done: i64,
    /// Events to fold.
    pub total: i64,
    /// Events folded a second since this run began.
    pub per_second: i64,
}

impl Progress {
    /// Until the events are folded, at the present rate; none when that cannot be told.
    pub fn remaining(&self) -> Option<Duration> {
        let left = u64::try_from(self.total - self.done).unwrap_or(0);
        let rate = u64::try_from(self.per_second).ok().filter(|rate| *rate > 0)?;
        (self.stage == Stage::Loading).then(|| Duration::from_secs(left.div_ceil(rate)))
    }
}

/// Takes note of progress.
#[derive(Clone)]
pub(super) struct Teller(Arc<Inner>);

struct Inner {
    told: watch::Sender<Progress>,
    /// When this run began to fold, and what earlier runs had folded.
    begun: Mutex<(Instant, i64)>,
}

impl Teller {
    pub(super) fn new(told: watch::Sender<Progress>) -> Self {
        Self(Arc::new(Inner { told, begun: Mutex::new((Instant::now(), 0)) }))
    }

    /// Begins with `total` events, of which an earlier run has folded `before`.
    pub(super) fn begin(&self, before: i64, total: i64) {
        *self.0.begun.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), before);
        self.0.told.send_modify(|progress| {
            *progress = Progress { stage: Stage::Loading, done: before, total, per_second: 0 };
        });
    }

    /// So many more events are folded.
    pub(super) fn folded(&self, events: usize) {
        let events = i64::try_from(events).unwrap_or(i64::MAX);
        let (begun, before) = *self.0.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let micros = i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX).max(1);
        self.0.told.send_modify(|progress| {
            progress.done += events;
            progress.total = progress.total.max(progress.done);
            progress.per_second = (progress.done - before).saturating_mul(1_000_000) / micros;
        });
    }

    /// Something else is done now.
    pub(super) fn stage(&self, stage: Stage) {
        self.0.told.send_modify(|progress| progress.stage = stage);
    }

    /// How far it has come.
    pub(super) fn now(&self) -> Progress {
        *self.0.told.borrow()
    }

    /// Keeps the table up to date until it is dropped.
    pub(super) async fn keep(self, pool: PgPool, name: &'static str, version: i32) {
        let mut news = self.0.told.subscribe();
        loop {
            let progress = *news.borrow_and_update();
            if let Err(error) = note(&pool, name, version, progress).await {
                tracing::warn!(%error, "the progress of a rebuild cannot be noted");
            }
            let stage = progress.stage;
            let turn = news.wait_for(|now| now.stage != stage);
            let _due_or_turned = tokio::time::timeout(NOTE_EVERY, turn).await;
        }
    }
}

async fn note(
    pool: &PgPool,
    name: &'static str,
    version: i32,
    progress: Progress,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update projections.rebuilds
         set stage = $3, events_done = $4, events_total = $5, events_per_second = $6, updated_at = clock_timestamp()
         where name = $1 and version = $2 and finished_at is null",
    )
    .bind(name)
    .bind(version)
    .bind(progress.stage.name())
    .bind(progress.done)
    .bind(progress.total)
    .bind(progress.per_second)
    .execute(pool)
    .await?;
    Ok(())
}
