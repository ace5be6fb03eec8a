//! What waits to be committed.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::committer::Job;

/// Submissions taken from the queue at once.
const MAX_JOBS: usize = 1_024;
/// Operations of one batch; a single larger submission makes a batch of its own.
const MAX_OPERATIONS: usize = 4_096;

/// The queue of one committer, and what it has taken from it.
pub(super) struct Inbox {
    queue: mpsc::Receiver<Job>,
    stop: CancellationToken,
    waiting: VecDeque<Job>,
    closed: bool,
}

impl Inbox {
    pub(super) fn new(queue: mpsc::Receiver<Job>, stop: CancellationToken) -> Self {
        Self { queue, stop, waiting: VecDeque::new(), closed: false }
    }

    /// Until something waits. False once the queue is closed or the process stops and nothing waits any more.
    pub(super) async fn wait(&mut self) -> bool {
        while self.waiting.is_empty() && !self.closed {
            self.receive().await;
        }
        !self.waiting.is_empty()
    }

    /// Takes what has come without waiting.
    pub(super) fn take_waiting(&mut self) {
        while let Ok(job) = self.queue.try_recv() {
            self.waiting.push_back(job);
        }
    }

    /// Takes what has come; waits where nothing has.
    pub(super) async fn receive(&mut self) {
        let mut taken = Vec::new();
        tokio::select! {
            biased;
            count = self.queue.recv_many(&mut taken, MAX_JOBS) => self.closed = count == 0,
            () = self.stop.cancelled(), if !self.queue.is_closed() => self.queue.close(),
        }
        self.waiting.extend(taken);
    }

    /// Whether nothing can come any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether at least so many operations wait.
    pub(super) fn holds(&self, operations: usize) -> bool {
        let mut waiting = 0;
        self.waiting.iter().any(|job| {
            waiting += job.submission.operations.len();
            waiting >= operations
        })
    }

    /// The oldest submissions, at most [`MAX_OPERATIONS`] in all.
    pub(super) fn batch(&mut self) -> Option<Vec<Job>> {
        let mut batch = vec![self.waiting.pop_front()?];
        let mut operations = batch.iter().map(|job| job.submission.operations.len()).sum::<usize>();
        while let Some(job) = self.waiting.front() {
            operations += job.submission.operations.len();
            if operations > MAX_OPERATIONS {
                break;
            }
            batch.extend(self.waiting.pop_front());
        }
        Some(batch)
    }

    /// Puts submissions back to where they were taken from.
    pub(super) fn put_back(&mut self, jobs: Vec<Job>) {
        for job in jobs.into_iter().rev() {
            self.waiting.push_front(job);
        }
    }
}
