//! An event as a message: a `CloudEvent` in the binary mode of the Kafka protocol binding, version 1.0.
//!
//! The value is the event's payload, the exact stored bytes; everything else stands in headers. With `ce_metadata`,
//! which holds the exact stored metadata, a message has every byte that the log has.

use std::str::FromStr;

use chrono::SecondsFormat;
use event_log::event::StoredEvent;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use uuid::Uuid;

/// Version of the `CloudEvents` specification.
pub const SPEC_VERSION: &str = "1.0";
/// Media type of the values.
pub const CONTENT_TYPE: &str = "application/json";

/// Names of the headers.
pub mod header {
    /// Version of the specification.
    pub const SPEC_VERSION: &str = "ce_specversion";
    /// Id of the event.
    pub const ID: &str = "ce_id";
    /// What happened; see [`super::type_of`].
    pub const TYPE: &str = "ce_type";
    /// The company's log; see [`super::source_of`].
    pub const SOURCE: &str = "ce_source";
    /// The stream: type and id, joined by `:`.
    pub const SUBJECT: &str = "ce_subject";
    /// When it was recorded.
    pub const TIME: &str = "ce_time";
    /// When it happened.
    pub const EFFECTIVE_AT: &str = "ce_effectiveat";
    /// Partition of the log.
    pub const PARTITION: &str = "ce_partition";
    /// Place in that partition.
    pub const POSITION: &str = "ce_position";
    /// Position of the message before it in the same Kafka partition; 0 for the first.
    pub const PREVIOUS: &str = "ce_previous";
    /// Place in the stream.
    pub const STREAM_VERSION: &str = "ce_streamversion";
    /// Version of the payload's shape.
    pub const SCHEMA_VERSION: &str = "ce_schemaversion";
    /// Who caused it, and through which request: JSON.
    pub const METADATA: &str = "ce_metadata";
    /// Media type of the value.
    pub const CONTENT_TYPE: &str = "content-type";
}

/// `ce_type` of an event, for example `stocktrail.StockAdjusted.v1`. Another shape is another type.
pub fn type_of(event_type: &str, schema_version: i16) -> String {
    format!("stocktrail.{event_type}.v{schema_version}")
}

/// `ce_source` of a company's events.
pub fn source_of(company_id: Uuid) -> String {
    format!("/stocktrail/companies/{company_id}")
}

/// The headers of an event's message. `previous` is the position of the message before it in its Kafka partition.
pub(crate) fn headers(event: &StoredEvent, previous: i64) -> OwnedHeaders {
    let instant = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let subject = format!("{}:{}", event.stream_type, event.stream_id);
    OwnedHeaders::new_with_capacity(14)
        .insert(text(header::SPEC_VERSION, SPEC_VERSION))
        .insert(text(header::ID, &event.event_id.to_string()))
        .insert(text(header::TYPE, &type_of(&event.event_type, event.schema_version)))
        .insert(text(header::SOURCE, &source_of(event.company_id)))
        .insert(text(header::SUBJECT, &subject))
        .insert(text(header::TIME, &instant(event.recorded_at)))
        .insert(text(header::EFFECTIVE_AT, &instant(event.effective_at)))
        .insert(text(header::PARTITION, &event.partition.to_string()))
        .insert(text(header::POSITION, &event.position.to_string()))
        .insert(text(header::PREVIOUS, &previous.to_string()))
        .insert(text(header::STREAM_VERSION, &event.version.to_string()))
        .insert(text(header::SCHEMA_VERSION, &event.schema_version.to_string()))
        .insert(text(header::METADATA, &event.metadata))
        .insert(text(header::CONTENT_TYPE, CONTENT_TYPE))
}

/// What a message takes in a request before compression, in bytes, at most.
pub(crate) fn size_of(event: &StoredEvent, key: &str) -> usize {
    // Names of the headers, values of a known length, and the protocol's own fields.
    const REST: usize = 700;
    let stream = event.stream_type.len() + event.stream_id.len();
    REST + key.len() + stream + event.event_type.len() + event.payload.len() + event.metadata.len()
}

fn text<'a>(key: &'a str, value: &'a str) -> Header<'a, &'a str> {
    Header { key, value: Some(value) }
}

/// Where a message's event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Id of the event.
    pub event_id: Uuid,
    /// Partition of the log.
    pub partition: i16,
    /// Place in that partition.
    pub position: i64,
    /// Position of the message before it in the same Kafka partition; 0 for the first.
    pub previous: i64,
}

impl Place {
    /// What the headers say; none for a message that no relay wrote.
    pub fn read<H: Headers>(headers: &H) -> Option<Self> {
        Some(Self {
            event_id: value(headers, header::ID)?,
            partition: value(headers, header::PARTITION)?,
            position: value(headers, header::POSITION)?,
            previous: value(headers, header::PREVIOUS)?,
        })
    }
}

fn value<H: Headers, T: FromStr>(headers: &H, name: &str) -> Option<T> {
    let found = headers.iter().find(|header| header.key == name)?;
    std::str::from_utf8(found.value?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn no_message_is_larger_than_it_is_taken_for() {
        let event = StoredEvent {
            partition: i16::MAX,
            position: i64::MAX,
            company_id: Uuid::max(),
            stream_type: Arc::from("sales_channel_listing"),
            stream_id: Arc::from("чай №22086"),
            version: i64::MAX,
            event_id: Uuid::max(),
            event_type: Arc::from("SomethingWithALongNameHappened"),
            schema_version: i16::MAX,
            effective_at: chrono::DateTime::<chrono::Utc>::MAX_UTC,
            recorded_at: chrono::DateTime::<chrono::Utc>::MIN_UTC,
            payload: Arc::from("{}"),
            metadata: Arc::from("{}"),
            meaning: event_log::event::Meaning::default(),
        };
        let key = super::super::layout::key_of(&event);
        let headers = headers(&event, i64::MAX);
        // The lengths of a header's name and value take 5 bytes each at most, the message's own fields 36
        // (RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD of librdkafka).
        let in_headers = |header: Header<'_, &[u8]>| 10 + header.key.len() + header.value.unwrap().len();
        let size = 36 + key.len() + event.payload.len() + headers.iter().map(in_headers).sum::<usize>();
        let taken_for = size_of(&event, &key);
        assert!(size <= taken_for, "{size} > {taken_for}");
    }
}
