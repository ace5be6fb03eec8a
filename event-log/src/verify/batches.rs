//! What the log says of its batches.

use sqlx::{PgConnection, Row as _};

use super::{EventName, Fault, Head};
use crate::LogError;
use crate::append::hash_of;
use crate::chain::{GENESIS, MARK_BYTES};
use crate::columns::Columns;
use crate::copy::RANGE;
use crate::fault::name;
use crate::read;

/// Batches of the first page, before it is known how long batches are.
const FIRST_PAGE: i64 = 200;
/// Batches of a page at most.
const LARGEST_PAGE: i64 = 50_000;

/// One row of `log_batch`.
pub(super) struct Row {
    pub(super) batch: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) hash: [u8; 32],
    pub(super) marks: Vec<u8>,
}

impl Row {
    /// How many events it should have.
    pub(super) fn events(&self) -> usize {
        self.marks.len() / MARK_BYTES
    }

    /// What is wrong with it, coming after `head`.
    fn fault(&self, head: (i64, i64)) -> Option<Fault> {
        let (batch, position) = (head.0 + 1, head.1 + 1);
        let broken = |reason| Some(Fault::Batch { batch, reason });
        if self.batch != batch {
            return broken("its row is missing");
        }
        let count = self.last.checked_sub(self.first).and_then(|more| usize::try_from(more).ok());
        let whole = self.marks.len().is_multiple_of(MARK_BYTES);
        if self.first != position || !whole || count.map(|more| more.saturating_add(1)) != Some(self.events())
        {
            return broken("its row was altered");
        }
        None
    }
}

/// Batches page by page: about as many as one statement copies events.
pub(super) struct Pages {
    partition: i16,
    up_to: i64,
    batches: i64,
}

/// Some batches, each following the one before.
pub(super) struct Page {
    /// The batches.
    pub(super) rows: Vec<Row>,
    /// What is wrong with the row after them.
    pub(super) fault: Option<Fault>,
    /// Whether there are no more.
    pub(super) is_last: bool,
}

impl Pages {
    /// The batches of a partition up to a number.
    pub(super) fn new(partition: i16, up_to: i64) -> Self {
        Self { partition, up_to, batches: FIRST_PAGE }
    }

    /// The batches after `head`.
    pub(super) async fn next(&mut self, conn: &mut PgConnection, head: &Head) -> Result<Page, LogError> {
        let mut rows = self.read(conn, head.batch).await?;
        let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < self.batches);
        let mut before = (head.batch, head.position);
        let mut good = 0;
        let mut fault = None;
        for row in &rows {
            fault = row.fault(before);
            if fault.is_some() {
                break;
            }
            before = (row.batch, row.last);
            good += 1;
        }
        rows.truncate(good);
        let (batches, events) = (before.0 - head.batch, before.1 - head.position);
        self.batches = (RANGE * batches.max(1) / events.max(1)).clamp(1, LARGEST_PAGE);
        Ok(Page { rows, fault, is_last })
    }

    async fn read(&self, conn: &mut PgConnection, after: i64) -> Result<Vec<Row>, LogError> {
        let rows = sqlx::query(
            "select batch, first_position, last_position, hash, marks from log.log_batch
             where partition = $1 and batch > $2 and batch <= $3 order by batch limit $4",
        )
        .bind(self.partition)
        .bind(after)
        .bind(self.up_to)
        .bind(self.batches)
        .fetch_all(conn)
        .await?;
        let rows = rows.iter().map(|row| {
            Ok(Row {
                batch: row.try_get(0)?,
                first: row.try_get(1)?,
                last: row.try_get(2)?,
                hash: hash_of(row.try_get(3)?)?,
                marks: row.try_get(4)?,
            })
        });
        rows.collect()
    }
}

/// The head that a batch has made, by its own row; none when there is no such batch.
pub(super) async fn head_of(
    conn: &mut PgConnection,
    partition: i16,
    batch: i64,
) -> Result<Option<Head>, LogError> {
    if batch == 0 {
        return Ok(Some(Head { position: 0, batch: 0, hash: GENESIS }));
    }
    let row =
        sqlx::query("select last_position, hash from log.log_batch where partition = $1 and batch = $2")
            .bind(partition)
            .bind(batch)
            .fetch_optional(conn)
            .await?;
    row.map(|row| Ok(Head { position: row.try_get(0)?, batch, hash: hash_of(row.try_get(1)?)? })).transpose()
}

/// The first event after `position` and up to `up_to`, wherever it stands.
pub(super) async fn event_after(
    conn: &mut PgConnection,
    partition: i16,
    position: i64,
    up_to: i64,
) -> Result<Option<EventName>, LogError> {
    // From below the first position: an event may have been put there.
    let position = if position == 0 { -1 } else { position };
    let rows = sqlx::query(
        "select partition, position, company_id, stream_type, stream_id, version, event_id, event_type,
            schema_version, effective_at, recorded_at, payload::text, metadata::text
         from log.events where partition = $1 and position > $2 and position <= $3 order by position limit 1",
    )
    .bind(partition)
    .bind(position)
    .bind(up_to)
    .fetch_all(conn)
    .await?;
    Ok(read::events_of(&rows)?.first().map(|event| name(&Columns::of(event))))
}

/// Events and batches beyond a head cannot have been appended: both become visible with the head that names them.
pub(super) async fn beyond(conn: &mut PgConnection, partition: i16) -> Result<Option<Fault>, LogError> {
    let row = sqlx::query(
        "select
            (select min(e.position) from log.events e where e.partition = $1 and e.position > h.position) as event,
            (select min(b.batch) from log.log_batch b where b.partition = $1 and b.batch > h.batch) as batch
         from log.log_head h where h.partition = $1",
    )
    .bind(partition)
    .fetch_one(&mut *conn)
    .await?;
    let position: Option<i64> = row.try_get("event")?;
    let batch: Option<i64> = row.try_get("batch")?;
    Ok(match (position, batch) {
        (None, None) => None,
        (Some(_), Some(_)) => Some(Fault::HeadRow),
        (None, Some(batch)) => Some(Fault::Batch { batch, reason: "it was inserted" }),
        (Some(position), None) => {
            event_after(conn, partition, position - 1, position).await?.map(Fault::Inserted)
        }
    })
}
