//! Work on threads of its own, so that a process that also answers requests goes on answering them.
//!
//! Folding millions of events keeps a thread busy for seconds. Among the threads that serve requests every request
//! behind it would wait; on threads of its own it competes for the processor alone, where whoever wakes goes first.

use std::io;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::projection::ProjectionError;

/// Runs `work` on a runtime of `threads` threads and answers what it answers. When the caller stops waiting, so does
/// the work: its connections are closed, and what they had not committed is gone.
pub(super) async fn apart<T, W, F>(threads: usize, work: W) -> Result<T, ProjectionError>
where
    T: Send + 'static,
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<T, ProjectionError>>,
{
    let (tell, told) = oneshot::channel();
    let stop = CancellationToken::new();
    let _stops_with_us = stop.clone().drop_guard();
    let run = move || {
        let mut runtime = Builder::new_multi_thread();
        let outcome = match runtime.worker_threads(threads).thread_name("rebuild").enable_all().build() {
            Ok(runtime) => runtime.block_on(async { stop.run_until_cancelled(work()).await }),
            Err(error) => Some(Err(ProjectionError::Threads(error))),
        };
        if let Some(outcome) = outcome {
            let _nobody_waits = tell.send(outcome);
        }
    };
    thread::Builder::new().name("rebuild".to_owned()).spawn(run).map_err(ProjectionError::Threads)?;
    told.await.unwrap_or_else(|_| Err(ProjectionError::Threads(io::Error::other("they ended early"))))
}
