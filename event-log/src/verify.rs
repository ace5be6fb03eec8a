//! Is every event still what was appended?
//!
//! Reads a partition from its first event to its last beside the batches of `log_batch`, recomputes the hash chain and
//! stops at the first thing that is wrong, by name: an altered, missing or inserted event, a broken batch, a hole in a
//! stream, a head that does not agree. Whoever can rewrite the whole chain can hide a change from the database alone:
//! therefore checkpoints ([`Head`]s kept elsewhere) can be given, and the chain must pass through them.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;

use sqlx::{PgPool, Row};
use uuid::Uuid;

use crate::LogError;
use crate::append::{self, Head};
use crate::chain::{self, GENESIS, MARK_BYTES};
use crate::copy;
use crate::event::StoredEvent;
use crate::fault::name;
pub use crate::fault::{EventName, Fault};
use crate::read;

/// Batches per query.
const BATCHES: i64 = 2_000;

/// What verify has found in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Partition.
    pub partition: i16,
    /// Events that were read.
    pub events: i64,
    /// The last batch whose chain holds.
    pub head: Head,
    /// The first thing that is wrong; none when all is as it was appended.
    pub fault: Option<Fault>,
}

/// Verifies a partition. `checkpoints` are heads that were kept elsewhere; `progress` hears of each position reached.
/// What is appended while it runs is left for the next time. Reads as a role that sees every company.
pub async fn verify(
    pool: &PgPool,
    partition: i16,
    checkpoints: &[Head],
    mut progress: impl FnMut(i64),
) -> Result<Report, LogError> {
    let target = append::head(&mut *pool.acquire().await?, partition).await?;
    let mut events = Events::open(pool, partition, target.position).await?;
    let mut check = Check::new(checkpoints);
    let fault = loop {
        let batches = batches_after(pool, partition, check.head.batch, target.batch).await?;
        if batches.is_empty() {
            break check.at_the_end(&mut events, &target).await?;
        }
        if let Some(fault) = check.batches(&mut events, &batches).await? {
            break Some(fault);
        }
        progress(check.head.position);
    };
    let fault = match fault {
        None => beyond(pool, partition).await?,
        found => found,
    };
    Ok(Report { partition, events: check.events, head: check.head, fault })
}

/// One row of `log_batch`.
struct BatchRow {
    batch: i64,
    first: i64,
    last: i64,
    hash: [u8; 32],
    marks: Vec<u8>,
}

/// How far the chain holds.
struct Check<'a> {
    head: Head,
    events: i64,
    checkpoints: &'a [Head],
    versions: HashMap<(Uuid, Arc<str>, Arc<str>), i64>,
}

impl<'a> Check<'a> {
    fn new(checkpoints: &'a [Head]) -> Check<'a> {
        let head = Head { position: 0, batch: 0, hash: GENESIS };
        Check { head, events: 0, checkpoints, versions: HashMap::new() }
    }

    async fn batches(&mut self, events: &mut Events, rows: &[BatchRow]) -> Result<Option<Fault>, LogError> {
        for row in rows {
            if let Some(fault) = self.batch(events, row).await? {
                return Ok(Some(fault));
            }
        }
        Ok(None)
    }

    async fn batch(&mut self, events: &mut Events, row: &BatchRow) -> Result<Option<Fault>, LogError> {
        let number = self.head.batch + 1;
        let broken = |reason| Ok(Some(Fault::Batch { batch: number, reason }));
        if row.batch != number {
            return broken("its row is missing");
        }
        let count = usize::try_from(row.last - row.first + 1).unwrap_or(0);
        if row.first != self.head.position + 1 || count == 0 || row.marks.len() != count * MARK_BYTES {
            return broken("its row was altered");
        }
        let mut hashes = Vec::with_capacity(count);
        for (position, kept) in (row.first..=row.last).zip(row.marks.chunks_exact(MARK_BYTES)) {
            let Some(event) = events.take_at(position).await? else {
                return Ok(Some(events.instead_of(position, number)));
            };
            let hash = chain::event_hash(&event);
            if chain::mark(&hash) != kept {
                return Ok(Some(Fault::Altered(name(&event))));
            }
            if let Some(expected) = self.out_of_order(&event) {
                return Ok(Some(Fault::Version { event: name(&event), expected }));
            }
            hashes.push(hash);
            self.events += 1;
        }
        let hash = chain::chain_hash(&self.head.hash, number, hashes.into_iter());
        if hash != row.hash {
            return broken("its events do not give its hash");
        }
        self.head = Head { position: row.last, batch: number, hash };
        let missed = self.checkpoints.iter().any(|kept| kept.batch == number && *kept != self.head);
        Ok(missed.then_some(Fault::Checkpoint { batch: number }))
    }

    /// Version that the event should have had, when it has another.
    fn out_of_order(&mut self, event: &StoredEvent) -> Option<i64> {
        let key = (event.company_id, Arc::clone(&event.stream_type), Arc::clone(&event.stream_id));
        let version = self.versions.entry(key).or_insert(0);
        *version += 1;
        (event.version != *version).then_some(*version)
    }

    async fn at_the_end(&self, events: &mut Events, target: &Head) -> Result<Option<Fault>, LogError> {
        if let Some(event) = events.peek().await? {
            let batch = self.head.batch + 1;
            let cut = batch <= target.batch && event.position == self.head.position + 1;
            let cut = cut.then_some(Fault::Batch { batch, reason: "its row is missing" });
            return Ok(Some(cut.unwrap_or_else(|| Fault::Inserted(name(event)))));
        }
        if self.head != *target {
            return Ok(Some(Fault::HeadRow));
        }
        let beyond = self.checkpoints.iter().find(|kept| kept.batch > target.batch);
        Ok(beyond.map(|kept| Fault::Checkpoint { batch: kept.batch }))
    }
}

/// The events of a partition, one by one.
struct Events {
    copy: copy::Copy,
    waiting: VecDeque<StoredEvent>,
}

impl Events {
    async fn open(pool: &PgPool, partition: i16, up_to: i64) -> Result<Events, LogError> {
        // From below the first position: an event may have been put there.
        let copy = copy::copy(pool, partition, -1, up_to).await?;
        Ok(Events { copy, waiting: VecDeque::new() })
    }

    async fn peek(&mut self) -> Result<Option<&StoredEvent>, LogError> {
        if self.waiting.is_empty() {
            self.waiting.extend(self.copy.next().await?.unwrap_or_default());
        }
        Ok(self.waiting.front())
    }

    /// The next event when it stands at `position`.
    async fn take_at(&mut self, position: i64) -> Result<Option<StoredEvent>, LogError> {
        match self.peek().await? {
            Some(event) if event.position == position => Ok(self.waiting.pop_front()),
            _ => Ok(None),
        }
    }

    /// Why there was no event at `position`.
    fn instead_of(&self, position: i64, batch: i64) -> Fault {
        match self.waiting.front() {
            Some(event) if event.position < position => Fault::Inserted(name(event)),
            _ => Fault::Missing { position, batch },
        }
    }
}

/// Events and batches beyond a head cannot have been appended: both become visible with the head that names them.
async fn beyond(pool: &PgPool, partition: i16) -> Result<Option<Fault>, LogError> {
    let row = sqlx::query(
        "select
            (select min(e.position) from log.events e where e.partition = $1 and e.position > h.position) as event,
            (select min(b.batch) from log.log_batch b where b.partition = $1 and b.batch > h.batch) as batch
         from log.log_head h where h.partition = $1",
    )
    .bind(partition)
    .fetch_one(pool)
    .await?;
    let position: Option<i64> = row.try_get("event")?;
    let batch: Option<i64> = row.try_get("batch")?;
    Ok(match (position, batch) {
        (None, None) => None,
        (Some(_), Some(_)) => Some(Fault::HeadRow),
        (None, Some(batch)) => Some(Fault::Batch { batch, reason: "it was inserted" }),
        (Some(position), None) => {
            let found = read::after(&mut *pool.acquire().await?, partition, position - 1, 1).await?;
            found.first().map(|event| Fault::Inserted(name(event)))
        }
    })
}

async fn batches_after(
    pool: &PgPool,
    partition: i16,
    after: i64,
    up_to: i64,
) -> Result<Vec<BatchRow>, LogError> {
    let rows = sqlx::query(
        "select batch, first_position, last_position, hash, marks from log.log_batch
         where partition = $1 and batch > $2 and batch <= $3 order by batch limit $4",
    )
    .bind(partition)
    .bind(after)
    .bind(up_to)
    .bind(BATCHES)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(BatchRow {
                batch: row.try_get("batch")?,
                first: row.try_get("first_position")?,
                last: row.try_get("last_position")?,
                hash: append::hash_of(row.try_get("hash")?)?,
                marks: row.try_get("marks")?,
            })
        })
        .collect()
}
