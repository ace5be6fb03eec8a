//! The hash chain: what makes a changed log visible.
//!
//! Every event has a SHA-256 over each of its columns; every batch has one over the batch before it and the hashes
//! of its events. `log_batch` keeps the batch's hash and, per event, a mark: the first 8 bytes of the event's hash.
//! The chain proves that something was changed, the marks tell which event it was.

use sha2::{Digest, Sha256};

use crate::columns::Columns;
use crate::event::StoredEvent;

/// Bytes of one event's mark.
pub const MARK_BYTES: usize = 8;

/// Hash of a partition without events.
pub const GENESIS: [u8; 32] = [0; 32];

/// Hash of a batch: over the hash of the batch before, its number, the number of its events and their hashes.
pub fn batch_hash(prev: &[u8; 32], batch: i64, events: &[StoredEvent]) -> [u8; 32] {
    seal(prev, batch, events).0
}

/// Hash and marks of a batch in one pass over its events.
pub(crate) fn seal(prev: &[u8; 32], batch: i64, events: &[StoredEvent]) -> ([u8; 32], Vec<u8>) {
    let mut chain = BatchHash::begin(prev, batch, events.len());
    let mut marks = Vec::with_capacity(MARK_BYTES * events.len());
    let mut bytes = Vec::new();
    for event in events {
        let hash = columns_hash(&Columns::of(event), &mut bytes);
        marks.extend_from_slice(&mark(&hash));
        chain.add(&hash);
    }
    (chain.finish(), marks)
}

/// As [`batch_hash`], from the hashes of the events.
pub(crate) fn chain_hash(prev: &[u8; 32], batch: i64, hashes: &[[u8; 32]]) -> [u8; 32] {
    let mut chain = BatchHash::begin(prev, batch, hashes.len());
    for hash in hashes {
        chain.add(hash);
    }
    chain.finish()
}

/// The hash of a batch while its events come in.
#[derive(Debug, Clone)]
pub(crate) struct BatchHash(Sha256);

impl BatchHash {
    /// A batch of so many events after the batch of hash `prev`.
    pub(crate) fn begin(prev: &[u8; 32], batch: i64, events: usize) -> Self {
        let mut chain = Sha256::new();
        chain.update(prev);
        chain.update(batch.to_be_bytes());
        chain.update(length(events));
        Self(chain)
    }

    /// The next event, by its hash.
    pub(crate) fn add(&mut self, event: &[u8; 32]) {
        self.0.update(event);
    }

    /// The hash.
    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
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
    columns_hash(&Columns::of(event), &mut Vec::new())
}

/// As [`event_hash`]. The bytes are put side by side in `bytes` first: hashing them at once takes half the time of
/// hashing them piece by piece.
pub(crate) fn columns_hash(event: &Columns<'_>, bytes: &mut Vec<u8>) -> [u8; 32] {
    bytes.clear();
    bytes.extend_from_slice(&event.partition.to_be_bytes());
    bytes.extend_from_slice(&event.position.to_be_bytes());
    bytes.extend_from_slice(event.company_id.as_bytes());
    text(bytes, event.stream_type);
    text(bytes, event.stream_id);
    bytes.extend_from_slice(&event.version.to_be_bytes());
    bytes.extend_from_slice(event.event_id.as_bytes());
    text(bytes, event.event_type);
    bytes.extend_from_slice(&event.schema_version.to_be_bytes());
    bytes.extend_from_slice(&event.effective_micros.to_be_bytes());
    bytes.extend_from_slice(&event.recorded_micros.to_be_bytes());
    text(bytes, event.payload);
    text(bytes, event.metadata);
    Sha256::digest(bytes).into()
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(&length(text.len()));
    bytes.extend_from_slice(text.as_bytes());
}

fn length(length: usize) -> [u8; 8] {
    u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes()
}
