//! One process commits for the others.
//!
//! Two committers of one partition take in each other's batches and wait while the other commits. So once a process finds
//! that somebody else appends to a partition, it claims the lead of it (`event_log::lead`). Whoever has it takes what the
//! others hand over ([`desk`]); the others send it there ([`line`]) and append nothing themselves. Where a leader is not
//! to be reached, stands still or is gone, everybody commits here as before: the head of the log alone decides what
//! is appended, so a wrong idea of who leads costs time and nothing else.

mod desk;
mod line;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use event_log::lead::{self, Candidate, Lead};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::committer::Job;
use crate::committer::answer::Answer;
use crate::committer::error::CommitError;
use crate::committer::lead::desk::Desk;
use crate::committer::lead::line::{Asked, Line};
use crate::operation::{Submission, SubmitError};

/// How long a lead holds.
const HOLD: Duration = Duration::from_secs(3);
/// How often it is claimed again.
const PACE: Duration = Duration::from_secs(1);
/// How long a process that has hardly committed yet lets others claim first: who has knows the streams.
const COURTESY: Duration = Duration::from_millis(250);
/// So many batches are hardly any.
const HARDLY_ANY: u64 = 20;

/// What a leader answers to a submission that was handed over.
#[derive(Debug, Serialize, Deserialize)]
enum Reply {
    /// It was taken and decided.
    Decided(Answer),
    /// It was not taken: this process is about to stop.
    NotTaken,
}

/// Where the submissions of a partition go.
#[derive(Debug, Default)]
pub(super) struct Route {
    /// Notified whenever the committer here finds that another process appends.
    pub(super) contention: Notify,
    /// Batches that the committer here has appended.
    pub(super) batches: AtomicU64,
    line: RwLock<Option<Arc<Line>>>,
}

/// What keeps a partition's route.
pub(super) struct Keeper {
    pub(super) partition: i16,
    pub(super) pool: PgPool,
    /// This process.
    pub(super) holder: uuid::Uuid,
    /// Where others may reach it.
    pub(super) listen: IpAddr,
    pub(super) route: Arc<Route>,
    /// The queue of the committer here.
    pub(super) queue: mpsc::WeakSender<Job>,
    pub(super) stop: CancellationToken,
}

impl Route {
    /// Hands a submission to whoever leads. None where it is to be decided here.
    pub(super) async fn hand_over(&self, submission: &Submission) -> Option<Answer> {
        let line = self.line()?;
        // What cannot be written down is decided here.
        let text = serde_json::to_string(submission).ok()?;
        metrics::counter!("stocktrail_committer_handed_over_total").increment(1);
        match line.ask(&text).await {
            Asked::Reply(Reply::Decided(answer)) => Some(answer),
            Asked::Reply(Reply::NotTaken) | Asked::NotSent => None,
            // Trying it again here would not do: whoever stood still may still carry out what was refused here.
            Asked::Unknown => Some(Err(SubmitError::Unavailable)),
        }
    }

    fn line(&self) -> Option<Arc<Line>> {
        let line = self.line.read().unwrap_or_else(PoisonError::into_inner);
        line.as_ref().filter(|line| line.is_open()).cloned()
    }

    fn change(&self, line: Option<Arc<Line>>) {
        let mut held = self.line.write().unwrap_or_else(PoisonError::into_inner);
        let former = std::mem::replace(&mut *held, line);
        if let Some(former) = former {
            former.leave();
        }
    }
}

impl Keeper {
    /// Waits until another process appends to the partition, then leads or follows until the process stops.
    pub(super) async fn run(self) {
        tokio::select! {
            () = self.route.contention.notified() => {}
            () = self.stop.cancelled() => return,
        }
        if self.route.batches.load(Ordering::Relaxed) < HARDLY_ANY {
            tokio::time::sleep(COURTESY).await;
        }
        let desk = match TcpListener::bind(SocketAddr::new(self.listen, 0)).await {
            Ok(listener) => Desk::open(listener, self.queue.clone()),
            Err(error) => {
                tracing::warn!(partition = self.partition, %error, "nobody can hand commands over to this process");
                return;
            }
        };
        let mut known = None;
        while self.queue.upgrade().is_some() {
            match self.claim(&desk).await {
                Ok(lead) => {
                    if known.replace(lead.holder) != Some(lead.holder) {
                        let here = lead.holder == self.holder;
                        tracing::info!(partition = self.partition, here, "a process commits for the others");
                    }
                    self.follow(lead, &desk).await;
                }
                Err(error) => {
                    tracing::debug!(partition = self.partition, ?error, "the lead was not to be claimed");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(PACE) => {}
                () = self.stop.cancelled() => break,
            }
        }
        self.leave(desk).await;
    }

    async fn claim(&self, desk: &Desk) -> Result<Lead, CommitError> {
        let host = Some(self.listen).filter(|host| !host.is_unspecified());
        let candidate = Candidate { holder: self.holder, host, port: desk.port() };
        in_time(async {
            let mut connection = self.pool.acquire().await?;
            Ok(lead::claim(&mut connection, self.partition, &candidate, HOLD).await?)
        })
        .await
    }

    /// Leads, or has a line to who does.
    async fn follow(&self, lead: Lead, desk: &Desk) {
        if lead.holder == self.holder {
            desk.admit(lead.secret);
            self.route.change(None);
            return;
        }
        if self.route.line().is_some_and(|line| line.leads_to(&lead)) {
            return;
        }
        match Line::connect(lead).await {
            Ok(line) => self.route.change(Some(line)),
            Err(error) => {
                tracing::debug!(partition = self.partition, %error, "whoever leads is not to be reached");
                self.route.change(None);
            }
        }
    }

    /// Lets what was handed over be answered, and somebody else lead.
    async fn leave(self, desk: Desk) {
        self.route.change(None);
        let left = in_time(async {
            let mut connection = self.pool.acquire().await?;
            Ok(lead::leave(&mut connection, self.partition, self.holder).await?)
        });
        if let Err(error) = left.await {
            tracing::debug!(partition = self.partition, ?error, "the lead was not given up");
        }
        desk.close().await;
    }
}

/// Neither a full pool nor a database that is away keeps a process from stopping.
async fn in_time<T>(statement: impl Future<Output = Result<T, CommitError>>) -> Result<T, CommitError> {
    let answered = tokio::time::timeout(PACE, statement).await;
    answered.unwrap_or(Err(CommitError::Connection(sqlx::Error::PoolTimedOut)))
}

#[cfg(test)]
mod tests;
