//! The committer of one partition.
//!
//! While a batch is on its way to the log, the one behind it is decided on the assumption that it lands. Where it does
//! not, both are taken back, the newest first, and decided again.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use event_log::append::{self, Appended, Batch, Head, KeyClaim, Seal};
use event_log::event::StoredEvent;
use event_log::read;
use event_log::snapshot::Snapshot;
use sqlx::PgPool;
use tokio::sync::{Mutex, broadcast};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::committer::answer::{Answer, KeysHere, decide_job};
use crate::committer::error::CommitError;
use crate::committer::inbox::Inbox;
use crate::committer::link::{Link, PATIENCE};
use crate::committer::{CommitterConfig, Job, load, snapshots};
use crate::directory::Directory;
use crate::operation::SubmitError;
use crate::workspace::{Found, Memory, Missing, Parts, Undo, Workspace};

/// How often a batch is decided anew before its callers are told to come again.
const MAX_ROUNDS: usize = 64;
/// Stock states remembered per partition; beyond, the companies idle longest forget theirs.
const MAX_STOCK_STATES: usize = 400_000;
/// Events read at once when another process was ahead.
const CATCH_UP: i64 = 10_000;
/// Operations that are worth deciding while a batch is on its way; fewer had better wait for more.
const WORTH_DECIDING: usize = 256;

pub(super) struct Worker {
    pool: PgPool,
    /// For reading what must be known.
    reads: Link,
    /// For appending, while the next batch is decided.
    appends: Arc<Mutex<Link>>,
    partition: i16,
    clock: Clock,
    snapshot_every: i64,
    feed: broadcast::Sender<Arc<[StoredEvent]>>,
    published: Arc<AtomicI64>,
    memory: Memory,
    head: Option<Head>,
    /// Another process has appended since `head`.
    behind: bool,
    last_recorded: DateTime<Utc>,
    batches: u64,
}

/// What deciding a batch led to.
struct Decided {
    events: Vec<StoredEvent>,
    keys: Vec<(KeyClaim, i64)>,
    answers: Vec<Answer>,
    recorded_at: DateTime<Utc>,
    undo: Undo,
}

/// A batch on its way to the log.
struct Flight {
    jobs: Vec<Job>,
    found: Found,
    rounds: usize,
    answers: Vec<Answer>,
    undo: Undo,
    snapshots: Vec<Snapshot>,
    sent: Arc<(Batch, Seal)>,
    append: JoinHandle<Result<Appended, CommitError>>,
    landed: Option<Result<Appended, CommitError>>,
}

/// A batch behind the one on its way; decided, unless something must be read first.
struct Next {
    jobs: Vec<Job>,
    decided: Option<Decided>,
}

impl Worker {
    pub(super) fn new(
        config: CommitterConfig,
        partition: i16,
        feed: broadcast::Sender<Arc<[StoredEvent]>>,
        published: Arc<AtomicI64>,
    ) -> Self {
        Self {
            reads: Link::new(config.pool.clone(), partition),
            appends: Arc::new(Mutex::new(Link::new(config.pool.clone(), partition))),
            pool: config.pool,
            partition,
            clock: config.clock,
            snapshot_every: config.snapshot_every,
            feed,
            published,
            memory: Memory::new(),
            head: None,
            behind: false,
            last_recorded: DateTime::UNIX_EPOCH,
            batches: 0,
        }
    }

    /// Takes batches until the queue closes or the process stops; what waits then is still decided.
    pub(super) async fn run(mut self, mut inbox: Inbox) {
        while let Some(jobs) = inbox.next().await {
            let mut flight = self.take_off(jobs, Found::default(), 0).await;
            while let Some(mut under_way) = flight {
                let next = self.decide_next(&mut under_way, &mut inbox).await;
                flight = self.land(under_way, next, Some(&mut inbox)).await;
            }
            self.bound_memory();
        }
    }

    /// Commits a batch that is not to be mixed with others.
    async fn process(&mut self, jobs: Vec<Job>) {
        let mut flight = self.take_off(jobs, Found::default(), 0).await;
        while let Some(under_way) = flight {
            flight = self.land(under_way, None, None).await;
        }
    }

    /// Decides a batch and sends it. None when there is nothing to send and its callers are answered.
    async fn take_off(&mut self, jobs: Vec<Job>, mut found: Found, mut rounds: usize) -> Option<Flight> {
        let deadline = Instant::now() + PATIENCE;
        while rounds < MAX_ROUNDS {
            match self.prepare(&jobs, &mut found).await {
                Ok(Some((_, decided))) if decided.events.is_empty() => {
                    answer(jobs, decided.answers);
                    return None;
                }
                Ok(Some((head, decided))) => return Some(self.send(jobs, (found, rounds), head, decided)),
                Ok(None) => rounds += 1,
                Err(error) if error.is_connection() && Instant::now() < deadline => {
                    self.reads.reconnect(&error).await;
                }
                Err(error) => {
                    self.fail(jobs, &error).await;
                    return None;
                }
            }
        }
        let busy = jobs.iter().map(|_| Err(SubmitError::Busy { retry_after_seconds: 1 })).collect();
        answer(jobs, busy);
        None
    }

    fn send(
        &mut self,
        jobs: Vec<Job>,
        (found, rounds): (Found, usize),
        head: Head,
        decided: Decided,
    ) -> Flight {
        let Decided { events, keys, answers, recorded_at, undo } = decided;
        let batch = Batch { partition: self.partition, expected: head, events, keys, recorded_at };
        let seal = append::seal(&batch);
        let snapshots =
            snapshots::due(&self.memory, &batch.events, self.snapshot_every, seal.after.position);
        let sent = Arc::new((batch, seal));
        let (link, sending) = (self.appends.clone(), sent.clone());
        let append = tokio::spawn(async move { link.lock().await.append(&sending.0, &sending.1).await });
        Flight { jobs, found, rounds, answers, undo, snapshots, sent, append, landed: None }
    }

    /// Decides the next batch while one is on its way. None when that has landed before enough was waiting.
    async fn decide_next(&mut self, flight: &mut Flight, inbox: &mut Inbox) -> Option<Next> {
        while !inbox.holds(WORTH_DECIDING) {
            tokio::select! {
                biased;
                () = flight.wait() => return None,
                () = inbox.receive(), if !inbox.is_closed() => {}
            }
        }
        if self.stock_states() > MAX_STOCK_STATES {
            return None;
        }
        let jobs = inbox.batch()?;
        let (batch, seal) = &*flight.sent;
        let recorded_at = self.clock.now().max(batch.recorded_at);
        let (decided, missing) = self.decide(&jobs, &Found::default(), &seal.after, recorded_at);
        // What writes nothing is only answered once the head has been compared; see `prepare`.
        if missing.is_empty() && !decided.events.is_empty() {
            return Some(Next { jobs, decided: Some(decided) });
        }
        decided.undo.take_back(&mut self.memory);
        Some(Next { jobs, decided: None })
    }

    /// Ends a flight: answers its callers, or decides it again. What is next takes off.
    async fn land(
        &mut self,
        mut flight: Flight,
        next: Option<Next>,
        inbox: Option<&mut Inbox>,
    ) -> Option<Flight> {
        flight.wait().await;
        match flight.landed.take() {
            Some(Ok(Appended::Done(head))) => {
                self.finish(flight, head.clone());
                let Next { jobs, decided } = next?;
                match decided {
                    Some(decided) => Some(self.send(jobs, (Found::default(), 0), head, decided)),
                    None => self.take_off(jobs, Found::default(), 0).await,
                }
            }
            outcome => {
                if let Some(Next { jobs, decided }) = next {
                    if let Some(decided) = decided {
                        decided.undo.take_back(&mut self.memory);
                    }
                    if let Some(inbox) = inbox {
                        inbox.put_back(jobs);
                    }
                }
                self.again(flight, outcome).await
            }
        }
    }

    /// Nothing was written, or nobody knows.
    async fn again(
        &mut self,
        flight: Flight,
        outcome: Option<Result<Appended, CommitError>>,
    ) -> Option<Flight> {
        let Flight { jobs, mut found, rounds, undo, .. } = flight;
        undo.take_back(&mut self.memory);
        match outcome {
            Some(Ok(Appended::KeysTaken(keys))) => {
                found.taken.extend(keys.into_iter().map(|key| ((key.company_id, key.kind, key.key), key)));
            }
            Some(Err(error)) => {
                self.fail(jobs, &error).await;
                return None;
            }
            Some(Ok(Appended::Stale(_) | Appended::Done(_))) | None => {
                found.histories.clear();
                self.behind = true;
            }
        }
        self.take_off(jobs, found, rounds + 1).await
    }

    /// A batch that the log refuses is halved until its poison stands alone. Where the log cannot be reached, nobody
    /// knows what became of it.
    async fn fail(&mut self, jobs: Vec<Job>, error: &CommitError) {
        self.forget();
        if error.is_connection() || jobs.len() == 1 {
            tracing::error!(partition = self.partition, ?error, "a batch was not appended");
            let told = if error.is_connection() { SubmitError::Unavailable } else { SubmitError::Rejected };
            let answers = jobs.iter().map(|_| Err(told.clone())).collect();
            return answer(jobs, answers);
        }
        let mut first = jobs;
        let second = first.split_off(first.len() / 2);
        Box::pin(self.process(first)).await;
        Box::pin(self.process(second)).await;
    }

    /// Brings the memory up to date and decides on it. `None`: something had to be read first; prepare again.
    async fn prepare(
        &mut self,
        jobs: &[Job],
        found: &mut Found,
    ) -> Result<Option<(Head, Decided)>, CommitError> {
        if self.behind {
            self.catch_up().await?;
        }
        let head = self.known_head().await?;
        let recorded_at = self.clock.now().max(self.last_recorded);
        let (decided, missing) = self.decide(jobs, found, &head, recorded_at);
        if !missing.is_empty() {
            decided.undo.take_back(&mut self.memory);
            let connection = self.reads.open().await?;
            let position = head.position;
            let loaded =
                load::load(connection, self.partition, position, missing, &mut self.memory, found).await;
            if loaded.is_err() {
                self.reads.close();
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

    /// Publishes a batch that landed, answers its callers and remembers the new head.
    fn finish(&mut self, flight: Flight, head: Head) {
        let Flight { jobs, answers, snapshots, sent, .. } = flight;
        let recorded_at = sent.0.recorded_at;
        let events: Arc<[StoredEvent]> = match Arc::try_unwrap(sent) {
            Ok((batch, _)) => batch.events.into(),
            Err(shared) => shared.0.events.clone().into(),
        };
        self.last_recorded = recorded_at;
        self.published.store(head.position, Ordering::Release);
        self.head = Some(head);
        if !snapshots.is_empty() {
            tokio::spawn(snapshots::save(self.pool.clone(), self.partition, snapshots));
        }
        metrics::counter!("stocktrail_committer_events_total")
            .increment(u64::try_from(events.len()).unwrap_or(0));
        // Nobody may be listening.
        drop(self.feed.send(events));
        answer(jobs, answers);
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
        self.published.store(head.position, Ordering::Release);
        self.head = Some(head.clone());
        Ok(head)
    }

    /// Reads what other processes appended since the head that the memory stands at.
    async fn catch_up(&mut self) -> Result<(), CommitError> {
        let known = self.known_head().await?;
        let partition = self.partition;
        let connection = self.reads.open().await?;
        let target = append::head(connection, partition).await?;
        if target.position - known.position > CATCH_UP {
            self.memory.clear();
        } else {
            let missed = read::after(connection, partition, known.position, CATCH_UP).await?;
            let missed: Vec<_> =
                missed.into_iter().filter(|event| event.position <= target.position).collect();
            for event in &missed {
                if let Some(directory) = self.memory.get_mut(&event.company_id) {
                    directory.absorb(event)?;
                }
                self.last_recorded = self.last_recorded.max(event.recorded_at);
            }
            drop(self.feed.send(Arc::from(missed)));
        }
        self.published.store(target.position, Ordering::Release);
        self.head = Some(target);
        self.behind = false;
        Ok(())
    }

    fn forget(&mut self) {
        self.memory.clear();
        self.head = None;
        self.behind = false;
        self.reads.close();
    }

    fn stock_states(&self) -> usize {
        self.memory.values().map(Directory::stock_held).sum()
    }

    fn bound_memory(&mut self) {
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

impl Flight {
    /// Until it has landed.
    async fn wait(&mut self) {
        if self.landed.is_none() {
            let crashed = |_| Err(CommitError::Connection(sqlx::Error::WorkerCrashed));
            self.landed = Some((&mut self.append).await.unwrap_or_else(crashed));
        }
    }
}

fn answer(jobs: Vec<Job>, answers: Vec<Answer>) {
    metrics::histogram!("stocktrail_committer_batch_submissions")
        .record(f64::from(u32::try_from(jobs.len()).unwrap_or(u32::MAX)));
    for (job, answer) in jobs.into_iter().zip(answers) {
        // A caller that has gone away is nobody to tell.
        drop(job.answer.send(answer));
    }
}
