//! An event as clients see it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

/// One event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventRow {
    /// Place in the company's order.
    position: i64,
    /// `UUIDv7` of the event.
    event_id: Uuid,
    /// Stored name.
    #[schema(example = "StockAdjusted")]
    event_type: String,
    /// Version of the shape of `data`.
    schema_version: i16,
    /// Type and id of the stream, joined by `:`.
    #[schema(example = "stock_item:22086")]
    stream: String,
    /// Place in the stream.
    version: i64,
    /// When it happened.
    effective_at: DateTime<Utc>,
    /// When it was recorded.
    recorded_at: DateTime<Utc>,
    /// What happened; the exact stored JSON.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
    /// Who caused it, and through which request.
    #[schema(value_type = Object)]
    metadata: Box<RawValue>,
}

impl EventRow {
    pub(crate) fn position(&self) -> i64 {
        self.position
    }

    pub(crate) fn event_type(&self) -> &str {
        &self.event_type
    }
}

impl From<projections::events::StoredEvent> for EventRow {
    fn from(event: projections::events::StoredEvent) -> Self {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap_or_default();
        Self {
            position: event.position,
            event_id: event.event_id,
            event_type: event.event_type.as_ref().to_owned(),
            schema_version: event.schema_version,
            stream: format!("{}:{}", event.stream_type, event.stream_id),
            version: event.version,
            effective_at: event.effective_at,
            recorded_at: event.recorded_at,
            data: raw(&event.payload),
            metadata: raw(&event.metadata),
        }
    }
}
