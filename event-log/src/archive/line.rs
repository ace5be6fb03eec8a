//! The lines of an archived range.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::decode::Names;
use crate::event::{Meaning, StoredEvent};

/// Version of the format.
pub(super) const FORMAT: i16 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeaderLine {
    /// Version of the format.
    pub(super) archive: i16,
    pub(super) partition: i16,
    pub(super) first_position: i64,
    pub(super) last_position: i64,
    /// Hash of the batch before the first, in hexadecimal digits.
    pub(super) previous_hash: String,
}

/// Behind the last event of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BatchLine {
    pub(super) batch: i64,
    pub(super) last_position: i64,
    /// Hash of the batch, in hexadecimal digits.
    pub(super) hash: String,
}

/// What stands at the beginning of a batch's line, and of no other.
pub(super) const BATCH: &str = "{\"batch\":";

/// An event, every column of it.
#[derive(Serialize, Deserialize)]
pub(super) struct EventLine<'a> {
    position: i64,
    partition: i16,
    company_id: Uuid,
    #[serde(borrow)]
    stream_type: Cow<'a, str>,
    #[serde(borrow)]
    stream_id: Cow<'a, str>,
    version: i64,
    event_id: Uuid,
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    schema_version: i16,
    effective_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    payload_text: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    metadata_text: Option<Cow<'a, str>>,
}

impl<'a> EventLine<'a> {
    pub(super) fn of(event: &'a StoredEvent) -> Self {
        let (payload, payload_text) = embed(&event.payload);
        let (metadata, metadata_text) = embed(&event.metadata);
        Self {
            position: event.position,
            partition: event.partition,
            company_id: event.company_id,
            stream_type: Cow::Borrowed(&event.stream_type),
            stream_id: Cow::Borrowed(&event.stream_id),
            version: event.version,
            event_id: event.event_id,
            event_type: Cow::Borrowed(&event.event_type),
            schema_version: event.schema_version,
            effective_at: event.effective_at,
            recorded_at: event.recorded_at,
            payload,
            payload_text,
            metadata,
            metadata_text,
        }
    }

    /// The event; none where a text is missing.
    pub(super) fn into_event(self, names: &mut Names) -> Option<StoredEvent> {
        let metadata = names.repeated(text(self.metadata, self.metadata_text.as_deref())?);
        Some(StoredEvent {
            partition: self.partition,
            position: self.position,
            company_id: self.company_id,
            stream_type: names.shared(&self.stream_type),
            stream_id: Arc::from(&*self.stream_id),
            version: self.version,
            event_id: self.event_id,
            event_type: names.shared(&self.event_type),
            schema_version: self.schema_version,
            effective_at: self.effective_at,
            recorded_at: self.recorded_at,
            payload: Arc::from(text(self.payload, self.payload_text.as_deref())?),
            metadata,
            meaning: Meaning::default(),
        })
    }
}

/// The exact bytes of a JSON text, embedded where a line can hold them, else as a text.
fn embed(json: &str) -> (Option<&RawValue>, Option<Cow<'_, str>>) {
    let fits = !json.contains(['\n', '\r']) && json.trim() == json && json != "null";
    match serde_json::from_str(json).ok().filter(|_| fits) {
        Some(raw) => (Some(raw), None),
        None => (None, Some(Cow::Borrowed(json))),
    }
}

fn text<'a>(raw: Option<&'a RawValue>, text: Option<&'a str>) -> Option<&'a str> {
    raw.map(RawValue::get).or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_byte_for_byte() {
        for json in [
            "{\"a\" : 1,  \"b\":\"Чай\"}",
            "{\n\"a\":1}",
            " [1] ",
            "null",
            "\"x\"",
            "1.50",
            "{\"u\":\"\\u0000\"}",
        ] {
            let event = StoredEvent {
                partition: 1,
                position: 7,
                company_id: Uuid::from_u128(5),
                stream_type: Arc::from("stock_item"),
                stream_id: Arc::from("a \"b\"\n\\ ж"),
                version: 3,
                event_id: Uuid::from_u128(9),
                event_type: Arc::from("Sold"),
                schema_version: 1,
                effective_at: "2026-11-20T12:00:00.123456Z".parse().unwrap(),
                recorded_at: "2026-11-20T12:00:00Z".parse().unwrap(),
                payload: Arc::from(json),
                metadata: Arc::from(json),
                meaning: Meaning::default(),
            };
            let line = serde_json::to_string(&EventLine::of(&event)).unwrap();
            assert!(!line.contains('\n') && !line.starts_with(BATCH));
            let read: EventLine<'_> = serde_json::from_str(&line).unwrap();
            assert_eq!(read.into_event(&mut Names::default()), Some(event));
        }
    }
}
