//! One batch while it is decided: operations change the remembered states at once, so the next one sees them, and
//! everything can be taken back if the batch is not appended.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use domain::shared::event::Event;
use domain::shared::ids::LocationId;
use domain::shared::quantity::Units;
use domain::stock::StockEvent;
use event_log::append::{Head, KeyClaim, KeyKind, TakenKey};
use event_log::event::{Meaning, StoredEvent, StreamKey};
use futures::FutureExt;
use uuid::Uuid;

use crate::clock::Ids;
use crate::directory::{Cached, Directory, Room};
use crate::operation::{Operation, Outcome, Verdict};
use crate::refused::Refused;

/// What the committer of one partition remembers, by company.
pub(crate) type Memory = HashMap<Uuid, Directory>;

/// Keys found in the log while this batch is decided.
pub(crate) type TakenKeys = HashMap<(Uuid, KeyKind, Uuid), TakenKey>;

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
    /// Whole pasts of stock streams, by company and stream id.
    pub(crate) histories: HashMap<(Uuid, Arc<str>), Vec<StockEvent>>,
    /// Sale lines by company and key; `None` where no such line was ever sold.
    pub(crate) sold_lines: HashMap<(Uuid, Uuid), Option<SoldLine>>,
}

type Restore = Box<dyn FnOnce(&mut Directory) + Send>;

/// How to take a batch's changes back.
#[derive(Default)]
pub(crate) struct Undo(Vec<(Uuid, Restore)>);

impl Undo {
    /// Takes every change of the batch back.
    pub(crate) fn take_back(self, memory: &mut Memory) {
        for (company_id, restore) in self.0.into_iter().rev() {
            if let Some(directory) = memory.get_mut(&company_id) {
                restore(directory);
            }
        }
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

    /// Decides one operation. `None`: something must be read first.
    pub(crate) fn decide(&mut self, operation: &Operation) -> Option<Verdict> {
        match self.outcome(operation) {
            Ok(outcome) => Some(Verdict::Accepted(outcome)),
            Err(Stop::Refused(refused)) => Some(Verdict::Refused(refused)),
            Err(Stop::Duplicate) => Some(Verdict::Duplicate),
            Err(Stop::Missing) => None,
        }
    }

    fn outcome(&mut self, operation: &Operation) -> Result<Outcome, Stop> {
        match operation {
            Operation::Stock { item, intent } => self.change_stock(item, intent),
            Operation::PreviewStock { item, intent } => self.preview_stock(item, intent),
            Operation::RecordLine(line) => self.record_line(line),
            Operation::ReportDay(report) => self.report_day(report),
            Operation::ReleaseQuarantined { quarantine_id } => self.release_quarantined(*quarantine_id),
            Operation::ConfigureChannel { channel, config } => self.configure_channel(channel, config),
            Operation::CreateProduct { item_id, details } => self.create_product(item_id, details),
            Operation::EditProduct { item, edit, expected_version } => {
                self.edit_product(item, edit, *expected_version)
            }
            Operation::DeactivateProduct { item } => self.deactivate_product(item),
            Operation::ReactivateProduct { item } => self.reactivate_product(item),
            Operation::CreateLocation { location_id, details, is_primary } => {
                self.create_location(location_id, details, *is_primary)
            }
            Operation::EditLocation { location_id, edit, expected_version } => {
                self.edit_location(location_id, edit, *expected_version)
            }
            Operation::DeactivateLocation { location_id, seen } => {
                self.deactivate_location(location_id, *seen)
            }
            Operation::ReactivateLocation { location_id } => self.reactivate_location(location_id),
            Operation::FoundCompany { profile } => self.found_company(profile),
            Operation::EditCompany { edit } => self.edit_company(edit),
            Operation::ChooseSettings { changes } => self.choose_settings(changes),
            Operation::StartDay { date } => self.start_day(*date),
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
            self.undo.0.push((self.company_id, Box::new(forget)));
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
                self.undo.0.push((company_id, restore::<A>(id.clone(), before)));
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

fn restore<A: Room + Send + 'static>(id: Arc<str>, before: Cached<A>) -> Restore {
    Box::new(move |directory| {
        let table = A::table(directory);
        let now = if before.version == 0 { table.remove(&id) } else { table.insert(id.clone(), before) };
        A::reindex(directory, &id, now.map(|cached| cached.state).as_ref());
    })
}

/// Runs a command through the aggregate trait. Deciding never waits, so the future is ready at its first poll.
fn drive<A: Room>(state: &mut A, command: A::Command) -> Result<Vec<A::Event>, A::Error> {
    let sink = EventSink::default();
    let handled = tokio::task::unconstrained(state.handle(command, &(), &sink)).now_or_never();
    match handled {
        Some(Ok(())) => Ok(sink.collect().now_or_never().unwrap_or_default()),
        Some(Err(refusal)) => Err(refusal),
        None => Ok(Vec::new()),
    }
}

/// Runs a command on a copy of a state: what would happen, without anything happening.
pub(crate) fn rehearse<A: Aggregate<Services = ()> + Room>(
    state: &A,
    command: A::Command,
) -> Result<Vec<A::Event>, A::Error> {
    drive(&mut state.clone(), command)
}
