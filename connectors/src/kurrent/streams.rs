//! What the mirror asks of a KurrentDB.

use event_log::event::{Metadata, StoredEvent};
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// An event as it stands in a mirrored stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// Id of the event.
    pub event_id: Uuid,
    /// Stored name.
    pub event_type: String,
    /// The exact stored payload, JSON.
    pub data: String,
    /// JSON: where the event stands in the log, and its stored metadata.
    pub metadata: String,
}

/// Why nothing was appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The stream is not at the expected revision.
    #[error("the stream is at revision {current:?}")]
    Elsewhere {
        /// Its last revision; none where there is no such stream.
        current: Option<u64>,
    },
    /// The server cannot be reached or refuses, and nobody knows whether it has appended.
    #[error("KurrentDB cannot be reached or refuses: {0}")]
    Failed(String),
}

/// The streams of a KurrentDB.
pub trait Streams: Send + Sync + 'static {
    /// Appends events to a stream whose last revision is `expected` (none: that does not exist yet), all or none.
    fn append<'a>(
        &'a self,
        stream: &'a str,
        expected: Option<u64>,
        events: &'a [Mirrored],
    ) -> BoxFuture<'a, Result<(), AppendError>>;
}

/// Name of an event's mirrored stream, for example `stock_item-<company>/22086`: the stream type is KurrentDB's category.
pub fn name_of(event: &StoredEvent) -> String {
    format!("{}-{}/{}", event.stream_type, event.company_id, event.stream_id)
}

#[derive(Serialize)]
struct Envelope<'a> {
    partition: i16,
    position: i64,
    schema_version: i16,
    effective_at: chrono::DateTime<chrono::Utc>,
    recorded_at: chrono::DateTime<chrono::Utc>,
    #[serde(rename = "$correlationId", skip_serializing_if = "Option::is_none")]
    correlation_id: Option<Uuid>,
    #[serde(rename = "$causationId", skip_serializing_if = "Option::is_none")]
    causation_id: Option<Uuid>,
    metadata: &'a RawValue,
}

impl Mirrored {
    /// The event as it is to stand there. Fails for metadata that is no JSON.
    pub fn of(event: &StoredEvent) -> Result<Self, serde_json::Error> {
        let known: Option<Metadata> = serde_json::from_str(&event.metadata).ok();
        let envelope = Envelope {
            partition: event.partition,
            position: event.position,
            schema_version: event.schema_version,
            effective_at: event.effective_at,
            recorded_at: event.recorded_at,
            correlation_id: known.as_ref().map(|known| known.correlation_id),
            causation_id: known.as_ref().and_then(|known| known.causation_id),
            metadata: serde_json::from_str(&event.metadata)?,
        };
        Ok(Self {
            event_id: event.event_id,
            event_type: event.event_type.as_ref().to_owned(),
            data: event.payload.as_ref().to_owned(),
            metadata: serde_json::to_string(&envelope)?,
        })
    }
}
