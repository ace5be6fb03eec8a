//! A row of the log without copies: what decoding, hashing and verifying look at.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::LogError;
use crate::decode::Names;
use crate::event::{Meaning, StoredEvent};

/// The columns of one event, borrowed from where they stand. Instants are microseconds since 1970, so that whatever
/// the table holds can be looked at, also what is no instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub(crate) partition: i16,
    pub(crate) position: i64,
    pub(crate) company_id: Uuid,
    pub(crate) stream_type: &'a str,
    pub(crate) stream_id: &'a str,
    pub(crate) version: i64,
    pub(crate) event_id: Uuid,
    pub(crate) event_type: &'a str,
    pub(crate) schema_version: i16,
    pub(crate) effective_micros: i64,
    pub(crate) recorded_micros: i64,
    pub(crate) payload: &'a str,
    pub(crate) metadata: &'a str,
}

impl<'a> Columns<'a> {
    /// The columns of an event.
    pub(crate) fn of(event: &'a StoredEvent) -> Self {
        Self {
            partition: event.partition,
            position: event.position,
            company_id: event.company_id,
            stream_type: &event.stream_type,
            stream_id: &event.stream_id,
            version: event.version,
            event_id: event.event_id,
            event_type: &event.event_type,
            schema_version: event.schema_version,
            effective_micros: event.effective_at.timestamp_micros(),
            recorded_micros: event.recorded_at.timestamp_micros(),
            payload: &event.payload,
            metadata: &event.metadata,
        }
    }

    /// An event of its own.
    pub(crate) fn to_event(self, names: &mut Names) -> Result<StoredEvent, LogError> {
        Ok(StoredEvent {
            partition: self.partition,
            position: self.position,
            company_id: self.company_id,
            stream_type: names.shared(self.stream_type),
            stream_id: Arc::from(self.stream_id),
            version: self.version,
            event_id: self.event_id,
            event_type: names.shared(self.event_type),
            schema_version: self.schema_version,
            effective_at: instant(self.effective_micros)?,
            recorded_at: instant(self.recorded_micros)?,
            payload: Arc::from(self.payload),
            metadata: names.repeated(self.metadata),
            meaning: Meaning::default(),
        })
    }
}

fn instant(micros: i64) -> Result<DateTime<Utc>, LogError> {
    DateTime::from_timestamp_micros(micros).ok_or(LogError::Unreadable("instant of a copied column"))
}
