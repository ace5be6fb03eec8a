//! One batch while it is decided: operations change the remembered states at once, so the next one sees them, and
//! everything can be taken back if the batch is not appended.
//!
//! `decide` gives each operation to its room, `found` is what was read from the log for the batch, `undo` takes back.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::shared::event::Event;
use domain::shared::ids::LocationId;
use event_log::append::{Head, KeyClaim, KeyKind};
use event_log::event::{Meaning, StoredEvent, StreamKey};
use uuid::Uuid;

use crate::clock::Ids;
use crate::directory::{Cached, Directory, Room};
use crate::refused::Refused;

mod decide;
mod found;
mod undo;

use decide::drive;
pub(crate) use decide::rehearse;
pub(crate) use found::{Found, Histories, Missing, SoldLine};
pub(crate) use undo::Undo;

/// What the committer of one partition remembers, by company.
pub(crate) type Memory = HashMap<Uuid, Directory>;

/// Why an operation has no outcome yet or ever.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A rule forbids it.
    Refused(Refused),
    /// The outside fact is recorded already.
    Duplicate,
    /// Something must be read from the log first; it is noted in [`Workspace::missing`].
    Missing,
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// The batch that is being decided.
pub(crate) struct Workspace<'a> {
    memory: &'a mut Memory,
    pub(crate) found: &'a Found,
    partition: i16,
    head: &'a Head,
    pub(crate) now: DateTime<Utc>,
    pub(crate) ids: Ids,
    /// Events in order.
    pub(crate) events: Vec<StoredEvent>,
    /// Keys with the position that their answers speak of.
    pub(crate) keys: Vec<(KeyClaim, i64)>,
    /// What must be read first.
    pub(crate) missing: HashSet<Missing>,
    /// Outside facts that this batch claims, with their digests.
    claimed: HashMap<(Uuid, Uuid), Uuid>,
    /// Sale lines of this batch.
    pub(crate) sold_here: HashMap<(Uuid, Uuid), SoldLine>,
    touched: HashSet<(&'static str, Uuid, Arc<str>)>,
    undo: Undo,
    /// Company of the operation at hand.
    pub(crate) company_id: Uuid,
    metadata: Arc<str>,
    batch: u64,
}

impl<'a> Workspace<'a> {
    /// An empty batch on `head`.
    pub(crate) fn new(
        memory: &'a mut Memory,
        found: &'a Found,
        partition: i16,
        head: &'a Head,
        now: DateTime<Utc>,
        batch: u64,
    ) -> Self {
        Self {
            memory,
            found,
            partition,
            head,
            now,
            ids: Ids,
            events: Vec::new(),
            keys: Vec::new(),
            missing: HashSet::new(),
            claimed: HashMap::new(),
            sold_here: HashMap::new(),
            touched: HashSet::new(),
            undo: Undo::default(),
            company_id: Uuid::nil(),
            metadata: Arc::from("{}"),
            batch,
        }
    }

    /// Makes room for the events and keys of about so many operations.
    pub(crate) fn expect(&mut self, operations: usize) {
        self.events.reserve(operations);
        self.keys.reserve(operations);
    }

    /// Starts the operations of one caller.
    pub(crate) fn enter(&mut self, company_id: Uuid, metadata: Arc<str>) {
        self.company_id = company_id;
        self.metadata = metadata;
        if let Some(directory) = self.memory.get_mut(&company_id) {
            directory.last_used = self.batch;
        }
    }

    /// The company at hand, loaded.
    pub(crate) fn directory(&mut self) -> Result<&mut Directory, Stop> {
        let Some(directory) = self.memory.get_mut(&self.company_id) else {
            self.missing.insert(Missing::Directory(self.company_id));
            return Err(Stop::Missing);
        };
        Ok(directory)
    }

    /// Notes that the last event moves or promises stock at `location`.
    pub(crate) fn note_movement(&mut self, location: &LocationId) -> Result<(), Stop> {
        let position = self.next_position() - 1;
        let before = self.directory()?.note_movement(location, position);
        // What this batch itself noted goes back with its first note.
        if before.is_none_or(|before| before <= self.head.position) {
            let location = location.clone();
            let forget = move |directory: &mut Directory| directory.forget_movement(&location, before);
            self.undo.note(self.company_id, forget);
        }
        Ok(())
    }

    /// Position that the next event takes.
    pub(crate) fn next_position(&self) -> i64 {
        self.head.position + 1 + i64::try_from(self.events.len()).unwrap_or(i64::MAX)
    }

    /// The state of a stream, loaded; of a new stream, the default.
    pub(crate) fn state<A: Room>(&mut self, id: &Arc<str>) -> Result<&mut Cached<A>, Stop>
    where
        A::Event: Event,
    {
        let company_id = self.company_id;
        let stream = || StreamKey { company_id, stream_type: A::Event::STREAM_TYPE, stream_id: id.clone() };
        let complete = crate::directory::COMPLETE.contains(&A::Event::STREAM_TYPE);
        let directory = self.directory()?;
        if !A::table(directory).contains_key(id) {
            if !complete {
                self.missing.insert(Missing::Stream(stream()));
                return Err(Stop::Missing);
            }
            A::table(directory).insert(id.clone(), Cached { version: 0, state: A::default() });
        }
        let directory = self.directory()?;
        A::table(directory).get_mut(id).ok_or(Stop::Missing)
    }

    /// Runs `command` on a stream, remembers its new state and notes its events. `event_id` is for the first event;
    /// `effective_at` for all of them.
    pub(crate) fn change<A>(
        &mut self,
        id: &Arc<str>,
        event_id: Uuid,
        effective_at: Option<DateTime<Utc>>,
        command: A::Command,
    ) -> Result<Vec<A::Event>, Stop>
    where
        A: Room + Send + 'static,
        A::Event: Event,
        A::Error: Into<Stop>,
    {
        let company_id = self.company_id;
        let first_touch = !self.touched.contains(&(A::Event::STREAM_TYPE, company_id, id.clone()));
        let cached = self.state::<A>(id)?;
        let before = (first_touch || A::INDEXED).then(|| cached.clone());
        let events = drive(&mut cached.state, command).map_err(Into::into)?;
        if events.is_empty() {
            return Ok(events);
        }
        let first_version = cached.version + 1;
        cached.version += i64::try_from(events.len()).unwrap_or(0);
        if let Some(before) = before {
            A::reindex(self.directory()?, id, (before.version > 0).then_some(&before.state));
            if first_touch {
                self.touched.insert((A::Event::STREAM_TYPE, company_id, id.clone()));
                self.undo.note_stream(company_id, id.clone(), before);
            }
        }
        let mut event_id = event_id;
        for (version, event) in (first_version..).zip(&events) {
            self.note(id, version, event_id, effective_at, event)?;
            event_id = self.ids.next();
        }
        Ok(events)
    }

    fn note<E: Event>(
        &mut self,
        id: &Arc<str>,
        version: i64,
        event_id: Uuid,
        effective_at: Option<DateTime<Utc>>,
        event: &E,
    ) -> Result<(), Stop> {
        let payload = event.payload().map_err(|error| {
            Stop::Refused(Refused::new("unwritable", crate::RefusalKind::Invalid, error.to_string()))
        })?;
        debug_assert_eq!(
            E::decode(event.name(), event.schema_version(), &payload).ok().as_ref(),
            Some(event),
            "what is read back is what was meant"
        );
        self.events.push(StoredEvent {
            partition: self.partition,
            position: self.next_position(),
            company_id: self.company_id,
            stream_type: Arc::from(E::STREAM_TYPE),
            stream_id: id.clone(),
            version,
            event_id,
            event_type: Arc::from(event.name()),
            schema_version: event.schema_version(),
            effective_at: effective_at.unwrap_or(self.now),
            recorded_at: self.now,
            payload: Arc::from(payload),
            metadata: self.metadata.clone(),
            meaning: Meaning::of(event.clone()),
        });
        Ok(())
    }

    /// Whether an outside fact is new. Refuses another fact under the same key.
    pub(crate) fn check_external(&self, key: Uuid, digest: Uuid) -> Result<(), Stop> {
        let earlier = self.claimed.get(&(self.company_id, key)).copied().or_else(|| {
            self.found.taken.get(&(self.company_id, KeyKind::External, key)).map(|taken| taken.digest)
        });
        match earlier {
            None => Ok(()),
            Some(earlier) if earlier == digest => Err(Stop::Duplicate),
            Some(_) => Err(Stop::Refused(Refused::new(
                "differs_from_recorded",
                crate::RefusalKind::Conflict,
                "a line with this channel and line id but other content is recorded already",
            ))),
        }
    }

    /// Claims the key of an outside fact together with the events noted so far.
    pub(crate) fn claim_external(&mut self, key: Uuid, digest: Uuid) {
        self.claimed.insert((self.company_id, key), digest);
        self.claim(KeyKind::External, key, digest, None);
    }

    /// Claims the key of the request at hand, whose events end just here.
    pub(crate) fn claim_request(&mut self, key: Uuid, digest: Uuid, answer: String) {
        self.claim(KeyKind::Request, key, digest, Some(answer));
    }

    fn claim(&mut self, kind: KeyKind, key: Uuid, digest: Uuid, answer: Option<String>) {
        let position = self.next_position() - 1;
        self.keys.push((KeyClaim { company_id: self.company_id, kind, key, digest, answer }, position));
    }

    /// Starts a stream that certainly has no events, so that nothing need be read.
    pub(crate) fn begin_stream<A: Room>(&mut self, id: &Arc<str>) -> Result<(), Stop> {
        A::table(self.directory()?).insert(id.clone(), Cached { version: 0, state: A::default() });
        Ok(())
    }

    /// The decided batch, and how to take it back.
    pub(crate) fn into_parts(self) -> Parts {
        Parts { events: self.events, keys: self.keys, missing: self.missing, undo: self.undo }
    }
}

/// A decided batch.
pub(crate) struct Parts {
    /// Events in order.
    pub(crate) events: Vec<StoredEvent>,
    /// Keys with the position that their answers speak of.
    pub(crate) keys: Vec<(KeyClaim, i64)>,
    /// What must be read before it can really be decided.
    pub(crate) missing: HashSet<Missing>,
    /// How to take it back.
    pub(crate) undo: Undo,
}
