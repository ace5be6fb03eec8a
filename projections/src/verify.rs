//! Proves a read model: folds it again from zero and compares every table with the live one at the same events.
//!
//! The fresh fold is a copy as a rebuild makes it, and is discarded. The live copy goes on meanwhile: it is looked at in
//! one snapshot.

use std::sync::Arc;

use event_log::archive::Archive;
use serde::Serialize;
use sqlx::PgPool;

use crate::compare::TableComparison;
use crate::projection::{Projection, ProjectionError};
use crate::rebuild;

/// What a fresh fold showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Projection.
    pub projection: &'static str,
    /// Version of its tables.
    pub version: i32,
    /// Positions up to which both copies were folded, by partition; none when there is no live copy.
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

/// Folds a projection afresh as the owner and compares. `only_first` of the tables counts rows of the live copy. Waits
/// for a rebuild that is under way.
pub async fn verify(
    owner: &PgPool,
    projection: &Arc<dyn Projection>,
) -> Result<Verification, ProjectionError> {
    verify_across(owner, projection, &Archive::default()).await
}

/// The same across archived and live events.
pub async fn verify_across(
    owner: &PgPool,
    projection: &Arc<dyn Projection>,
    archive: &Archive,
) -> Result<Verification, ProjectionError> {
    let rebuild::Rebuild { projection, version, positions, tables, parked, skipped, .. } =
        rebuild::check(owner, projection, archive).await?;
    Ok(Verification { projection, version, positions, tables, parked, skipped })
}
