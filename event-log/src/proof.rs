//! Proof that one event is in the chain, for somebody who does not have the rest of the log.
//!
//! It carries the event, the hashes of the events of its batch and the hash of the batch before. Whoever kept the head
//! of that batch can tell that the event was appended exactly so; the other events stay unknown.

use sqlx::{PgConnection, Row};

use crate::append::{Head, hash_of};
use crate::chain::{self, GENESIS};
use crate::event::StoredEvent;
use crate::{LogError, read};

/// One event and its way into the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// The event.
    pub event: StoredEvent,
    /// Hash of the batch before.
    pub previous: [u8; 32],
    /// Hashes of the batch's events, in order.
    pub hashes: Vec<[u8; 32]>,
    /// Place of the event among them, from 0.
    pub place: usize,
    /// The head that the batch has made.
    pub head: Head,
}

impl Proof {
    /// Whether the event and the hashes lead to the head.
    pub fn holds(&self) -> bool {
        let event = chain::event_hash(&self.event);
        let hashes = self.hashes.iter().copied();
        self.hashes.get(self.place) == Some(&event)
            && chain::chain_hash(&self.previous, self.head.batch, hashes) == self.head.hash
    }
}

/// The proof of the event at `position`; none when there is no such event. Reads as a role that sees every company.
pub async fn proof(
    conn: &mut PgConnection,
    partition: i16,
    position: i64,
) -> Result<Option<Proof>, LogError> {
    let Some(event) = read::after(conn, partition, position - 1, 1).await?.pop() else { return Ok(None) };
    let row = sqlx::query(
        "select b.batch, b.first_position, b.last_position, b.hash, p.hash as previous
         from log.log_batch b
         left join log.log_batch p on p.partition = b.partition and p.batch = b.batch - 1
         where b.partition = $1 and b.recorded_at = $2 and b.first_position <= $3 and b.last_position >= $3",
    )
    .bind(partition)
    .bind(event.recorded_at)
    .bind(position)
    .fetch_optional(&mut *conn)
    .await?;
    let row = row.ok_or(LogError::Unreadable("batch of an event"))?;
    let (first, last): (i64, i64) = (row.try_get("first_position")?, row.try_get("last_position")?);
    let previous = row.try_get::<Option<&[u8]>, _>("previous")?.map_or(Ok(GENESIS), hash_of)?;
    let head = Head { position: last, batch: row.try_get("batch")?, hash: hash_of(row.try_get("hash")?)? };
    let events = read::after(conn, partition, first - 1, last - first + 1).await?;
    let place = usize::try_from(position - first).unwrap_or(usize::MAX);
    Ok(Some(Proof { event, previous, hashes: events.iter().map(chain::event_hash).collect(), place, head }))
}
