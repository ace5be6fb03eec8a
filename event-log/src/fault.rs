//! What verify can find wrong, by name.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::event::StoredEvent;

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The event is not what was appended.
    Altered(EventName),
    /// No event at a position that a batch has filled.
    Missing {
        /// The position.
        position: i64,
        /// Its batch.
        batch: i64,
    },
    /// An event at a position that no batch has filled.
    Inserted(EventName),
    /// The event does not follow the one before it in its stream.
    Version {
        /// The event.
        event: EventName,
        /// Version that should come next in the stream.
        expected: i64,
    },
    /// The events agree, but what is kept about their batch does not.
    Batch {
        /// The batch.
        batch: i64,
        /// What does not agree.
        reason: &'static str,
    },
    /// The head row does not agree with the last batch.
    HeadRow,
    /// The chain does not pass through a checkpoint that was kept elsewhere.
    Checkpoint {
        /// Batch of the checkpoint.
        batch: i64,
    },
}

/// Enough of an event to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventName {
    /// Position in the partition.
    pub position: i64,
    /// Id.
    pub event_id: Uuid,
    /// Tenant.
    pub company_id: Uuid,
    /// Type and id of its stream, as `type/id`.
    pub stream: String,
    /// Version in the stream.
    pub version: i64,
    /// Stored name.
    pub event_type: Arc<str>,
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EventName { position, event_id, company_id, stream, version, event_type } = self;
        write!(
            f,
            "event {event_id} ({event_type}) at position {position}, version {version} of {stream} of company {company_id}"
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Altered(event) => write!(f, "altered: {event}"),
            Fault::Missing { position, batch } => write!(f, "missing: position {position} of batch {batch}"),
            Fault::Inserted(event) => write!(f, "inserted: {event}"),
            Fault::Version { event, expected } => {
                write!(f, "out of order: {event} should be version {expected}")
            }
            Fault::Batch { batch, reason } => write!(f, "batch {batch}: {reason}"),
            Fault::HeadRow => write!(f, "the head row does not agree with the last batch"),
            Fault::Checkpoint { batch } => {
                write!(f, "the chain does not pass through the checkpoint of batch {batch}")
            }
        }
    }
}

pub(crate) fn name(event: &StoredEvent) -> EventName {
    EventName {
        position: event.position,
        event_id: event.event_id,
        company_id: event.company_id,
        stream: format!("{}/{}", event.stream_type, event.stream_id),
        version: event.version,
        event_type: Arc::clone(&event.event_type),
    }
}
