//! What is read from the log for a batch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::shared::ids::LocationId;
use domain::shared::quantity::Units;
use domain::stock::StockEvent;
use event_log::append::{KeyKind, TakenKey};
use event_log::event::StreamKey;
use uuid::Uuid;

/// Keys found in the log while this batch is decided.
pub(crate) type TakenKeys = HashMap<(Uuid, KeyKind, Uuid), TakenKey>;

/// Whole pasts of stock streams, by company and stream id; `None` where a part of it is archived.
pub(crate) type Histories = HashMap<(Uuid, Arc<str>), Option<Vec<StockEvent>>>;

/// What must be read from the log before an operation can be decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Missing {
    /// A company's directory.
    Directory(Uuid),
    /// The state of one stream.
    Stream(StreamKey),
    /// Every event of one stock stream.
    History(StreamKey),
    /// Where and how much a sale line took, by its key.
    SoldLine(Uuid, Uuid),
    /// What a request key was answered before, by company and key.
    RequestKey(Uuid, Uuid),
}

/// Where and how much a sale line took.
#[derive(Debug, Clone)]
pub(crate) struct SoldLine {
    /// Where.
    pub(crate) location_id: LocationId,
    /// Units.
    pub(crate) quantity: Units,
}

/// What was read from the log for this batch alone.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Keys that exist already.
    pub(crate) taken: TakenKeys,
    /// Request keys that were looked up, whether they exist or not.
    pub(crate) asked: HashSet<(Uuid, Uuid)>,
    /// Whole pasts of stock streams.
    pub(crate) histories: Histories,
    /// Sale lines by company and key; `None` where no such line was ever sold.
    pub(crate) sold_lines: HashMap<(Uuid, Uuid), Option<SoldLine>>,
    /// Sale lines whose events are archived.
    pub(crate) archived_lines: HashSet<(Uuid, Uuid)>,
}

impl Found {
    /// Forgets what may be different now that the log has moved on. What is taken stays taken.
    pub(crate) fn outdate(&mut self) {
        let taken = std::mem::take(&mut self.taken);
        *self = Self { taken, ..Self::default() };
    }
}
