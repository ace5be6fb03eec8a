//! The committer of one partition.
//!
//! While a batch is on its way to the log, the one behind it is decided on the assumption that it lands. Where it does
//! not, both are taken back, the newest first, and decided again. Where other processes commit to the partition, too,
//! they take turns of one batch each (`event_log::turn`): whoever commits has the next batch in hand when its turn comes.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use event_log::append::{self, Appended, Batch, Head, Seal};
use event_log::event::StoredEvent;
use event_log::snapshot::Snapshot;
use sqlx::PgPool;
use tokio::sync::{Mutex, broadcast};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::committer::answer::Answer;
use crate::committer::decider::{Decided, Decider};
use crate::committer::error::CommitError;
use crate::committer::inbox::Inbox;
use crate::committer::lead::Route;
use crate::committer::link::{Link, PATIENCE};
use crate::committer::{CommitterConfig, Job, snapshots};
use crate::operation::SubmitError;
use crate::workspace::{Found, Undo};

/// How often a batch is decided anew before its callers are told to come again.
const MAX_ROUNDS: usize = 64;
/// Operations that are worth deciding while a batch is on its way; fewer had better wait for more.
const WORTH_DECIDING: usize = 256;

pub(super) struct Worker {
    partition: i16,
    pool: PgPool,
    decider: Decider,
    /// For appending, while the next batch is decided.
    appends: Arc<Mutex<Link>>,
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
        route: Arc<Route>,
    ) -> Self {
        Self {
            partition,
            decider: Decider::new(&config, partition, feed, published, route),
            appends: Arc::new(Mutex::new(Link::new(config.pool.clone(), partition))),
            pool: config.pool,
        }
    }

    /// Takes batches until the queue closes or the process stops; what waits then is still decided.
    pub(super) async fn run(mut self, mut inbox: Inbox) {
        while inbox.wait().await {
            self.next_turn(&mut inbox).await;
            let Some(jobs) = inbox.batch() else { continue };
            let mut flight = self.take_off(jobs, Found::default(), 0).await;
            while let Some(mut under_way) = flight {
                let next = if self.decider.is_contended() {
                    None
                } else {
                    self.decide_next(&mut under_way, &mut inbox).await
                };
                flight = self.land(under_way, next, Some(&mut inbox)).await;
            }
            self.appends.lock().await.end_turn().await;
            self.decider.bound_memory();
        }
    }

    /// Waits for the turn where others commit, too, and takes what has come to be committed meanwhile. Where the turn
    /// is not to be had, the batch itself tries again.
    async fn next_turn(&mut self, inbox: &mut Inbox) {
        if self.decider.is_contended() {
            if let Err(error) = self.decider.take_turn(&mut *self.appends.lock().await).await {
                tracing::warn!(partition = self.partition, ?error, "no turn was to be had");
                self.decider.forget();
            }
            inbox.take_waiting();
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
                    self.decider.reads.reconnect(&error).await;
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

    /// Decides a batch in the turn of this process, where turns are taken.
    async fn prepare(
        &mut self,
        jobs: &[Job],
        found: &mut Found,
    ) -> Result<Option<(Head, Decided)>, CommitError> {
        if self.decider.is_contended() && self.decider.take_turn(&mut *self.appends.lock().await).await? {
            found.outdate();
        }
        self.decider.prepare(jobs, found).await
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
        let snapshots = self.decider.snapshots_due(&batch, &seal);
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
        if self.decider.is_full() {
            return None;
        }
        let jobs = inbox.batch()?;
        let decided = self.decider.decide_ahead(&jobs, &flight.sent);
        Some(Next { jobs, decided })
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
                        self.decider.take_back(decided.undo);
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
        self.decider.take_back(undo);
        match outcome {
            Some(Ok(Appended::KeysTaken(keys))) => {
                found.taken.extend(keys.into_iter().map(|key| ((key.company_id, key.kind, key.key), key)));
            }
            Some(Err(error)) => {
                self.fail(jobs, &error).await;
                return None;
            }
            Some(Ok(Appended::Stale(_) | Appended::Done(_))) | None => self.decider.fell_behind(),
        }
        self.take_off(jobs, found, rounds + 1).await
    }

    /// A batch that the log refuses is halved until its poison stands alone. Where the log cannot be reached, nobody
    /// knows what became of it.
    async fn fail(&mut self, jobs: Vec<Job>, error: &CommitError) {
        self.decider.forget();
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

    /// Publishes a batch that landed and answers its callers.
    fn finish(&mut self, flight: Flight, head: Head) {
        let Flight { jobs, answers, snapshots, sent, .. } = flight;
        let (batch, _) = Arc::unwrap_or_clone(sent);
        self.decider.landed(batch, head);
        if !snapshots.is_empty() {
            tokio::spawn(snapshots::save(self.pool.clone(), self.partition, snapshots));
        }
        answer(jobs, answers);
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
