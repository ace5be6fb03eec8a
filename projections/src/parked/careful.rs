//! Folds what can be folded and parks what cannot.

use event_log::event::StoredEvent;
use sqlx::{Connection, PgConnection};

use super::LeftOut;
use crate::checkpoint::{Copy, Key};
use crate::projection::{Projection, ProjectionError};

/// Whether it is an event that cannot be folded, and not the database that cannot be reached or has no room: only the
/// former fails again however often it is tried.
pub(crate) fn is_poison(error: &ProjectionError) -> bool {
    let ProjectionError::Database(error) = error else {
        return matches!(error, ProjectionError::Event { .. } | ProjectionError::Unfoldable { .. });
    };
    match error {
        sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => true,
        // 21 cardinality violation, 22 data exception, 23 constraint violation, 54 program limit exceeded, P0 raised.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| ["21", "22", "23", "54", "P0"].iter().any(|class| code.starts_with(class))),
        _ => false,
    }
}

/// Position of the event that cannot be folded, where the error names it.
pub(crate) fn place_of(error: &ProjectionError) -> Option<i64> {
    match error {
        ProjectionError::Event { position, .. } | ProjectionError::Unfoldable { position, .. } => {
            Some(*position)
        }
        _ => None,
    }
}

/// Folds events in order into the schema that `search_path` names, halving a block that fails until the event stands
/// alone that cannot be folded; that one is parked. Must run inside a transaction.
pub(crate) async fn fold_carefully(
    conn: &mut PgConnection,
    projection: &dyn Projection,
    events: Vec<StoredEvent>,
    left_out: &mut LeftOut,
) -> Result<(), ProjectionError> {
    let key = Key { name: projection.name(), version: projection.version(), copy: Copy::Live };
    // The next part on top.
    let mut parts = vec![events];
    while let Some(mut part) = parts.pop() {
        part.retain(|event| !left_out.has(event));
        let Some(first) = part.first() else { continue };
        let mut attempt = conn.begin().await?;
        let Err(error) = projection.apply(&mut attempt, &part).await else {
            attempt.commit().await?;
            continue;
        };
        attempt.rollback().await?;
        if !is_poison(&error) || left_out.is_full() {
            return Err(error);
        }
        if part.len() == 1 {
            tracing::error!(
                projection = key.name,
                partition = first.partition,
                position = first.position,
                error = super::in_full(&error),
                "an event cannot be folded and is parked"
            );
            left_out.park(conn, key, first, &error).await?;
        } else {
            let second = part.split_off(part.len() / 2);
            parts.extend([second, part]);
        }
    }
    Ok(())
}
