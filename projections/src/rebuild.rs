//! Makes copies of a projection from the log while the live one goes on: to mend it, to prove it, to have a new version.
//!
//! Read in this order: [`rebuild`] and its relatives here, then `work` (the steps of one run), `copies` (names, locks,
//! which copy is compared with), `load` (reading, folding and writing side by side), `keys` (indexes are made after the
//! rows), `catch_up`, `switch`, `progress`. A run works on threads of its own (`apart`).
//!
//! The steps: load every partition up to where the live copy stands; make keys and indexes; fold what has come
//! meanwhile; compare with the live copy at exactly the same events; take its place. The live copy never stands still
//! but for some milliseconds at the end. The former copy stays as `<schema>__old` until the next rebuild.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use event_log::archive::Archive;
use serde::Serialize;
use sqlx::PgPool;
use tokio::sync::watch;

use crate::checkpoint::Copy;
use crate::compare::TableComparison;
use crate::projection::{Projection, ProjectionError};
use work::{Purpose, Work};

mod apart;
mod pace;
mod progress;
mod copies;
mod keys;
mod load;
mod catch_up;
mod switch;
mod work;

pub(crate) use copies::{MAKING, keep_out};
pub use progress::{Progress, Stage};

/// How a copy is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Compare only; the new copy is discarded.
    pub diff_only: bool,
    /// Events folded a second at most. None: as fast as it goes, but 100,000 while people read and write.
    pub max_rate: Option<u32>,
    /// Partitions that are read at the same time, and threads that fold them.
    pub connections: usize,
    /// Hears of progress; subscribe before.
    pub progress: watch::Sender<Progress>,
    /// Where archived events are; without it a log that has some is refused.
    pub archive: Archive,
}

impl Default for Options {
    fn default() -> Self {
        let processors = available_parallelism().map_or(2, NonZero::get);
        Self {
            diff_only: false,
            max_rate: None,
            connections: processors.clamp(1, 4),
            progress: watch::Sender::new(Progress::default()),
            archive: Archive::default(),
        }
    }
}

/// What became of a rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rebuild {
    /// Projection.
    pub projection: &'static str,
    /// Version of its tables.
    pub version: i32,
    /// Version of the live copy that it was compared with; none where nothing was there to compare with.
    pub compared_with: Option<i32>,
    /// Positions up to which events were folded (and the copies compared), by partition.
    pub positions: Vec<(i16, i64)>,
    /// Every table; `first` is the copy that was live before.
    pub tables: Vec<TableComparison>,
    /// Streams that both copies leave out because an event of theirs cannot be folded: see [`crate::parked`].
    pub parked: usize,
    /// Events that both copies leave out for good.
    pub skipped: usize,
    /// Whether the new copy is live now; else it was discarded.
    pub switched: bool,
    /// Milliseconds for which folding stood still, so that the new copy could take the place of the live one.
    pub pause_ms: Option<u64>,
}

/// Rebuilds as the owner. Where no copy of this version is live, the new one is compared with that of the newest former
/// version and comes to life beside it. A run that was interrupted is taken up.
pub async fn rebuild(
    owner: &PgPool,
    projection: &Arc<dyn Projection>,
    options: Options,
) -> Result<Rebuild, ProjectionError> {
    let purpose = if options.diff_only { Purpose::Compare } else { Purpose::Replace };
    run(owner, projection, Copy::Next, purpose, options).await
}

/// Makes the first copy of a version from a log that has long begun, and brings it to life. Waits when another process
/// does so; nothing is done when there is one.
pub async fn build(
    owner: &PgPool,
    projection: &Arc<dyn Projection>,
    options: Options,
) -> Result<Rebuild, ProjectionError> {
    run(owner, projection, Copy::Next, Purpose::Begin, options).await
}

/// Folds afresh, compares, and discards; beside a rebuild, not in place of one.
pub(crate) async fn check(
    owner: &PgPool,
    projection: &Arc<dyn Projection>,
    archive: &Archive,
) -> Result<Rebuild, ProjectionError> {
    let options = Options { archive: archive.clone(), ..Options::default() };
    run(owner, projection, Copy::Check, Purpose::Check, options).await
}

/// Puts the copy of before the last rebuild back, once it has folded what it missed; some of that may be archived since.
/// False when there is none.
pub async fn rollback(
    owner: &PgPool,
    projection: &Arc<dyn Projection>,
    archive: &Archive,
) -> Result<bool, ProjectionError> {
    let options = Options { archive: archive.clone(), ..Options::default() };
    let done = run(owner, projection, Copy::Old, Purpose::RollBack, options).await?;
    Ok(done.switched)
}

async fn run(
    owner: &PgPool,
    projection: &Arc<dyn Projection>,
    copy: Copy,
    purpose: Purpose,
    options: Options,
) -> Result<Rebuild, ProjectionError> {
    let (connect, projection) = (owner.connect_options(), Arc::clone(projection));
    let threads = options.connections.max(1);
    apart::apart(threads, move || async move {
        let work = Work::new(&connect, projection, copy, options);
        let done = work.run(purpose).await;
        work.close().await;
        done
    })
    .await
}
