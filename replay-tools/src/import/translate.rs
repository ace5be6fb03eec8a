//! From rows to facts of the log.
//!
//! Type and id of an aggregate become those of a stream, the sequence its version; payload and metadata stay as they
//! are, byte for byte. Streams of types that this release knows are folded into read models, so their events must be
//! readable: the envelope in which cqrs-es stores an enum is taken off, for name and version have columns of their own.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use domain::registry::{AnyEvent, event_types};
use event_log::append::key_id;
use event_log::event::StoredEvent;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::{Builder, Uuid};

use super::source::Row;
use crate::cli::ImportArgs;

/// Names a version of a stream: type, id, version.
pub(super) type Place = (Arc<str>, Arc<str>, i64);

/// An event that the log should have.
pub(super) struct Fact {
    /// Where.
    pub(super) place: Place,
    /// Its id: the same at every import.
    pub(super) event_id: Uuid,
    /// Name.
    pub(super) event_type: Arc<str>,
    /// Version of the payload's shape.
    pub(super) schema_version: i16,
    /// When it happened; none where the table does not say.
    pub(super) effective_at: Option<DateTime<Utc>>,
    /// Payload.
    pub(super) payload: Arc<str>,
    /// Metadata.
    pub(super) metadata: Arc<str>,
}

impl Fact {
    /// Refuses to take another event for this one.
    pub(super) fn must_be(&self, event: &StoredEvent) -> anyhow::Result<()> {
        let same = self.event_type == event.event_type
            && self.schema_version == event.schema_version
            && self.payload == event.payload
            && self.metadata == event.metadata;
        let (stream_type, stream_id, version) = &self.place;
        ensure!(
            same,
            "version {version} of {stream_type}/{stream_id} is another event in the log ({} {}, at position {}) than in \
             the table ({} {})",
            event.event_type,
            event.event_id,
            event.position,
            self.event_type,
            self.event_id
        );
        Ok(())
    }
}

/// Makes facts of rows, which come stream by stream.
pub(super) struct Translator {
    company_id: Uuid,
    versions: HashMap<String, i16>,
    known_types: BTreeSet<&'static str>,
    last: Option<Place>,
    streams: i64,
}

impl Translator {
    /// Of one import.
    pub(super) fn new(args: &ImportArgs) -> Self {
        let versions = args.schema_version.iter();
        Self {
            company_id: args.company,
            versions: versions.map(|given| (given.version.clone(), given.number)).collect(),
            known_types: event_types().into_iter().map(|event| event.stream_type).collect(),
            last: None,
            streams: 0,
        }
    }

    /// Streams so far.
    pub(super) fn streams(&self) -> i64 {
        self.streams
    }

    /// Facts of the next rows.
    pub(super) fn facts(&mut self, rows: Vec<Row>) -> anyhow::Result<Vec<Fact>> {
        rows.into_iter()
            .map(|row| {
                let place = self.place(&row);
                let about = || {
                    let Row { aggregate_type, aggregate_id, sequence, .. } = &row;
                    format!("sequence {sequence} of {aggregate_type}/{aggregate_id}")
                };
                let place = place.with_context(about)?;
                self.fact(&row, place).with_context(about)
            })
            .collect()
    }

    /// The row's place, which must follow the one before it.
    fn place(&mut self, row: &Row) -> anyhow::Result<Place> {
        let last = self.last.take();
        let last = last.filter(|(kind, id, _)| **kind == *row.aggregate_type && **id == *row.aggregate_id);
        let (place, expected) = if let Some((kind, id, version)) = last {
            ((kind, id, row.sequence), version + 1)
        } else {
            self.streams += 1;
            let (kind, id) = (row.aggregate_type.as_str().into(), row.aggregate_id.as_str().into());
            ((kind, id, row.sequence), 1)
        };
        ensure!(row.sequence == expected, "{expected} should come next: the stream has a hole");
        self.last = Some(place.clone());
        Ok(place)
    }

    fn fact(&self, row: &Row, place: Place) -> anyhow::Result<Fact> {
        let schema_version = self.schema_version(&row.event_version)?;
        let is_known = self.known_types.contains(row.aggregate_type.as_str());
        let payload = if is_known { without_envelope(row) } else { &row.payload };
        let (mut event_id, mut effective_at) = (self.event_id(row), row.timestamp);
        if is_known {
            let event = AnyEvent::decode(&row.aggregate_type, &row.event_type, schema_version, payload)?;
            if let AnyEvent::Stock(fact) = event {
                event_id = fact.entry().movement_id;
                effective_at = Some(fact.entry().effective_at);
            }
        }
        Ok(Fact {
            place,
            event_id,
            event_type: row.event_type.as_str().into(),
            schema_version,
            effective_at,
            payload: payload.into(),
            metadata: row.metadata.as_str().into(),
        })
    }

    /// The number of a version such as `2` or `1.0`.
    fn schema_version(&self, version: &str) -> anyhow::Result<i16> {
        if let Some(number) = self.versions.get(version) {
            return Ok(*number);
        }
        let number = version.trim_end_matches(".0").parse().ok().filter(|number| *number > 0);
        number.with_context(|| {
            format!("event_version {version} is no number; --schema-version '{version}=2' would make it one")
        })
    }

    /// Made from what names the event (version 8: no time and no chance in it).
    fn event_id(&self, row: &Row) -> Uuid {
        let (company, sequence) = (self.company_id.to_string(), row.sequence.to_string());
        let parts = ["postgres-es", &company, &row.aggregate_type, &row.aggregate_id, &sequence];
        Builder::from_custom_bytes(key_id(&parts).into_bytes()).into_uuid()
    }
}

/// An event of an enum that bears its variant's name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'p> {
    #[serde(borrow)]
    event_type: Cow<'p, str>,
    #[serde(borrow)]
    data: &'p RawValue,
}

fn without_envelope(row: &Row) -> &str {
    match serde_json::from_str::<Envelope<'_>>(&row.payload) {
        Ok(envelope) if envelope.event_type == row.event_type => envelope.data.get(),
        _ => &row.payload,
    }
}
