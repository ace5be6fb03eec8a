//! Runs jobs: claims what is due, hands it to the handler of its kind, keeps the lease alive, records the end.
//!
//! Several runners in several processes share one queue. A handler that is asked to stop sees its token cancelled; one
//! whose lease is lost is dropped, because another worker has the job.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::lease::{Beat, Claimed};
use super::{Job, JobState, Jobs};
use crate::accounts::AccountsError;

/// What does the work of one kind of job.
pub trait JobHandler: Send + Sync + 'static {
    /// Kind of jobs that it takes. Stored, so it never changes.
    fn kind(&self) -> &'static str;

    /// Does the work. May run twice for one job, if the first worker died.
    fn run(
        &self,
        context: JobContext,
        payload: serde_json::Value,
    ) -> BoxFuture<'_, Result<serde_json::Value, JobError>>;
}

/// Why an attempt did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Another attempt may succeed.
    #[error("{0}")]
    Again(String),
    /// No attempt will succeed.
    #[error("{0}")]
    Never(String),
    /// The job was asked to stop, and did.
    #[error("called off")]
    Cancelled,
}

impl JobError {
    /// Another attempt may succeed; keeps the whole chain of `error` as text.
    pub fn again(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            source = inner.source();
        }
        Self::Again(text)
    }
}

/// What a handler knows of its job besides the payload.
#[derive(Debug, Clone)]
pub struct JobContext {
    jobs: Jobs,
    claimed: Claimed,
    stop: CancellationToken,
}

impl JobContext {
    /// Whose job it is, or [`super::PLATFORM`].
    pub fn company_id(&self) -> Uuid {
        self.claimed.job.company_id
    }

    /// The job as it was claimed.
    pub fn job(&self) -> &Job {
        &self.claimed.job
    }

    /// Cancelled when the job shall stop: somebody called it off, or the process ends.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Shows how far the job is, and stops it with an error when it was called off.
    pub async fn progress(&self, done: i64, total: Option<i64>) -> Result<(), JobError> {
        if self.stop.is_cancelled() {
            return Err(JobError::Cancelled);
        }
        self.jobs.progress(&self.claimed, done, total).await.map_err(|error| JobError::again(&error))
    }
}

/// How a runner works.
#[derive(Debug, Clone, Copy)]
pub struct RunnerSettings {
    /// Jobs at once.
    pub workers: usize,
    /// Time after which a silent worker counts as dead.
    pub lease: Duration,
    /// Pause between heartbeats.
    pub beat: Duration,
    /// Pause between looks at the queue when nobody wakes the runner.
    pub poll: Duration,
}

impl Default for RunnerSettings {
    fn default() -> Self {
        Self {
            workers: 4,
            lease: Duration::from_secs(10),
            beat: Duration::from_secs(2),
            poll: Duration::from_secs(1),
        }
    }
}

/// Runs the jobs of the registered kinds.
pub struct Runner {
    jobs: Jobs,
    handlers: HashMap<&'static str, Arc<dyn JobHandler>>,
    settings: RunnerSettings,
}

/// Why an attempt ended.
enum End {
    Done(Result<serde_json::Value, JobError>),
    Broken,
    Lost,
    Stopped,
}

impl Runner {
    /// A runner for the kinds of these handlers.
    pub fn new(jobs: Jobs, handlers: Vec<Arc<dyn JobHandler>>, settings: RunnerSettings) -> Self {
        let handlers = handlers.into_iter().map(|handler| (handler.kind(), handler)).collect();
        Self { jobs, handlers, settings }
    }

    /// Works until `shutdown`; jobs under way then go back to the queue.
    pub async fn run(self, shutdown: CancellationToken) {
        let kinds: Vec<String> = self.handlers.keys().map(|kind| (*kind).to_owned()).collect();
        let mut running = JoinSet::new();
        while !shutdown.is_cancelled() {
            let free = self.settings.workers.saturating_sub(running.len());
            let claimed = if free == 0 { Vec::new() } else { self.claim(&kinds, free).await };
            let full = free > 0 && claimed.len() == free;
            for claimed in claimed {
                if let Some(handler) = self.handlers.get(claimed.job.kind.as_str()) {
                    let attempt = Attempt {
                        jobs: self.jobs.clone(),
                        handler: Arc::clone(handler),
                        settings: self.settings,
                        claimed,
                        shutdown: shutdown.clone(),
                    };
                    running.spawn(attempt.run());
                }
            }
            if full {
                continue;
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.jobs.woken() => {}
                () = tokio::time::sleep(self.settings.poll) => {}
                Some(_) = running.join_next(), if !running.is_empty() => {}
            }
        }
        while running.join_next().await.is_some() {}
    }

    async fn claim(&self, kinds: &[String], free: usize) -> Vec<Claimed> {
        match self.jobs.claim(kinds, free, self.settings.lease).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the job queue cannot be read");
                Vec::new()
            }
        }
    }
}

/// One attempt at one job.
struct Attempt {
    jobs: Jobs,
    handler: Arc<dyn JobHandler>,
    settings: RunnerSettings,
    claimed: Claimed,
    shutdown: CancellationToken,
}

impl Attempt {
    async fn run(self) {
        let stop = self.shutdown.child_token();
        let context =
            JobContext { jobs: self.jobs.clone(), claimed: self.claimed.clone(), stop: stop.clone() };
        let (handler, payload) = (Arc::clone(&self.handler), self.claimed.job.payload.clone());
        let mut work = tokio::spawn(async move { handler.run(context, payload).await });
        let end = self.watch(&mut work, &stop).await;
        if matches!(end, End::Lost | End::Stopped) {
            work.abort();
        }
        if let Err(error) = self.record(end).await {
            tracing::warn!(job = %self.claimed.job.job_id, error = %chain(&error), "a job's end cannot be recorded");
        }
    }

    /// Waits for the work, keeping the lease alive.
    async fn watch(
        &self,
        work: &mut tokio::task::JoinHandle<Result<serde_json::Value, JobError>>,
        stop: &CancellationToken,
    ) -> End {
        let mut beats = tokio::time::interval(self.settings.beat);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                done = &mut *work => return done.map_or(End::Broken, End::Done),
                _ = beats.tick() => match self.jobs.beat(&self.claimed, self.settings.lease).await {
                    Ok(Beat::Alive) => {}
                    Ok(Beat::Cancelled) => stop.cancel(),
                    Ok(Beat::Lost) => return End::Lost,
                    Err(error) => tracing::warn!(error = %chain(&error), "a heartbeat failed"),
                },
                () = self.shutdown.cancelled() => {
                    // A moment to stop in good order; then another worker takes over.
                    return match tokio::time::timeout(self.settings.beat, &mut *work).await {
                        Ok(Ok(Ok(result))) => End::Done(Ok(result)),
                        _ => End::Stopped,
                    };
                }
            }
        }
    }

    async fn record(&self, end: End) -> Result<(), AccountsError> {
        let job = &self.claimed.job;
        let last = job.attempts >= job.max_attempts;
        let (state, result, error) = match end {
            End::Lost => return Ok(()),
            End::Done(Ok(result)) => (JobState::Finished, Some(result), None),
            End::Done(Err(JobError::Cancelled)) => (JobState::Cancelled, None, None),
            End::Done(Err(JobError::Never(text))) => (JobState::Failed, None, Some(text)),
            End::Done(Err(JobError::Again(text))) if last => (JobState::Failed, None, Some(text)),
            End::Done(Err(JobError::Again(text))) => (JobState::Queued, None, Some(text)),
            End::Broken if last => (JobState::Failed, None, Some("the handler broke off".to_owned())),
            End::Broken => (JobState::Queued, None, Some("the handler broke off".to_owned())),
            End::Stopped => (JobState::Queued, None, Some("the process ended".to_owned())),
        };
        tracing::info!(
            job = %job.job_id, kind = %job.kind, company = %job.company_id, attempt = job.attempts,
            state = state.name(), error = error.as_deref(), "job"
        );
        metrics::counter!("stocktrail_job_attempts_total", "kind" => job.kind.clone(), "end" => state.name())
            .increment(1);
        self.jobs.end(&self.claimed, state, result, error).await
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    JobError::again(error).to_string()
}
