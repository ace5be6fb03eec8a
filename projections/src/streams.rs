//! Rows that hold one stream each as it stands now: a block is folded onto the rows that it touches, in memory.

use std::collections::{BTreeMap, BTreeSet};

use domain::shared::event::Event;
use event_log::event::StoredEvent;
use uuid::Uuid;

use crate::projection::ProjectionError;

/// Company and id of a stream.
pub(crate) type Key = (Uuid, String);

/// A row that holds one stream.
pub(crate) trait StreamRow: Sized {
    /// The row before the stream's first event, of which this is one.
    fn blank(event: &StoredEvent) -> Self;

    /// Its stream.
    fn key(&self) -> Key;

    /// Version of its stream that it holds.
    fn version(&self) -> i64;
}

/// The events of a block that belong to streams of `E`.
pub(crate) fn of<E: Event>(block: &[StoredEvent]) -> Vec<&StoredEvent> {
    block.iter().filter(|event| &*event.stream_type == E::STREAM_TYPE).collect()
}

/// Folds events onto the rows of their streams and answers the rows that changed. An event at or below a row's version
/// is skipped, so applying twice is applying once.
pub(crate) fn folded<R: StreamRow>(
    rows: Vec<R>,
    events: &[&StoredEvent],
    mut fold: impl FnMut(&mut R, &StoredEvent) -> Result<(), ProjectionError>,
) -> Result<Vec<R>, ProjectionError> {
    let mut rows: BTreeMap<Key, R> = rows.into_iter().map(|row| (row.key(), row)).collect();
    let mut changed = BTreeSet::new();
    for event in events {
        let key = (event.company_id, event.stream_id.as_ref().to_owned());
        let row = rows.entry(key.clone()).or_insert_with(|| R::blank(event));
        if event.version > row.version() {
            fold(row, event)?;
            changed.insert(key);
        }
    }
    rows.retain(|key, _| changed.contains(key));
    Ok(rows.into_values().collect())
}
