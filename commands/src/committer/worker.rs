//! The committer of one partition.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::append::{self, Appended, Batch, Head, KeyClaim};
use event_log::event::StoredEvent;
use event_log::read;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::committer::answer::{Answer, KeysHere, decide_job};
use crate::committer::error::CommitError;
use crate::committer::{CommitterConfig, Job, load, snapshots};
use crate::directory::Directory;
use crate::operation::SubmitError;
use crate::workspace::{Found, Memory, Parts, Undo, Workspace};

/// Submissions taken from the queue at once.
const MAX_JOBS: usize = 1_024;
/// Operations of one batch; a single larger submission makes a batch of its own.
const MAX_OPERATIONS: usize = 4_096;
/// How often a batch is decided anew before its callers are told to come again.
const MAX_ROUNDS: usize = 64;
/// How long a lost connection is tried again before the outcome is called unknown.
const RECONNECT: Duration = Duration::from_secs(20);
/// Stock states remembered per partition; beyond, the companies idle longest forget theirs.
const MAX_STOCK_STATES: usize = 400_000;
/// Events read at once when another process was ahead.
const CATCH_UP: i64 = 10_000;

pub(super) struct Worker {
    pool: PgPool,
    connection: Option<PoolConnection<Postgres>>,
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

impl Worker {
    pub(super) fn new(
        config: CommitterConfig,
        partition: i16,
        feed: broadcast::Sender<Arc<[StoredEvent]>>,
        published: Arc<AtomicI64>,
    ) -> Self {
        Self {
            pool: config.pool,
            connection: None,
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
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>, stop: CancellationToken) {
        let mut waiting = Vec::with_capacity(MAX_JOBS);
        loop {
            tokio::select! {
                biased;
                _ = jobs.recv_many(&mut waiting, MAX_JOBS) => {}
                () = stop.cancelled() => {
                    jobs.close();
                    jobs.recv_many(&mut waiting, usize::MAX).await;
                }
            }
            if waiting.is_empty() {
                return;
            }
            for batch in split(&mut waiting) {
                self.process(batch).await;
            }
        }
    }

    /// Decides, appends and answers one batch.
    async fn process(&mut self, jobs: Vec<Job>) {
        self.batches += 1;
        metrics::histogram!("stocktrail_committer_batch_submissions")
            .record(f64::from(u32::try_from(jobs.len()).unwrap_or(u32::MAX)));
        match self.commit(&jobs).await {
            Ok(answers) => {
                for (job, answer) in jobs.into_iter().zip(answers) {
                    // A caller that has gone away is nobody to tell.
                    drop(job.answer.send(answer));
                }
            }
            Err(error) if error.is_connection() || jobs.len() == 1 => {
                tracing::error!(partition = self.partition, error = ?error, "a batch was not appended");
                self.forget();
                let answer =
                    if error.is_connection() { SubmitError::Unavailable } else { SubmitError::Rejected };
                for job in jobs {
                    drop(job.answer.send(Err(answer.clone())));
                }
            }
            Err(_) => {
                // One of them is poison. Halve until it stands alone.
                self.forget();
                let mut first = jobs;
                let second = first.split_off(first.len() / 2);
                Box::pin(self.process(first)).await;
                Box::pin(self.process(second)).await;
            }
        }
        self.bound_memory();
    }

    async fn commit(&mut self, jobs: &[Job]) -> Result<Vec<Answer>, CommitError> {
        let mut found = Found::default();
        let deadline = Instant::now() + RECONNECT;
        let mut rounds = 0;
        while rounds < MAX_ROUNDS {
            let (head, decided) = match self.prepare(jobs, &mut found).await {
                Ok(Some(decided)) => decided,
                Ok(None) => {
                    rounds += 1;
                    continue;
                }
                Err(error) if error.is_connection() && Instant::now() < deadline => {
                    self.reconnect(&error).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Decided { events, keys, answers, recorded_at, undo } = decided;
            if events.is_empty() {
                return Ok(answers);
            }
            let batch = Batch { partition: self.partition, expected: head, events, keys, recorded_at };
            match self.append(&batch).await? {
                Appended::Done(head) => {
                    self.finish(batch, head);
                    return Ok(answers);
                }
                Appended::Stale(_) => {
                    undo.take_back(&mut self.memory);
                    found.histories.clear();
                    self.behind = true;
                }
                Appended::KeysTaken(keys) => {
                    undo.take_back(&mut self.memory);
                    found
                        .taken
                        .extend(keys.into_iter().map(|key| ((key.company_id, key.kind, key.key), key)));
                }
            }
            rounds += 1;
        }
        Ok(jobs.iter().map(|_| Err(SubmitError::Busy { retry_after_seconds: 1 })).collect())
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
        let Some(decided) = self.decide(jobs, found, &head).await? else { return Ok(None) };
        // Where nothing is appended, nothing else tells whether the memory was up to date.
        if decided.events.is_empty() && !self.is_at(&head).await? {
            self.behind = true;
            return Ok(None);
        }
        Ok(Some((head, decided)))
    }

    async fn reconnect(&mut self, error: &CommitError) {
        tracing::warn!(partition = self.partition, error = ?error, "the log's connection was lost");
        self.connection = None;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Decides every submission in order. `None`: something had to be read first; decide again.
    async fn decide(
        &mut self,
        jobs: &[Job],
        found: &mut Found,
        head: &Head,
    ) -> Result<Option<Decided>, CommitError> {
        let recorded_at = self.clock.now().max(self.last_recorded);
        let operations = jobs.iter().map(|job| job.submission.operations.len()).sum();
        let mut workspace =
            Workspace::new(&mut self.memory, found, self.partition, head, recorded_at, self.batches, operations);
        let mut answers: Vec<Answer> = Vec::with_capacity(jobs.len());
        let mut keys_here = KeysHere::new();
        for job in jobs {
            let answer = decide_job(&mut workspace, job, &mut keys_here, &answers);
            answers.push(answer);
        }
        let Parts { events, keys, missing, undo } = workspace.into_parts();
        if missing.is_empty() {
            return Ok(Some(Decided { events, keys, answers, recorded_at, undo }));
        }
        undo.take_back(&mut self.memory);
        let connection = connected(&self.pool, &mut self.connection).await?;
        let loaded =
            load::load(connection, self.partition, head.position, missing, &mut self.memory, found).await;
        if loaded.is_err() {
            self.connection = None;
        }
        loaded.map(|()| None)
    }

    /// Appends; after a lost connection finds out whether the batch is in before anything is sent again.
    async fn append(&mut self, batch: &Batch) -> Result<Appended, CommitError> {
        let deadline = Instant::now() + RECONNECT;
        let mut sent = false;
        loop {
            let outcome = self.try_append(batch, sent).await;
            match outcome {
                Err(error) if error.is_connection() && Instant::now() < deadline => {
                    sent = true;
                    self.reconnect(&error).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_append(&mut self, batch: &Batch, sent: bool) -> Result<Appended, CommitError> {
        let connection = connected(&self.pool, &mut self.connection).await?;
        if sent {
            // Waits for a transaction of ours that may still be under way, then looks for our hash.
            append::settle(connection, self.partition).await?;
            if append::is_in_log(connection, batch).await? {
                return Ok(Appended::Done(append::head_after(batch)));
            }
        }
        Ok(append::append(connection, batch).await?)
    }

    /// Publishes an appended batch and remembers the new head.
    fn finish(&mut self, batch: Batch, head: Head) {
        self.last_recorded = batch.recorded_at;
        self.published.store(head.position, Ordering::Release);
        self.head = Some(head);
        let position = self.published.load(Ordering::Acquire);
        let due = snapshots::due(&self.memory, &batch.events, self.snapshot_every, position);
        if !due.is_empty() {
            tokio::spawn(snapshots::save(self.pool.clone(), self.partition, due));
        }
        metrics::counter!("stocktrail_committer_events_total")
            .increment(u64::try_from(batch.events.len()).unwrap_or(0));
        // Nobody may be listening.
        drop(self.feed.send(Arc::from(batch.events)));
    }

    /// Whether the log still stands where the memory does.
    async fn is_at(&mut self, head: &Head) -> Result<bool, CommitError> {
        let connection = connected(&self.pool, &mut self.connection).await?;
        Ok(append::head(connection, self.partition).await? == *head)
    }

    async fn known_head(&mut self) -> Result<Head, CommitError> {
        if let Some(head) = &self.head {
            return Ok(head.clone());
        }
        let connection = connected(&self.pool, &mut self.connection).await?;
        let head = append::head(connection, self.partition).await?;
        self.published.store(head.position, Ordering::Release);
        self.head = Some(head.clone());
        Ok(head)
    }

    /// Reads what other processes appended since the head that the memory stands at.
    async fn catch_up(&mut self) -> Result<(), CommitError> {
        let known = self.known_head().await?;
        let connection = connected(&self.pool, &mut self.connection).await?;
        let target = append::head(connection, self.partition).await?;
        if target.position - known.position > CATCH_UP {
            self.memory.clear();
        } else {
            let missed = read::after(connection, self.partition, known.position, CATCH_UP).await?;
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
        self.connection = None;
    }

    fn bound_memory(&mut self) {
        let mut held: usize = self.memory.values().map(Directory::stock_held).sum();
        while held > MAX_STOCK_STATES {
            let idlest =
                self.memory.values_mut().filter(|held| held.stock_held() > 0).min_by_key(|d| d.last_used);
            let Some(idlest) = idlest else { return };
            held -= idlest.stock_held();
            idlest.forget_loaded();
        }
    }
}

/// The worker's own connection, opened anew after a loss.
async fn connected<'a>(
    pool: &PgPool,
    connection: &'a mut Option<PoolConnection<Postgres>>,
) -> Result<&'a mut PgConnection, CommitError> {
    let open = match connection.take() {
        Some(open) => open,
        None => pool.acquire().await?,
    };
    Ok(connection.insert(open))
}

/// Batches of at most [`MAX_OPERATIONS`], in order.
fn split(waiting: &mut Vec<Job>) -> Vec<Vec<Job>> {
    let mut batches: Vec<Vec<Job>> = Vec::new();
    let mut operations = 0;
    for job in waiting.drain(..) {
        let more = job.submission.operations.len();
        match batches.last_mut() {
            Some(batch) if operations + more <= MAX_OPERATIONS => {
                operations += more;
                batch.push(job);
            }
            _ => {
                operations = more;
                batches.push(vec![job]);
            }
        }
    }
    batches
}
