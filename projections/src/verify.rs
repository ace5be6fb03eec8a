//! Proves a read model: folds it again from zero and compares every table with the live one at the same positions.
//!
//! Everything happens in one snapshot that is rolled back, so the live copy goes on meanwhile.

use event_log::read;
use serde::Serialize;
use sqlx::{Connection, PgConnection, PgPool};

use crate::checkpoint::{self, Copy, Key};
use crate::compare::{TableComparison, compare};
use crate::install::create_copy;
use crate::parked::LeftOut;
use crate::projection::{Projection, ProjectionError, schema_of};

/// Serialises verifications: their scratch schemas share a name.
const VERIFY_LOCK: i64 = 0x5354_4f43_4b56_4552;

/// Events that are folded at once.
const BLOCK_EVENTS: i64 = 5_000;

/// What a fresh fold showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Projection.
    pub projection: &'static str,
    /// Version of its tables.
    pub version: i32,
    /// Positions up to which both copies were folded, by partition.
    pub positions: Vec<(i16, i64)>,
    /// Every table.
    pub tables: Vec<TableComparison>,
    /// Streams that both copies leave out because an event of theirs cannot be folded: see [`crate::parked`].
    pub parked: usize,
    /// Events that both copies leave out for good.
    pub skipped: usize,
}

impl Verification {
    /// Whether the live tables equal the fresh fold.
    pub fn is_equal(&self) -> bool {
        self.tables.iter().all(TableComparison::is_equal)
    }
}

/// Folds a projection afresh as the owner and compares. `only_first` of the tables counts rows of the live copy.
pub async fn verify(owner: &PgPool, projection: &dyn Projection) -> Result<Verification, ProjectionError> {
    let mut conn = owner.acquire().await?;
    let mut tx = conn.begin_with("begin isolation level repeatable read").await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(VERIFY_LOCK).execute(&mut *tx).await?;
    let live = schema_of(projection);
    let scratch = format!("{live}__verify");
    let key = Key { name: projection.name(), version: projection.version(), copy: Copy::Live };
    let positions = checkpoint::all(&mut tx, key, false).await?;
    create_copy(&mut tx, projection, &scratch).await?;
    let (mut parked, mut skipped) = (0, 0);
    for (partition, to) in &positions {
        let counts = LeftOut::read(&mut tx, key, *partition).await?.counts();
        (parked, skipped) = (parked + counts.0, skipped + counts.1);
        fold_range(&mut tx, projection, *partition, 0, *to).await?;
    }
    let tables = compare(&mut tx, &live, &scratch).await?;
    tx.rollback().await?;
    let (projection, version) = (projection.name(), projection.version());
    Ok(Verification { projection, version, positions, tables, parked, skipped })
}

/// Folds the events of one partition after `from` up to `to` into the schema that `search_path` names, but for those
/// that the live copy leaves out.
pub(crate) async fn fold_range(
    conn: &mut PgConnection,
    projection: &dyn Projection,
    partition: i16,
    from: i64,
    to: i64,
) -> Result<(), ProjectionError> {
    let key = Key { name: projection.name(), version: projection.version(), copy: Copy::Live };
    let left_out = LeftOut::read(conn, key, partition).await?;
    let mut position = from;
    while position < to {
        let mut block = read::after(conn, partition, position, BLOCK_EVENTS.min(to - position)).await?;
        let Some(last) = block.last() else { break };
        position = last.position;
        block.retain(|event| projection.folds(event) && event.position <= to && !left_out.has(event));
        if !block.is_empty() {
            projection.apply(conn, &block).await?;
        }
    }
    Ok(())
}
