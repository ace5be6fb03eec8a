//! What is computed: the chain, the tree and the versions of every stream, event by event.

use std::collections::HashMap;
use std::slice;

use super::batches::Row;
use super::{Fault, Head};
use crate::chain::{self, BatchHash, MARK_BYTES};
use crate::checkpoint::Tip;
use crate::columns::Columns;
use crate::fault::name;
use crate::tree::Tree;

/// How far the chain holds.
pub(super) struct Check<'k> {
    /// The last batch whose chain holds and passes through every checkpoint.
    pub(super) head: Head,
    /// Events so far.
    pub(super) events: i64,
    kept: &'k [Tip],
    /// Over all batches; of use only where the check began with the first.
    tree: Tree,
    /// Newest version of every stream, by company, type and id.
    versions: HashMap<Box<[u8]>, i64>,
    begins_with_first: bool,
    key: Vec<u8>,
    bytes: Vec<u8>,
}

impl<'k> Check<'k> {
    /// Nothing so far, on the word of `head`.
    pub(super) fn new(head: Head, kept: &'k [Tip]) -> Self {
        let begins_with_first = head.batch == 0;
        Self {
            head,
            events: 0,
            kept,
            tree: Tree::default(),
            versions: HashMap::new(),
            begins_with_first,
            key: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// The next batches, whose events follow.
    pub(super) fn page<'p>(&'p mut self, rows: &'p [Row]) -> Page<'p, 'k> {
        let mut page = Page { check: self, rows: rows.iter(), open: None, fault: None };
        page.open();
        page
    }

    /// A checkpoint beyond the last batch.
    pub(super) fn cut_off(&self) -> Option<Fault> {
        let beyond = self.kept.iter().find(|tip| tip.batch > self.head.batch)?;
        let (checkpoint, position) = (beyond.batch, beyond.position);
        Some(Fault::CutOff { batch: self.head.batch, checkpoint, position })
    }

    /// Version that the event should have had, when it has another.
    fn out_of_order(&mut self, event: &Columns<'_>) -> Option<i64> {
        self.key.clear();
        self.key.extend_from_slice(event.company_id.as_bytes());
        self.key.extend_from_slice(event.stream_type.as_bytes());
        self.key.push(0);
        self.key.extend_from_slice(event.stream_id.as_bytes());
        let expected = if let Some(version) = self.versions.get_mut(self.key.as_slice()) {
            *version += 1;
            *version
        } else {
            let first = if self.begins_with_first { 1 } else { event.version.max(1) };
            self.versions.insert(self.key.as_slice().into(), first);
            first
        };
        (event.version != expected).then_some(expected)
    }

    fn misses_checkpoint(&self, head: &Head) -> bool {
        let mut here = self.kept.iter().filter(|tip| tip.batch == head.batch);
        here.any(|tip| tip.head() != *head || tip.tree != self.tree.root())
    }
}

/// Batches whose events come in.
pub(super) struct Page<'p, 'k> {
    check: &'p mut Check<'k>,
    rows: slice::Iter<'p, Row>,
    open: Option<Open<'p>>,
    /// The first thing that is wrong; what comes after it is not looked at.
    pub(super) fault: Option<Fault>,
}

/// The batch to which the next event belongs.
struct Open<'p> {
    row: &'p Row,
    /// Position of the next event.
    position: i64,
    marks: slice::ChunksExact<'p, u8>,
    hash: BatchHash,
}

impl Page<'_, '_> {
    /// Takes in the next event.
    pub(super) fn take(&mut self, event: &Columns<'_>) {
        if self.fault.is_none() {
            self.fault = self.look_at(event).err();
        }
    }

    /// The fault, or that events are missing.
    pub(super) fn end(self) -> Option<Fault> {
        let missing = |open: Open<'_>| Fault::Missing { position: open.position, batch: open.row.batch };
        self.fault.or(self.open.map(missing))
    }

    fn look_at(&mut self, event: &Columns<'_>) -> Result<(), Fault> {
        let Some(open) = self.open.as_mut().filter(|open| open.position <= event.position) else {
            return Err(Fault::Inserted(name(event)));
        };
        if open.position < event.position {
            return Err(Fault::Missing { position: open.position, batch: open.row.batch });
        }
        let hash = chain::columns_hash(event, &mut self.check.bytes);
        if open.marks.next() != Some(&chain::mark(&hash)) {
            return Err(Fault::Altered(name(event)));
        }
        if let Some(expected) = self.check.out_of_order(event) {
            return Err(Fault::Version { event: name(event), expected });
        }
        open.hash.add(&hash);
        open.position += 1;
        self.check.events += 1;
        if open.position > open.row.last { self.close() } else { Ok(()) }
    }

    fn open(&mut self) {
        self.open = self.rows.next().map(|row| Open {
            row,
            position: row.first,
            marks: row.marks.chunks_exact(MARK_BYTES),
            hash: BatchHash::begin(&self.check.head.hash, row.batch, row.events()),
        });
    }

    /// All events of the batch are in.
    fn close(&mut self) -> Result<(), Fault> {
        let Some(Open { row, hash, .. }) = self.open.take() else { return Ok(()) };
        let hash = hash.finish();
        if hash != row.hash {
            return Err(Fault::Batch { batch: row.batch, reason: "its events do not give its hash" });
        }
        let head = Head { position: row.last, batch: row.batch, hash };
        self.check.tree.push(&hash);
        if self.check.misses_checkpoint(&head) {
            return Err(Fault::Checkpoint { batch: row.batch });
        }
        self.check.head = head;
        self.open();
        Ok(())
    }
}
