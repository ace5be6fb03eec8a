//! Where a leader takes what other processes hand over.
//!
//! A connection begins with a proof of both sides that they know the lead's secret. Then lines go either way: a number
//! and a submission, the number and its answer. An empty line says that the leader is alive; [`BYE`] that it wants nothing
//! more: the other side then sends what it has begun, closes, and gets the rest of its answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_log::append::key_id;
use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::committer::Job;
use crate::committer::answer::Answer;
use crate::committer::lead::Reply;
use crate::operation::SubmitError;

/// What a leader says when it wants nothing more.
pub(super) const BYE: &str = "bye";
/// How often it says that it is alive.
const PULSE: Duration = Duration::from_millis(200);
/// How long the others may take to leave.
const FAREWELL: Duration = Duration::from_secs(2);
/// Bytes of answers that are put together into one write.
const AT_ONCE: usize = 64 * 1_024;

/// What the side that connects proves itself with. Other releases may write submissions down in another way, so they
/// do not understand each other.
pub(super) fn greeting(secret: Uuid) -> String {
    key_id(&["hands over", &secret.to_string(), env!("CARGO_PKG_VERSION")]).to_string()
}

/// What the leader proves itself with.
pub(super) fn welcome(secret: Uuid) -> String {
    key_id(&["leads", &secret.to_string(), env!("CARGO_PKG_VERSION")]).to_string()
}

/// A listener and everybody who hands over.
pub(super) struct Desk {
    port: u16,
    secret: Arc<Mutex<Option<Uuid>>>,
    stop: CancellationToken,
    visitors: TaskTracker,
}

/// One who hands over.
struct Visitor {
    queue: mpsc::WeakSender<Job>,
    stop: CancellationToken,
}

impl Desk {
    /// Listens; nobody is let in before [`Self::admit`].
    pub(super) fn open(listener: TcpListener, queue: mpsc::WeakSender<Job>) -> Self {
        let port = listener.local_addr().map_or(0, |address| address.port());
        let (secret, stop) = (Arc::new(Mutex::new(None)), CancellationToken::new());
        let visitors = TaskTracker::new();
        let (known, ends, guests) = (secret.clone(), stop.clone(), visitors.clone());
        visitors.spawn(async move {
            loop {
                let stream = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = ends.cancelled() => return,
                };
                let Ok((stream, _)) = stream else {
                    // Out of files, for example.
                    tokio::time::sleep(PULSE).await;
                    continue;
                };
                let Some(secret) = *known.lock().unwrap_or_else(PoisonError::into_inner) else { continue };
                let visitor = Visitor { queue: queue.clone(), stop: ends.clone() };
                guests.spawn(async move {
                    if let Err(error) = visitor.serve(stream, secret).await {
                        tracing::debug!(%error, "a process that handed commands over is gone");
                    }
                });
            }
        });
        Self { port, secret, stop, visitors }
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Lets in who knows this secret.
    pub(super) fn admit(&self, secret: Uuid) {
        *self.secret.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret);
    }

    /// Takes nothing more; returns when what was taken is answered.
    pub(super) async fn close(self) {
        self.stop.cancel();
        self.visitors.close();
        if timeout(FAREWELL, self.visitors.wait()).await.is_err() {
            tracing::warn!("some who handed commands over did not leave in time");
        }
    }
}

impl Visitor {
    async fn serve(self, stream: TcpStream, secret: Uuid) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::with_capacity(AT_ONCE, read);
        let expected = format!("{}\n", greeting(secret)).into_bytes();
        let mut hello = vec![0; expected.len()];
        timeout(FAREWELL, read.read_exact(&mut hello)).await??;
        if hello != expected {
            return Ok(());
        }
        write.write_all(format!("{}\n", welcome(secret)).as_bytes()).await?;
        let mut lines = read.lines();
        let mut under_way = FuturesUnordered::new();
        let mut pulse = tokio::time::interval(PULSE);
        let (mut reads, mut stays) = (true, true);
        while reads || !under_way.is_empty() {
            tokio::select! {
                Some(answer) = under_way.next(), if !under_way.is_empty() => {
                    let mut answers: String = answer;
                    while answers.len() < AT_ONCE && let Some(Some(answer)) = under_way.next().now_or_never() {
                        answers.push_str(&answer);
                    }
                    write.write_all(answers.as_bytes()).await?;
                }
                line = lines.next_line(), if reads => match line? {
                    Some(line) => under_way.extend(self.take(&line)),
                    None => reads = false,
                },
                _ = pulse.tick() => write.write_all(b"\n").await?,
                () = self.stop.cancelled(), if stays => {
                    stays = false;
                    write.write_all(format!("{BYE}\n").as_bytes()).await?;
                }
            }
        }
        Ok(())
    }

    /// Puts a submission into the queue. Its answer comes as a line.
    fn take(&self, line: &str) -> Option<impl Future<Output = String> + use<>> {
        let (number, text) = line.split_once(' ')?;
        let (number, taken) = (number.to_owned(), self.submit(text));
        Some(async move {
            let reply = match taken {
                Ok(receipt) => Reply::Decided(receipt.await.unwrap_or(Err(SubmitError::Unavailable))),
                Err(reply) => reply,
            };
            format!("{number} {}\n", serde_json::to_string(&reply).unwrap_or_default())
        })
    }

    fn submit(&self, text: &str) -> Result<oneshot::Receiver<Answer>, Reply> {
        let submission = serde_json::from_str(text).map_err(|_| Reply::NotTaken)?;
        let queue = self.queue.upgrade().ok_or(Reply::NotTaken)?;
        let (answer, receipt) = oneshot::channel();
        queue.try_send(Job { submission, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                Reply::Decided(Err(SubmitError::Busy { retry_after_seconds: 1 }))
            }
            mpsc::error::TrySendError::Closed(_) => Reply::NotTaken,
        })?;
        Ok(receipt)
    }
}
