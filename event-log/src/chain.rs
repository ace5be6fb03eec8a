//! The hash chain: what makes a changed log visible.
//!
//! Every event has a SHA-256 over each of its columns; every batch has one over the batch before it and the hashes
//! of its events. `log_batch` keeps the batch's hash and, per event, a mark: the first 8 bytes of the event's hash.
//! The chain proves that something was changed, the marks tell which event it was.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::event::StoredEvent;

/// Bytes of one event's mark.
pub const MARK_BYTES: usize = 8;

/// Hash of a partition without events.
pub const GENESIS: [u8; 32] = [0; 32];

/// Hash of a batch: over the hash of the batch before, its number, the number of its events and their hashes.
pub fn batch_hash(prev: &[u8; 32], batch: i64, events: &[StoredEvent]) -> [u8; 32] {
    chain_hash(prev, batch, events.iter().map(event_hash))
}

/// Hash and marks of a batch in one pass over its events.
pub(crate) fn seal(prev: &[u8; 32], batch: i64, events: &[StoredEvent]) -> ([u8; 32], Vec<u8>) {
    let hashes: Vec<[u8; 32]> = events.iter().map(event_hash).collect();
    let marks = hashes.iter().flat_map(mark).collect();
    (chain_hash(prev, batch, hashes.into_iter()), marks)
}

/// As [`batch_hash`], from the hashes of the events.
pub(crate) fn chain_hash(
    prev: &[u8; 32],
    batch: i64,
    hashes: impl ExactSizeIterator<Item = [u8; 32]>,
) -> [u8; 32] {
    let mut chain = Sha256::new();
    chain.update(prev);
    chain.update(batch.to_be_bytes());
    chain.update(length(hashes.len()));
    for hash in hashes {
        chain.update(hash);
    }
    chain.finalize().into()
}

/// The first bytes of an event's hash.
pub(crate) fn mark(hash: &[u8; 32]) -> [u8; MARK_BYTES] {
    let mut mark = [0; MARK_BYTES];
    for (to, from) in mark.iter_mut().zip(hash) {
        *to = *from;
    }
    mark
}

/// Hash of one event: every column in the table's order, numbers big-endian, texts after their length.
pub fn event_hash(event: &StoredEvent) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(event.partition.to_be_bytes());
    hasher.update(event.position.to_be_bytes());
    hasher.update(event.company_id.as_bytes());
    text(&mut hasher, &event.stream_type);
    text(&mut hasher, &event.stream_id);
    hasher.update(event.version.to_be_bytes());
    hasher.update(event.event_id.as_bytes());
    text(&mut hasher, &event.event_type);
    hasher.update(event.schema_version.to_be_bytes());
    instant(&mut hasher, event.effective_at);
    instant(&mut hasher, event.recorded_at);
    text(&mut hasher, &event.payload);
    text(&mut hasher, &event.metadata);
    hasher.finalize().into()
}

fn text(hasher: &mut Sha256, text: &str) {
    hasher.update(length(text.len()));
    hasher.update(text.as_bytes());
}

fn instant(hasher: &mut Sha256, instant: DateTime<Utc>) {
    hasher.update(instant.timestamp_micros().to_be_bytes());
}

fn length(length: usize) -> [u8; 8] {
    u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes()
}
