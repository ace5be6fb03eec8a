//! Snapshots of long stock streams, written beside the next batches. They are a shortcut, never the truth.

use std::collections::HashSet;

use domain::shared::event::Event;
use domain::stock::{StockEvent, StockItem};
use event_log::event::{StoredEvent, StreamKey};
use event_log::snapshot::{self, Snapshot};
use sqlx::PgPool;
use uuid::Uuid;

use crate::committer::error::CommitError;
use crate::workspace::Memory;

/// Fingerprint of stock states of today's shape.
pub(super) fn stock_fingerprint() -> Uuid {
    snapshot::fingerprint(StockEvent::STREAM_TYPE, StockItem::SHAPE)
}

/// Snapshots of the stock streams that passed a multiple of `every` events with these events, the last of which stands
/// at `position`.
pub(super) fn due(memory: &Memory, events: &[StoredEvent], every: i64, position: i64) -> Vec<Snapshot> {
    let mut streams = HashSet::new();
    let passed = events.iter().filter(|event| {
        event.stream_type.as_ref() == StockEvent::STREAM_TYPE
            && event.version % every.max(1) == 0
            && streams.insert((event.company_id, event.stream_id.clone()))
    });
    passed
        .filter_map(|event| {
            let cached = memory.get(&event.company_id)?.stock(&event.stream_id)?;
            let state = serde_json::to_string(&cached.state).ok()?;
            let stream = StreamKey {
                company_id: event.company_id,
                stream_type: StockEvent::STREAM_TYPE,
                stream_id: event.stream_id.clone(),
            };
            Some(Snapshot { stream, version: cached.version, position, state })
        })
        .collect()
}

/// Saves snapshots; failing costs nothing but longer loads.
pub(super) async fn save(pool: PgPool, partition: i16, snapshots: Vec<Snapshot>) {
    if let Err(error) = try_save(&pool, partition, &snapshots).await {
        tracing::warn!(partition, error = ?error, "snapshots were not saved; streams load from events");
    }
}

async fn try_save(pool: &PgPool, partition: i16, snapshots: &[Snapshot]) -> Result<(), CommitError> {
    let mut connection = pool.acquire().await?;
    Ok(snapshot::save(&mut connection, partition, stock_fingerprint(), snapshots).await?)
}
