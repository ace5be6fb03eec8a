//! One batch in one round trip.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::event::StoredEvent;

/// Where a partition stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Position of the newest event, 0 in an empty partition.
    pub position: i64,
    /// Number of the newest batch, 0 in an empty partition.
    pub batch: i64,
    /// Chain hash of the newest batch; 32 zero bytes in an empty partition.
    pub hash: [u8; 32],
}

/// What a key stands for; keys of different kinds never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum KeyKind {
    /// `Idempotency-Key` of a request; expires after 7 days or more.
    Request = 1,
    /// Key of an outside fact (sale line, daily report, webhook); never expires.
    External = 2,
}

/// A key claimed together with the events of its command.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyClaim {
    /// Tenant.
    pub company_id: Uuid,
    /// Kind.
    pub kind: KeyKind,
    /// 128 bits of the key's text; see [`key_id`].
    pub key: Uuid,
    /// 128 bits of what the caller asked or stated; the same key with another digest is a conflict.
    pub digest: Uuid,
    /// The answer that a repeat gets, JSON; none for outside facts that need no answer.
    pub answer: Option<String>,
    /// Take the key over although it exists (a replaced daily report). Else an existing key stops the batch.
    pub replace: bool,
}

/// A key that an earlier batch has claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenKey {
    /// Tenant.
    pub company_id: Uuid,
    /// Kind.
    pub kind: KeyKind,
    /// The key.
    pub key: Uuid,
    /// Digest of the first claim.
    pub digest: Uuid,
    /// Its answer.
    pub answer: Option<String>,
    /// Position of the last event of the command that claimed it.
    pub position: i64,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

/// What is appended together or not at all.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Partition.
    pub partition: i16,
    /// The head that the batch was decided on.
    pub expected: Head,
    /// Events, positions counting from `expected.position + 1`, all with the same `recorded_at`.
    pub events: Vec<StoredEvent>,
    /// Keys, each with the position that its answer speaks of.
    pub keys: Vec<(KeyClaim, i64)>,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

/// What became of a batch.
#[derive(Debug, Clone)]
pub enum Appended {
    /// It is durable; the partition now stands here.
    Done(Head),
    /// Nothing was written: another process moved the head.
    Stale(Head),
    /// Nothing was written: these keys exist already.
    KeysTaken(Vec<TakenKey>),
}

/// 128 bits that stand for a text: the first half of its SHA-256.
pub fn key_id(parts: &[&str]) -> Uuid {
    use sha2::Digest;
    let mut hasher = sha2::Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let mut half = [0_u8; 16];
    for (to, from) in half.iter_mut().zip(hasher.finalize()) {
        *to = from;
    }
    Uuid::from_bytes(half)
}
