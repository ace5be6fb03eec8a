//! One batch in one round trip.
//!
//! A batch is decided on a [`Head`] that its writer remembers. `log.append_batch` locks the partition's head row,
//! compares, and writes events, keys, the batch's hash and the new head together or not at all. Because every writer
//! of a partition waits for that row, positions are gapless and become visible in order.

use chrono::{DateTime, Utc};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, PgConnection, Row};
use uuid::Uuid;

use crate::event::StoredEvent;
use crate::json::JsonText;
use crate::keys::lookup;
use crate::{LogError, chain};

/// Where a partition stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Position of the newest event, 0 in an empty partition.
    pub position: i64,
    /// Number of the newest batch, 0 in an empty partition.
    pub batch: i64,
    /// Chain hash of the newest batch; 32 zero bytes in an empty partition.
    pub hash: [u8; 32],
}

/// Constraint that a key which exists already violates.
const KEYS_TAKEN: &str = "command_keys_pkey";

/// What a key stands for; keys of different kinds never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum KeyKind {
    /// `Idempotency-Key` of a request; expires after 7 days or more.
    Request = 1,
    /// Key of an outside fact (sale line, daily report, webhook); never expires.
    External = 2,
}

impl KeyKind {
    /// Number under which the kind is stored.
    pub fn code(self) -> i16 {
        match self {
            KeyKind::Request => 1,
            KeyKind::External => 2,
        }
    }

    pub(crate) fn from_code(code: i16) -> Result<KeyKind, LogError> {
        match code {
            1 => Ok(KeyKind::Request),
            2 => Ok(KeyKind::External),
            _ => Err(LogError::Unreadable("kind of a key")),
        }
    }
}

/// A key claimed together with the events of its command.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyClaim {
    /// Tenant.
    pub company_id: Uuid,
    /// Kind.
    pub kind: KeyKind,
    /// 128 bits of the key's text; see [`key_id`].
    pub key: Uuid,
    /// 128 bits of what the caller asked or stated; the same key with another digest is a conflict.
    pub digest: Uuid,
    /// The answer that a repeat gets, JSON; none for outside facts that need no answer.
    pub answer: Option<String>,
}

/// A key that an earlier batch has claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenKey {
    /// Tenant.
    pub company_id: Uuid,
    /// Kind.
    pub kind: KeyKind,
    /// The key.
    pub key: Uuid,
    /// Digest of the first claim.
    pub digest: Uuid,
    /// Its answer.
    pub answer: Option<String>,
    /// Position of the last event of the command that claimed it.
    pub position: i64,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

/// What is appended together or not at all.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Partition.
    pub partition: i16,
    /// The head that the batch was decided on.
    pub expected: Head,
    /// Events, positions counting from `expected.position + 1`, all with the same `recorded_at`. May be empty: then
    /// only the keys are stored and the head stays where it is.
    pub events: Vec<StoredEvent>,
    /// Keys, each with the position that its answer speaks of.
    pub keys: Vec<(KeyClaim, i64)>,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

/// What a batch adds to the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The head as it will stand when the batch is in the log.
    pub after: Head,
    /// The first 8 bytes of each event's hash, one after the other.
    pub marks: Vec<u8>,
}

/// What became of a batch.
#[derive(Debug, Clone)]
pub enum Appended {
    /// It is durable; the partition now stands here.
    Done(Head),
    /// Nothing was written: another process moved the head.
    Stale(Head),
    /// Nothing was written: these keys exist already.
    KeysTaken(Vec<TakenKey>),
}

/// 128 bits that stand for a text: the first half of its SHA-256.
pub fn key_id(parts: &[&str]) -> Uuid {
    use sha2::Digest;
    let mut hasher = sha2::Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let mut half = [0_u8; 16];
    for (to, from) in half.iter_mut().zip(hasher.finalize()) {
        *to = from;
    }
    Uuid::from_bytes(half)
}

/// Appends a batch in one round trip: all of it or nothing.
pub async fn append(conn: &mut PgConnection, batch: &Batch) -> Result<Appended, LogError> {
    append_sealed(conn, batch, &seal(batch)).await
}

/// Appends a batch under the seal that it has.
///
/// A batch that is already in the log (its acknowledgement was lost and it is tried again) is `Done`, not `Stale`.
pub async fn append_sealed(
    conn: &mut PgConnection,
    batch: &Batch,
    seal: &Seal,
) -> Result<Appended, LogError> {
    append_by(conn, batch, seal, APPEND).await
}

/// The same unless another process has the turn ([`crate::turn`]): then the batch is `Stale`, wherever the head stands.
pub async fn append_unless_turn(
    conn: &mut PgConnection,
    batch: &Batch,
    seal: &Seal,
) -> Result<Appended, LogError> {
    append_by(conn, batch, seal, APPEND_UNLESS_TURN).await
}

/// The same for the process that has the turn, on the connection that took it. The turn ends, unless a key was taken.
pub async fn append_in_turn(
    conn: &mut PgConnection,
    batch: &Batch,
    seal: &Seal,
) -> Result<Appended, LogError> {
    append_by(conn, batch, seal, APPEND_IN_TURN).await
}

async fn append_by(
    conn: &mut PgConnection,
    batch: &Batch,
    seal: &Seal,
    statement: &'static str,
) -> Result<Appended, LogError> {
    let keys = in_order(&batch.keys)?;
    let row = match call(conn, statement, batch, seal, &keys).await {
        Ok(row) => row,
        Err(sqlx::Error::Database(error)) if error.constraint() == Some(KEYS_TAKEN) => {
            let wanted: Vec<_> =
                keys.iter().map(|(claim, _)| (claim.company_id, claim.kind, claim.key)).collect();
            return Ok(Appended::KeysTaken(lookup(conn, batch.partition, &wanted).await?));
        }
        Err(error) => return Err(error.into()),
    };
    match row.try_get::<&str, _>("outcome")? {
        "done" => Ok(Appended::Done(seal.after.clone())),
        "stale" => {
            let stands = head_of(&row)?;
            let ours = !batch.events.is_empty() && stands == seal.after;
            Ok(if ours { Appended::Done(stands) } else { Appended::Stale(stands) })
        }
        _ => Err(LogError::UnknownPartition(batch.partition)),
    }
}

/// Where a partition stands, without waiting.
pub async fn head(conn: &mut PgConnection, partition: i16) -> Result<Head, LogError> {
    let row = sqlx::query("select position, batch, hash from log.log_head where partition = $1")
        .bind(partition)
        .fetch_optional(conn)
        .await?;
    head_of(&row.ok_or(LogError::UnknownPartition(partition))?)
}

/// Whether exactly the batch after which the partition stood here is in the log, whatever came after it. A batch that is
/// still on its way to the server may yet land while the head stands where the batch expects it, and no longer.
pub async fn is_in_log(conn: &mut PgConnection, partition: i16, after: &Head) -> Result<bool, LogError> {
    let found = sqlx::query_scalar(
        "select exists (select from log.log_batch where partition = $1 and batch = $2 and hash = $3)",
    )
    .bind(partition)
    .bind(after.batch)
    .bind(after.hash.as_slice())
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// Number of partitions that the log was created with.
pub async fn partitions(conn: &mut PgConnection) -> Result<i16, LogError> {
    let count: i64 = sqlx::query_scalar("select count(*) from log.log_head").fetch_one(conn).await?;
    i16::try_from(count).map_err(|_| LogError::Unreadable("number of partitions"))
}

/// Seals a batch: its place in the chain.
pub fn seal(batch: &Batch) -> Seal {
    let Some(last) = batch.events.last() else {
        return Seal { after: batch.expected.clone(), marks: Vec::new() };
    };
    let number = batch.expected.batch + 1;
    let (hash, marks) = chain::seal(&batch.expected.hash, number, &batch.events);
    Seal { after: Head { position: last.position, batch: number, hash }, marks }
}

const APPEND: &str = "
select outcome, position, batch, hash
from log.append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
    $22, $23)";

const APPEND_UNLESS_TURN: &str = "
select outcome, position, batch, hash
from log.append_unless_turn($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
    $21, $22, $23)";

const APPEND_IN_TURN: &str = "
select outcome, position, batch, hash
from log.append_in_turn($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
    $22, $23)";

async fn call(
    conn: &mut PgConnection,
    statement: &'static str,
    batch: &Batch,
    seal: &Seal,
    keys: &[&(KeyClaim, i64)],
) -> Result<PgRow, sqlx::Error> {
    let arguments = arguments(batch, seal, keys).map_err(sqlx::Error::Encode)?;
    sqlx::query_with(statement, arguments).fetch_one(conn).await
}

/// The parameters of `log.append_batch`, written into memory that is taken once.
fn arguments(
    batch: &Batch,
    Seal { after, marks }: &Seal,
    keys: &[&(KeyClaim, i64)],
) -> Result<PgArguments, BoxDynError> {
    let events = &batch.events;
    let texts: usize = events.iter().map(|event| event.payload.len() + event.metadata.len()).sum();
    let answers: usize = keys.iter().filter_map(|(claim, _)| Some(claim.answer.as_ref()?.len())).sum();
    let mut arguments = PgArguments::default();
    arguments.reserve(23, texts + answers + marks.len() + 200 * events.len() + 100 * keys.len());
    arguments.add(batch.partition)?;
    arguments.add(batch.expected.position)?;
    arguments.add(batch.expected.batch)?;
    arguments.add(batch.expected.hash.as_slice())?;
    arguments.add(after.hash.as_slice())?;
    arguments.add(marks.as_slice())?;
    arguments.add(batch.recorded_at)?;
    arguments.add(events.iter().map(|event| event.company_id).collect::<Vec<_>>())?;
    arguments.add(events.iter().map(|event| &*event.stream_type).collect::<Vec<_>>())?;
    arguments.add(events.iter().map(|event| &*event.stream_id).collect::<Vec<_>>())?;
    arguments.add(events.iter().map(|event| event.version).collect::<Vec<_>>())?;
    arguments.add(events.iter().map(|event| event.event_id).collect::<Vec<_>>())?;
    arguments.add(events.iter().map(|event| &*event.event_type).collect::<Vec<_>>())?;
    arguments.add(events.iter().map(|event| event.schema_version).collect::<Vec<_>>())?;
    arguments.add(events.iter().map(|event| event.effective_at).collect::<Vec<_>>())?;
    arguments.add(events.iter().map(|event| JsonText(&event.payload)).collect::<Vec<_>>())?;
    arguments.add(events.iter().map(|event| JsonText(&event.metadata)).collect::<Vec<_>>())?;
    arguments.add(keys.iter().map(|(claim, _)| claim.company_id).collect::<Vec<_>>())?;
    arguments.add(keys.iter().map(|(claim, _)| claim.kind.code()).collect::<Vec<_>>())?;
    let stored =
        keys.iter().map(|(claim, _)| stored_key(claim.company_id, claim.kind, claim.key)).collect::<Vec<_>>();
    arguments.add(stored)?;
    arguments.add(keys.iter().map(|(claim, _)| claim.digest).collect::<Vec<_>>())?;
    arguments.add(keys.iter().map(|(_, position)| *position).collect::<Vec<_>>())?;
    arguments.add(keys.iter().map(|(claim, _)| claim.answer.as_deref()).collect::<Vec<_>>())?;
    Ok(arguments)
}

/// The claims in the order of their index, so that neighbours share its pages.
fn in_order(keys: &[(KeyClaim, i64)]) -> Result<Vec<&(KeyClaim, i64)>, LogError> {
    let index = |(claim, _): &(KeyClaim, i64)| stored_key(claim.company_id, claim.kind, claim.key);
    let mut ordered: Vec<_> = keys.iter().collect();
    ordered.sort_unstable_by_key(|claimed| index(claimed));
    let twice = ordered.windows(2).find_map(|pair| match pair {
        [one, other] if index(one) == index(other) => Some(one.0.key),
        _ => None,
    });
    twice.map_or(Ok(ordered), |key| Err(LogError::KeyTwice(key)))
}

pub(crate) fn head_of(row: &PgRow) -> Result<Head, LogError> {
    Ok(Head {
        position: row.try_get("position")?,
        batch: row.try_get("batch")?,
        hash: hash_of(row.try_get("hash")?)?,
    })
}

pub(crate) fn hash_of(bytes: &[u8]) -> Result<[u8; 32], LogError> {
    bytes.try_into().map_err(|_| LogError::Unreadable("chain hash"))
}

/// The key as it is stored: company and kind mixed in, so that one narrow column tells keys apart. Mixing twice gives
/// the key back.
pub(crate) fn stored_key(company_id: Uuid, kind: KeyKind, key: Uuid) -> Uuid {
    let kind = u128::from(kind.code().unsigned_abs());
    Uuid::from_u128(key.as_u128() ^ company_id.as_u128() ^ kind)
}

pub(crate) fn taken_key(row: &PgRow) -> Result<TakenKey, LogError> {
    let (company_id, kind) = (row.try_get("company_id")?, KeyKind::from_code(row.try_get("kind")?)?);
    Ok(TakenKey {
        company_id,
        kind,
        key: stored_key(company_id, kind, row.try_get("key")?),
        digest: row.try_get("digest")?,
        answer: row.try_get("answer")?,
        position: row.try_get("position")?,
        recorded_at: row.try_get("recorded_at")?,
    })
}
