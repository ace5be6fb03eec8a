//! What the log stores.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Name of one stream: company, type (for example `stock_item`) and id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamKey {
    /// Tenant.
    pub company_id: Uuid,
    /// Type, a name that the code fixes.
    pub stream_type: &'static str,
    /// Id within company and type.
    pub stream_id: Arc<str>,
}

/// One event as it stands in the log. `payload` and `metadata` are the exact stored bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Partition of the log, from the company.
    pub partition: i16,
    /// Gapless place in the partition, from 1.
    pub position: i64,
    /// Tenant.
    pub company_id: Uuid,
    /// Stream type.
    pub stream_type: Arc<str>,
    /// Stream id.
    pub stream_id: Arc<str>,
    /// Gapless place in the stream, from 1.
    pub version: i64,
    /// `UUIDv7` of the event.
    pub event_id: Uuid,
    /// Stored name.
    pub event_type: Arc<str>,
    /// Version of the payload's shape.
    pub schema_version: i16,
    /// When it happened (microseconds).
    pub effective_at: DateTime<Utc>,
    /// When it was recorded (microseconds).
    pub recorded_at: DateTime<Utc>,
    /// JSON of the event.
    pub payload: Arc<str>,
    /// JSON of [`Metadata`].
    pub metadata: Arc<str>,
    /// What the payload says, where it is known.
    pub meaning: Meaning,
}

/// What a payload says, decoded: whoever appends an event hands it on, so that its readers need not read it again.
/// Events read from the log do not have it. It is no part of the event: all meanings are equal.
#[derive(Clone, Default)]
pub struct Meaning(Option<Arc<dyn Any + Send + Sync>>);

impl Meaning {
    /// The decoded event.
    pub fn of<E: Any + Send + Sync>(event: E) -> Self {
        Self(Some(Arc::new(event)))
    }

    /// The decoded event, if it is known and an `E`.
    pub fn get<E: Any>(&self) -> Option<&E> {
        self.0.as_deref().and_then(|known| known.downcast_ref())
    }
}

impl PartialEq for Meaning {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "known" } else { "unknown" })
    }
}

/// Who caused an event, and through which request. One per command; stored with each of its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// User, API key, connector or system part, for example `user:0191…`, `api_key:0191…`, `system:scheduler`.
    pub actor: String,
    /// The command.
    pub command_id: Uuid,
    /// Everything that one outside cause led to.
    pub correlation_id: Uuid,
    /// The event or command that led to this command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// Where the request came in, for example `http`, `job:day_start`, `demo`.
    pub source: String,
}

/// Number of the company's partition: stable for ever, from the company's id alone.
pub fn partition_of(company_id: Uuid, partitions: i16) -> i16 {
    // FNV-1a over the id's bytes: stable across releases and machines.
    let hash = company_id.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let partitions = u64::try_from(partitions.max(1)).unwrap_or(1);
    i16::try_from((hash >> 32) % partitions).unwrap_or(0)
}
