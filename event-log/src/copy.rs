//! Long ranges of the log by binary COPY: for verify, rebuild and export.
//!
//! A task of its own reads and decodes while the caller works. It copies [`RANGE`] positions per statement, so that
//! no statement holds back vacuum for long. A copy either comes to its end or gives an error; a lost connection is
//! never the end. The connection is closed and not reused when the copy is left early.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::sync::mpsc;

use crate::LogError;
use crate::append;
use crate::archive::gone_until;
use crate::columns::Columns;
use crate::decode::{Decoder, Names};
use crate::event::StoredEvent;

/// Positions per statement.
pub const RANGE: i64 = 200_000;
/// Events per block.
const BLOCK: usize = 2_000;
/// Blocks read ahead of the caller.
const AHEAD: usize = 4;

/// What of each event is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    All,
    /// Everything but the metadata, which is `{}` then: a third of the bytes of a usual event.
    WithoutMetadata,
}

/// A running copy.
#[derive(Debug)]
pub struct Copy {
    blocks: mpsc::Receiver<Message>,
    ended: bool,
}

/// Whose events are copied, and how much of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) partition: i16,
    pub(crate) part: Part,
}

#[derive(Debug)]
enum Message {
    Block(Vec<StoredEvent>),
    Failed(LogError),
    End,
}

/// Copies the events of a partition with positions above `after` and up to `up_to` or where the head stands now, in
/// order. Refused where some of them are archived; other holes are not looked for: that is the caller's part.
pub async fn copy(pool: &PgPool, partition: i16, after: i64, up_to: i64) -> Result<Copy, LogError> {
    copy_part(pool, partition, (after, up_to), Part::All).await
}

/// The same with only a part of each event, for readers that need no more.
pub async fn copy_part(
    pool: &PgPool,
    partition: i16,
    (after, up_to): (i64, i64),
    part: Part,
) -> Result<Copy, LogError> {
    let mut connection = pool.acquire().await?;
    // Left in the middle of a copy, a connection still holds its rows: it may not go back to the pool.
    connection.close_on_drop();
    let up_to = up_to.min(append::head(&mut connection, partition).await?.position);
    let gone = gone_until(&mut connection).await?;
    if gone > 0 && after < gone.min(up_to) {
        return Err(LogError::Archived { partition, until: gone });
    }
    let (sender, blocks) = mpsc::channel(AHEAD);
    tokio::spawn(run(connection, Source { partition, part }, (after, up_to), sender));
    Ok(Copy { blocks, ended: false })
}

impl Copy {
    /// The next block, never empty; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<StoredEvent>>, LogError> {
        if self.ended {
            return Ok(None);
        }
        match self.blocks.recv().await {
            Some(Message::Block(block)) => Ok(Some(block)),
            Some(Message::End) => {
                self.ended = true;
                Ok(None)
            }
            Some(Message::Failed(error)) => Err(error),
            None => Err(LogError::CutShort),
        }
    }
}

async fn run(
    mut connection: PoolConnection<Postgres>,
    source: Source,
    (after, up_to): (i64, i64),
    sender: mpsc::Sender<Message>,
) {
    let mut from = after;
    while from < up_to {
        let to = up_to.min(from.saturating_add(RANGE));
        match copy_range(&mut connection, source, (from, to), &sender).await {
            Ok(true) => from = to,
            Ok(false) => return,
            Err(error) => {
                let _gone = sender.send(Message::Failed(error)).await;
                return;
            }
        }
    }
    let _gone = sender.send(Message::End).await;
}

/// Copies one range; false when nobody listens any more.
async fn copy_range(
    connection: &mut PgConnection,
    source: Source,
    range: (i64, i64),
    sender: &mpsc::Sender<Message>,
) -> Result<bool, LogError> {
    let mut rows = Rows::open(connection, source, range).await?;
    let mut names = Names::default();
    let mut block = Vec::with_capacity(BLOCK);
    while rows.next(|columns| columns.to_event(&mut names).map(|event| block.push(event))).await? {
        if block.len() >= BLOCK {
            let full = std::mem::replace(&mut block, Vec::with_capacity(BLOCK));
            if sender.send(Message::Block(full)).await.is_err() {
                return Ok(false);
            }
        }
    }
    Ok(block.is_empty() || sender.send(Message::Block(block)).await.is_ok())
}

/// The rows of one statement, without copies.
pub(crate) struct Rows<'c> {
    chunks: BoxStream<'c, sqlx::Result<Bytes>>,
    decoder: Decoder,
}

impl<'c> Rows<'c> {
    /// Copies the positions above `from` and up to `to`, in order. The connection must be closed if this is left early.
    pub(crate) async fn open(
        connection: &'c mut PgConnection,
        Source { partition, part }: Source,
        (from, to): (i64, i64),
    ) -> Result<Rows<'c>, LogError> {
        let metadata = match part {
            Part::All => "metadata",
            Part::WithoutMetadata => "'{}'::json",
        };
        let statement = format!(
            "copy (select partition, position, company_id, stream_type, stream_id, version, event_id, event_type,
                schema_version, effective_at, recorded_at, payload, {metadata}
             from log.events where partition = {partition} and position > {from} and position <= {to} order by position)
             to stdout (format binary)"
        );
        Ok(Rows { chunks: connection.copy_out_raw(&statement).await?, decoder: Decoder::default() })
    }

    /// Hands the rows that have come to `each`; false at the end. An error is never the end.
    pub(crate) async fn next<F>(&mut self, each: F) -> Result<bool, LogError>
    where
        F: FnMut(Columns<'_>) -> Result<(), LogError>,
    {
        match self.chunks.next().await {
            Some(chunk) => self.decoder.push(&chunk?, each).map(|()| true),
            None => self.decoder.finish().map(|()| false),
        }
    }
}
