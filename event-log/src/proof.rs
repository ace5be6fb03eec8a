//! Proof that one event is in the log, for somebody who has nothing of the log but a signed checkpoint.
//!
//! It carries the event, the hashes of the events of its batch, the hash of the batch before, and the way from the
//! batch to the checkpoint's tree. The other events stay unknown. [`Proof::check`] needs no database.

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::append::{Head, hash_of};
use crate::chain::{self, GENESIS};
use crate::checkpoint::{Flaw, SignedCheckpoint, batch_hashes};
use crate::event::{Meaning, StoredEvent};
use crate::signing::PublicKey;
use crate::tree::{self, PathFinder, Tree};
use crate::{LogError, hex, read, written};

/// One event and its way into the chain, as the log holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inclusion {
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

impl Inclusion {
    /// Whether the event and the hashes lead to the head.
    pub fn holds(&self) -> bool {
        self.hashes.get(self.place) == Some(&chain::event_hash(&self.event))
            && chain::chain_hash(&self.previous, self.head.batch, &self.hashes) == self.head.hash
    }
}

/// The way of the event at `position` into the chain; none when there is no such event. Reads as a role that sees
/// every company.
pub async fn inclusion(
    conn: &mut PgConnection,
    partition: i16,
    position: i64,
) -> Result<Option<Inclusion>, ProofError> {
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
    .await
    .map_err(LogError::from)?;
    let Batch { first, head, previous } =
        row.as_ref().map(batch_of).transpose()?.ok_or(ProofError::Altered)?;
    let last = head.position;
    let events = read::after(conn, partition, first - 1, last - first + 1).await?;
    let place = usize::try_from(position - first).unwrap_or(usize::MAX);
    let hashes = events.iter().map(chain::event_hash).collect();
    Ok(Some(Inclusion { event, previous, hashes, place, head }))
}

struct Batch {
    first: i64,
    head: Head,
    previous: [u8; 32],
}

fn batch_of(row: &PgRow) -> Result<Batch, LogError> {
    let hash = hash_of(row.try_get("hash")?)?;
    Ok(Batch {
        first: row.try_get("first_position")?,
        head: Head { position: row.try_get("last_position")?, batch: row.try_get("batch")?, hash },
        previous: row.try_get::<Option<&[u8]>, _>("previous")?.map_or(Ok(GENESIS), hash_of)?,
    })
}

/// A proof, as it is written to a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    format: Format,
    event: ProvenEvent,
    batch: ProvenBatch,
    /// Hashes beside the way from the batch to the checkpoint's tree, from the batch up.
    #[serde(with = "hex::list")]
    path: Vec<[u8; 32]>,
    checkpoint: SignedCheckpoint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "stocktrail proof 1")]
    First,
}

/// Every column of an event, payload and metadata as the exact stored texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvenEvent {
    partition: i16,
    position: i64,
    company_id: Uuid,
    stream_type: String,
    stream_id: String,
    version: i64,
    event_id: Uuid,
    event_type: String,
    schema_version: i16,
    #[serde(with = "written::micros")]
    effective_at: DateTime<Utc>,
    #[serde(with = "written::micros")]
    recorded_at: DateTime<Utc>,
    payload: String,
    metadata: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvenBatch {
    /// Its number.
    batch: i64,
    /// Hash of the batch before.
    #[serde(with = "hex")]
    previous: [u8; 32],
    /// Place of the event among its events, from 0.
    place: usize,
    /// Hashes of its events.
    #[serde(with = "hex::list")]
    events: Vec<[u8; 32]>,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The event or a neighbour in its batch is not what was recorded.
    #[error("the event's batch is not as it was recorded; verify names what was changed")]
    Altered,
    /// The checkpoint was taken before the event was recorded, or is about other partitions.
    #[error("the checkpoint does not reach the event")]
    NotCovered,
    /// The batches up to the checkpoint are not those that it was taken of.
    #[error("the log does not extend the checkpoint")]
    NotExtended,
}

/// Leads an event to a checkpoint that was taken after it. Takes as long as reading the hash of each batch.
pub async fn prove(
    conn: &mut PgConnection,
    inclusion: Inclusion,
    checkpoint: SignedCheckpoint,
) -> Result<Proof, ProofError> {
    if !inclusion.holds() {
        return Err(ProofError::Altered);
    }
    let Inclusion { event, previous, hashes, place, head } = inclusion;
    let tip = checkpoint.tip(event.partition).filter(|tip| tip.batch >= head.batch);
    let tip = tip.ok_or(ProofError::NotCovered)?;
    let (mut finder, mut tree) = (PathFinder::new(leaf(head.batch), leaf(tip.batch) + 1), Tree::default());
    let mut batches = batch_hashes(conn, event.partition, tip.batch);
    while let Some(hash) = batches.try_next().await? {
        finder.push(&hash);
        tree.push(&hash);
    }
    if tree.root() != tip.tree {
        return Err(ProofError::NotExtended);
    }
    let path = finder.path();
    let batch = ProvenBatch { batch: head.batch, previous, place, events: hashes };
    Ok(Proof { format: Format::First, event: ProvenEvent::from(event), batch, path, checkpoint })
}

impl Proof {
    /// Whether it proves that the event stands in the log of which the checkpoint was taken, signed with the key that
    /// the checkpoint bears, which must be `trusted` where that is given.
    pub fn check(&self, trusted: Option<&PublicKey>) -> Result<(), Flaw> {
        self.checkpoint.check(trusted)?;
        let event = self.event();
        let ProvenBatch { batch, previous, place, events } = &self.batch;
        if events.get(*place) != Some(&chain::event_hash(&event)) {
            return Err(Flaw::Event);
        }
        let tip = self.checkpoint.tip(event.partition).ok_or(Flaw::NoPartition(event.partition))?;
        let hash = chain::chain_hash(previous, *batch, events);
        let root = tree::root_of(&self.path, leaf(*batch), leaf(tip.batch) + 1, &hash);
        if *batch > 0 && tip.batch > 0 && root == Some(tip.tree) { Ok(()) } else { Err(Flaw::Batch) }
    }

    /// The event that it is about.
    pub fn event(&self) -> StoredEvent {
        self.event.clone().into()
    }

    /// The checkpoint that it leads to.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// One line of JSON.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        written::write(self)
    }

    /// Reads what [`Self::to_text`] wrote.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        written::read(text)
    }
}

/// Place of a batch in the tree.
fn leaf(batch: i64) -> u64 {
    u64::try_from(batch.saturating_sub(1)).unwrap_or(0)
}

impl From<StoredEvent> for ProvenEvent {
    fn from(event: StoredEvent) -> Self {
        Self {
            partition: event.partition,
            position: event.position,
            company_id: event.company_id,
            stream_type: event.stream_type.as_ref().to_owned(),
            stream_id: event.stream_id.as_ref().to_owned(),
            version: event.version,
            event_id: event.event_id,
            event_type: event.event_type.as_ref().to_owned(),
            schema_version: event.schema_version,
            effective_at: event.effective_at,
            recorded_at: event.recorded_at,
            payload: event.payload.as_ref().to_owned(),
            metadata: event.metadata.as_ref().to_owned(),
        }
    }
}

impl From<ProvenEvent> for StoredEvent {
    fn from(event: ProvenEvent) -> Self {
        Self {
            partition: event.partition,
            position: event.position,
            company_id: event.company_id,
            stream_type: event.stream_type.into(),
            stream_id: event.stream_id.into(),
            version: event.version,
            event_id: event.event_id,
            event_type: event.event_type.into(),
            schema_version: event.schema_version,
            effective_at: event.effective_at,
            recorded_at: event.recorded_at,
            payload: event.payload.into(),
            metadata: event.metadata.into(),
            meaning: Meaning::default(),
        }
    }
}
