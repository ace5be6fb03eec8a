//! What the committer of one partition knows, and what it decides on it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use event_log::append::{self, Batch, Head, KeyClaim, Seal};
use event_log::event::StoredEvent;
use event_log::read;
use event_log::snapshot::Snapshot;
use event_log::turn::Tail;
use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::committer::answer::{Answer, KeysHere, decide_job};
use crate::committer::error::CommitError;
use crate::committer::lead::Route;
use crate::committer::link::Link;
use crate::committer::{CommitterConfig, Job, load, snapshots};
use crate::directory::Directory;
use crate::workspace::{Found, Memory, Missing, Parts, Undo, Workspace};

/// Stock states remembered per partition; beyond, the companies idle longest forget theirs.
const MAX_STOCK_STATES: usize = 400_000;
/// Events read at once when another process was ahead.
const CATCH_UP: i64 = 10_000;
/// After so many turns in which nobody else wrote, none are taken any more.
const ALONE: u32 = 100;

/// The states that the log has led to so far, and where the log stood then.
pub(super) struct Decider {
    /// For reading what must be known.
    pub(super) reads: Link,
    partition: i16,
    clock: Clock,
    snapshot_every: i64,
    feed: broadcast::Sender<Arc<[StoredEvent]>>,
    published: Arc<AtomicI64>,
    route: Arc<Route>,
    memory: Memory,
    head: Option<Head>,
    /// Another process has appended since `head`.
    behind: bool,
    /// Other processes append to the partition, too: take turns.
    contended: bool,
    /// Turns since somebody else wrote.
    alone: u32,
    last_recorded: DateTime<Utc>,
    batches: u64,
}

/// What deciding a batch led to.
pub(super) struct Decided {
    pub(super) events: Vec<StoredEvent>,
    pub(super) keys: Vec<(KeyClaim, i64)>,
    pub(super) answers: Vec<Answer>,
    pub(super) recorded_at: DateTime<Utc>,
    pub(super) undo: Undo,
}

impl Decider {
    pub(super) fn new(
        config: &CommitterConfig,
        partition: i16,
        feed: broadcast::Sender<Arc<[StoredEvent]>>,
        published: Arc<AtomicI64>,
        route: Arc<Route>,
    ) -> Self {
        Self {
            reads: Link::new(config.pool.clone(), partition),
            partition,
            clock: config.clock.clone(),
            snapshot_every: config.snapshot_every,
            feed,
            published,
            route,
            memory: Memory::new(),
            head: None,
            behind: false,
            contended: false,
            alone: 0,
            last_recorded: DateTime::UNIX_EPOCH,
            batches: 0,
        }
    }

    /// Whether other processes append, too, so that turns are to be taken.
    pub(super) fn is_contended(&self) -> bool {
        self.contended
    }

    /// Takes the turn on the connection for appending, unless that has it, and takes in what others appended
    /// meanwhile. True when that was something.
    pub(super) async fn take_turn(&mut self, appends: &mut Link) -> Result<bool, CommitError> {
        let known = self.known_head().await?;
        let Some(Tail { head, events }) = appends.take_turn(known.position, CATCH_UP).await? else {
            return Ok(false);
        };
        let moved = head != known;
        self.alone = if moved { 0 } else { self.alone + 1 };
        self.contended = self.alone < ALONE;
        self.take_in(head, events)?;
        Ok(moved)
    }

    /// Brings the memory up to date and decides on it. `None`: something had to be read first; prepare again.
    pub(super) async fn prepare(
        &mut self,
        jobs: &[Job],
        found: &mut Found,
    ) -> Result<Option<(Head, Decided)>, CommitError> {
        if self.behind && self.catch_up().await? {
            found.outdate();
        }
        let head = self.known_head().await?;
        let recorded_at = self.clock.now().max(self.last_recorded);
        let (decided, missing) = self.decide(jobs, found, &head, recorded_at);
        if !missing.is_empty() {
            self.take_back(decided.undo);
            let connection = self.reads.open().await?;
            let position = head.position;
            let loaded =
                load::load(connection, self.partition, position, missing, &mut self.memory, found).await;
            if loaded.is_err() {
                // Some states are half loaded, or stand at their beginning.
                self.forget();
                found.outdate();
            }
            return loaded.map(|()| None);
        }
        // Where nothing is appended, nothing else tells whether the memory was up to date.
        if decided.events.is_empty() && !self.is_at(&head).await? {
            self.behind = true;
            return Ok(None);
        }
        Ok(Some((head, decided)))
    }

    /// Decides on the assumption that the batch on its way lands. None when something must be read first, or nothing
    /// is written: that is only answered once the head has been compared, see [`Self::prepare`].
    pub(super) fn decide_ahead(&mut self, jobs: &[Job], before: &(Batch, Seal)) -> Option<Decided> {
        let (batch, seal) = before;
        let recorded_at = self.clock.now().max(batch.recorded_at);
        let (decided, missing) = self.decide(jobs, &Found::default(), &seal.after, recorded_at);
        if missing.is_empty() && !decided.events.is_empty() {
            return Some(decided);
        }
        self.take_back(decided.undo);
        None
    }

    /// Takes the changes of a batch back, the newest batch first.
    pub(super) fn take_back(&mut self, undo: Undo) {
        undo.take_back(&mut self.memory);
    }

    /// Snapshots that become due with a batch which was just decided.
    pub(super) fn snapshots_due(&self, batch: &Batch, seal: &Seal) -> Vec<Snapshot> {
        snapshots::due(&self.memory, &batch.events, self.snapshot_every, seal.after.position)
    }

    /// Remembers where the log stands with a batch that landed, and hands its events on.
    pub(super) fn landed(&mut self, batch: Batch, head: Head) {
        self.last_recorded = batch.recorded_at;
        self.published.fetch_max(head.position, Ordering::AcqRel);
        self.head = Some(head);
        self.route.batches.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("stocktrail_committer_events_total")
            .increment(u64::try_from(batch.events.len()).unwrap_or(0));
        // Nobody may be listening.
        drop(self.feed.send(batch.events.into()));
    }

    /// Another process moved the head, or has the turn.
    pub(super) fn fell_behind(&mut self) {
        self.behind = true;
        self.contended = true;
        self.alone = 0;
        self.route.contention.notify_one();
    }

    /// Decides every submission in order on what is known. Where something is missing, the rest means nothing.
    fn decide(
        &mut self,
        jobs: &[Job],
        found: &Found,
        head: &Head,
        recorded_at: DateTime<Utc>,
    ) -> (Decided, HashSet<Missing>) {
        self.batches += 1;
        let (partition, batch) = (self.partition, self.batches);
        let mut workspace = Workspace::new(&mut self.memory, found, partition, head, recorded_at, batch);
        workspace.expect(jobs.iter().map(|job| job.submission.operations.len()).sum());
        let mut answers: Vec<Answer> = Vec::with_capacity(jobs.len());
        let mut keys_here = KeysHere::new();
        for job in jobs {
            let answer = decide_job(&mut workspace, job, &mut keys_here, &answers);
            answers.push(answer);
        }
        let Parts { events, keys, missing, undo } = workspace.into_parts();
        (Decided { events, keys, answers, recorded_at, undo }, missing)
    }

    /// Whether the log still stands where the memory does.
    async fn is_at(&mut self, head: &Head) -> Result<bool, CommitError> {
        let partition = self.partition;
        Ok(append::head(self.reads.open().await?, partition).await? == *head)
    }

    async fn known_head(&mut self) -> Result<Head, CommitError> {
        if let Some(head) = &self.head {
            return Ok(head.clone());
        }
        let partition = self.partition;
        let head = append::head(self.reads.open().await?, partition).await?;
        self.published.fetch_max(head.position, Ordering::AcqRel);
        self.head = Some(head.clone());
        Ok(head)
    }

    /// Reads what other processes appended since the head that the memory stands at. False when that was nothing.
    async fn catch_up(&mut self) -> Result<bool, CommitError> {
        let known = self.known_head().await?;
        let partition = self.partition;
        let connection = self.reads.open().await?;
        let target = append::head(connection, partition).await?;
        let moved = target != known;
        let events = if target.position - known.position > CATCH_UP {
            None
        } else {
            let mut missed = read::after(connection, partition, known.position, CATCH_UP).await?;
            missed.retain(|event| event.position <= target.position);
            Some(missed)
        };
        self.take_in(target, events)?;
        Ok(moved)
    }

    /// Takes in what others appended up to a head. Where that is not known, everything is read again when it is needed.
    fn take_in(&mut self, head: Head, events: Option<Vec<StoredEvent>>) -> Result<(), CommitError> {
        match events {
            None => self.memory.clear(),
            Some(events) => {
                for event in &events {
                    if let Some(directory) = self.memory.get_mut(&event.company_id) {
                        directory.absorb(event)?;
                    }
                    self.last_recorded = self.last_recorded.max(event.recorded_at);
                }
                if !events.is_empty() {
                    drop(self.feed.send(Arc::from(events)));
                }
            }
        }
        self.published.fetch_max(head.position, Ordering::AcqRel);
        self.head = Some(head);
        self.behind = false;
        Ok(())
    }

    /// Forgets everything; it is read again when it is needed.
    pub(super) fn forget(&mut self) {
        self.memory.clear();
        self.head = None;
        self.behind = false;
        self.reads.close();
    }

    /// Whether more is remembered than should be.
    pub(super) fn is_full(&self) -> bool {
        self.stock_states() > MAX_STOCK_STATES
    }

    fn stock_states(&self) -> usize {
        self.memory.values().map(Directory::stock_held).sum()
    }

    /// Forgets what the companies idle longest had, where too much is remembered. Nothing may be on its way.
    pub(super) fn bound_memory(&mut self) {
        let mut held = self.stock_states();
        while held > MAX_STOCK_STATES {
            let idlest =
                self.memory.values_mut().filter(|held| held.stock_held() > 0).min_by_key(|d| d.last_used);
            let Some(idlest) = idlest else { return };
            held -= idlest.stock_held();
            idlest.forget_loaded();
        }
    }
}
