//! What verify can find wrong, by name.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::columns::Columns;

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
    /// The chain does not pass through a checkpoint that was kept elsewhere: something before it was changed, put in
    /// another order or left out.
    Checkpoint {
        /// Batch of the checkpoint.
        batch: i64,
    },
    /// The log ends before a checkpoint that was kept elsewhere: its tail was cut off.
    CutOff {
        /// Last batch of the log.
        batch: i64,
        /// Batch of the checkpoint.
        checkpoint: i64,
        /// Position of the checkpoint.
        position: i64,
    },
}

impl Fault {
    /// The event that is wrong, where it is there.
    pub fn event(&self) -> Option<&EventName> {
        match self {
            Fault::Altered(event) | Fault::Inserted(event) | Fault::Version { event, .. } => Some(event),
            Fault::Missing { .. }
            | Fault::Batch { .. }
            | Fault::HeadRow
            | Fault::Checkpoint { .. }
            | Fault::CutOff { .. } => None,
        }
    }

    /// What kind of fault it is, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Fault::Altered(_) => "altered",
            Fault::Missing { .. } => "missing",
            Fault::Inserted(_) => "inserted",
            Fault::Version { .. } => "out_of_order",
            Fault::Batch { .. } => "batch",
            Fault::HeadRow => "head",
            Fault::Checkpoint { .. } => "checkpoint",
            Fault::CutOff { .. } => "cut_off",
        }
    }
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
            Fault::CutOff { batch, checkpoint, position } => {
                write!(
                    f,
                    "the tail was cut off: the log ends at batch {batch}, the checkpoint is of batch {checkpoint} up to position {position}"
                )
            }
        }
    }
}

pub(crate) fn name(event: &Columns<'_>) -> EventName {
    EventName {
        position: event.position,
        event_id: event.event_id,
        company_id: event.company_id,
        stream: format!("{}/{}", event.stream_type, event.stream_id),
        version: event.version,
        event_type: Arc::from(event.event_type),
    }
}
