//! The events of one partition of the log in order, as it grows.
//!
//! What was just appended comes from the committer of the same process, everything else from the log. A task of its own
//! reads ahead, so that reading and handing on go side by side.

use std::sync::Arc;
use std::time::Duration;

use event_log::event::StoredEvent;
use event_log::{LogError, read};
use projections::heads::Heads;
use projections::runner::{Block, Feeds};
use sqlx::PgPool;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Events that are read at once.
const PAGE: usize = 4_000;
/// Blocks that are read ahead.
const AHEAD: usize = 2;
/// How long a live block may be late before the log is read.
const GRACE: Duration = Duration::from_millis(30);

/// Where events come from. Cheap to clone.
#[derive(Clone)]
pub struct Follow {
    /// Connections that may read the log, one per partition that is followed.
    pub pool: PgPool,
    /// Live blocks of this process.
    pub feeds: Feeds,
    /// How long the log is; somebody must run [`Heads::follow`].
    pub heads: Heads,
}

/// The events of one partition after a position. Dropped, it reads no more.
pub struct Source {
    blocks: mpsc::Receiver<Result<Block, LogError>>,
    reader: AbortHandle,
}

impl Follow {
    /// Follows `partition` after `position`. Must be called inside a runtime.
    pub fn after(&self, partition: i16, position: i64) -> Source {
        let (sender, blocks) = mpsc::channel(AHEAD);
        let reader = Reader {
            feed: (self.feeds)(partition),
            follow: self.clone(),
            partition,
            position,
            from_log: true,
        };
        Source { blocks, reader: tokio::spawn(reader.run(sender)).abort_handle() }
    }
}

impl Source {
    /// The next events, at least one; waits for them. A live block may begin with events that came before. After an
    /// error there is nothing more.
    pub async fn next(&mut self) -> Result<Block, LogError> {
        self.blocks.recv().await.unwrap_or(Err(LogError::CutShort))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

struct Reader {
    follow: Follow,
    partition: i16,
    /// Read so far.
    position: i64,
    feed: Option<broadcast::Receiver<Block>>,
    from_log: bool,
}

impl Reader {
    async fn run(mut self, sender: mpsc::Sender<Result<Block, LogError>>) {
        loop {
            let sent = match self.next().await {
                Ok(Some(block)) => sender.send(Ok(block)).await,
                Ok(None) => continue,
                Err(error) => {
                    let _gone = sender.send(Err(error)).await;
                    return;
                }
            };
            if sent.is_err() {
                return;
            }
        }
    }

    /// None when there was only something to note.
    async fn next(&mut self) -> Result<Option<Block>, LogError> {
        let block = if self.from_log { self.page().await? } else { self.live().await };
        let reached = block.as_ref().and_then(|block| block.last());
        if let Some(last) = reached {
            self.position = last.position;
            self.follow.heads.publish(self.partition, last.position);
        }
        Ok(block)
    }

    async fn page(&mut self) -> Result<Option<Block>, LogError> {
        if self.follow.heads.at(self.partition) <= self.position {
            if self.feed.is_some() {
                self.from_log = false;
            } else {
                self.longer().await;
            }
            return Ok(None);
        }
        let mut conn = self.follow.pool.acquire().await?;
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let page = read::after(&mut conn, self.partition, self.position, limit).await?;
        self.from_log = page.len() == PAGE || self.feed.is_none();
        Ok((!page.is_empty()).then(|| Block::from(page)))
    }

    /// Until the log is longer than what was read.
    async fn longer(&self) {
        let Some(mut head) = self.follow.heads.subscribe(self.partition) else {
            return std::future::pending().await;
        };
        let _closed = head.wait_for(|at| *at > self.position).await;
    }

    /// The next live block that continues here; none when the log must be asked.
    async fn live(&mut self) -> Option<Block> {
        let Some(feed) = self.feed.as_mut() else {
            self.from_log = true;
            return None;
        };
        let behind = self.follow.heads.at(self.partition) > self.position;
        let mut head = self.follow.heads.subscribe(self.partition)?;
        let message = tokio::select! {
            biased;
            message = feed.recv() => message,
            () = tokio::time::sleep(GRACE), if behind => {
                self.from_log = true;
                return None;
            }
            _ = head.wait_for(|at| *at > self.position), if !behind => return None,
        };
        match message {
            Ok(block) => self.continues(block),
            Err(RecvError::Lagged(_)) => {
                self.from_log = true;
                None
            }
            Err(RecvError::Closed) => {
                (self.feed, self.from_log) = (None, true);
                None
            }
        }
    }

    fn continues(&mut self, block: Block) -> Option<Block> {
        let span = |events: &[StoredEvent]| Some((events.first()?.position, events.last()?.position));
        let (first, last) = span(&block)?;
        self.from_log = first > self.position + 1;
        (!self.from_log && last > self.position).then_some(block)
    }
}

impl std::fmt::Debug for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Follow")
    }
}

/// What a [`Follow`] needs where no committer works in the process.
pub fn no_feeds() -> Feeds {
    Arc::new(|_| None)
}
