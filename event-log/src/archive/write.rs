//! Writes a range of a partition to a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio::sync::mpsc;

use crate::archive::line::{BatchLine, EventLine, FORMAT, HeaderLine};
use crate::archive::{Range, in_file};
use crate::chain::GENESIS;
use crate::event::StoredEvent;
use crate::hex;
use crate::{LogError, append, copy};

/// How hard gzip tries: events repeat themselves so much that more gains little and costs much.
const EFFORT: Compression = Compression::new(3);
/// Batches per query.
const BATCHES: i64 = 2_000;
/// Blocks of lines that wait for the disk.
const AHEAD: usize = 4;

/// What a file holds; stands beside it as `<file>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format of the file.
    pub format: i16,
    /// Name of the file.
    pub file: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Partition.
    pub partition: i16,
    /// First position.
    pub first_position: i64,
    /// Last position.
    pub last_position: i64,
    /// First batch.
    pub first_batch: i64,
    /// Last batch.
    pub last_batch: i64,
    /// Hash of the batch before the first, in hexadecimal digits.
    pub previous_hash: String,
    /// Hash of the last batch, in hexadecimal digits. The hash of every batch stands in the file.
    pub last_hash: String,
}

/// Writes the events of a partition from `first` to the end of the batch that holds `last`, with their batches, and the
/// manifest beside them. What an earlier attempt left is replaced.
pub async fn write(
    pool: &PgPool,
    folder: &Path,
    partition: i16,
    (first, last): (i64, i64),
) -> Result<(Range, Manifest), LogError> {
    let batches = Batches::open(pool, partition, (first, last)).await?;
    let file = format!("events-p{partition}-{first:012}-{:012}.ndjson.gz", batches.last_position);
    let path = folder.join(&file);
    let header = HeaderLine {
        archive: FORMAT,
        partition,
        first_position: first,
        last_position: batches.last_position,
        previous_hash: hex::text(&batches.previous),
    };
    let (sender, receiver) = mpsc::channel(AHEAD);
    let writer = tokio::task::spawn_blocking({
        let path = path.with_extension("partial");
        move || write_lines(&path, receiver)
    });
    let copied = send(pool, &header, batches, sender).await;
    let written = writer.await.map_err(|error| in_file(&path)(io::Error::other(error)))?;
    let ((bytes, sha256), ends) = (written.map_err(in_file(&path))?, copied?);
    std::fs::rename(path.with_extension("partial"), &path).map_err(in_file(&path))?;
    let manifest = Manifest {
        format: FORMAT,
        file: file.clone(),
        bytes,
        sha256: hex::text(&sha256),
        partition,
        first_position: first,
        last_position: header.last_position,
        first_batch: ends.first,
        last_batch: ends.last,
        previous_hash: header.previous_hash,
        last_hash: ends.hash,
    };
    write_manifest(&path, &manifest)?;
    Ok((Range { partition, first, last: manifest.last_position, file, sha256 }, manifest))
}

/// Numbers of the first and the last batch, and the hash of the last.
struct Ends {
    first: i64,
    last: i64,
    hash: String,
}

/// Copies the events, and puts each batch behind its last one.
async fn send(
    pool: &PgPool,
    header: &HeaderLine,
    mut batches: Batches,
    sender: mpsc::Sender<Vec<u8>>,
) -> Result<Ends, LogError> {
    let mut lines = Vec::new();
    put(&mut lines, header)?;
    let (partition, last) = (header.partition, header.last_position);
    let mut position = header.first_position - 1;
    let mut ends: Option<Ends> = None;
    let mut copy = copy::copy(pool, partition, position, last).await?;
    while let Some(block) = copy.next().await? {
        for event in &block {
            position += 1;
            if event.position != position {
                return Err(LogError::Gap { partition, position });
            }
            put(&mut lines, &EventLine::of(event))?;
            if let Some(batch) = batches.ends_at(pool, event).await? {
                put(&mut lines, &batch)?;
                let first = ends.map_or(batch.batch, |ends| ends.first);
                ends = Some(Ends { first, last: batch.batch, hash: batch.hash });
            }
        }
        if sender.send(std::mem::take(&mut lines)).await.is_err() {
            break; // the disk refused: its error is told by the writer
        }
    }
    if position != last {
        return Err(LogError::Gap { partition, position: position + 1 });
    }
    ends.ok_or(LogError::Unreadable("batches of a range"))
}

fn put(lines: &mut Vec<u8>, line: &impl Serialize) -> Result<(), LogError> {
    serde_json::to_writer(&mut *lines, line).map_err(|_| LogError::Unreadable("an event that is no JSON"))?;
    lines.push(b'\n');
    Ok(())
}

/// Writes until the sender is gone, and to the disk for good. Answers bytes and hash of the file.
fn write_lines(path: &Path, mut lines: mpsc::Receiver<Vec<u8>>) -> io::Result<(u64, [u8; 32])> {
    let file = Hashed { file: File::create(path)?, bytes: 0, hash: Sha256::new() };
    let mut gzip = GzEncoder::new(BufWriter::with_capacity(1 << 20, file), EFFORT);
    while let Some(block) = lines.blocking_recv() {
        gzip.write_all(&block)?;
    }
    let mut file = gzip.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.flush()?;
    file.file.sync_all()?;
    Ok((file.bytes, file.hash.finalize().into()))
}

/// A file that is hashed as it is written.
struct Hashed {
    file: File,
    bytes: u64,
    hash: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.bytes += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn write_manifest(path: &Path, manifest: &Manifest) -> Result<(), LogError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    let path = PathBuf::from(name);
    let text = serde_json::to_vec_pretty(manifest).map_err(|error| in_file(&path)(error.into()))?;
    std::fs::write(&path, text).map_err(in_file(&path))?;
    File::open(&path).and_then(|file| file.sync_all()).map_err(in_file(&path))
}

/// The batches of a range, in order.
struct Batches {
    partition: i16,
    /// Hash of the batch before the first.
    previous: [u8; 32],
    /// Last position of the last batch.
    last_position: i64,
    /// Number of the newest batch that was read.
    read: i64,
    last: i64,
    waiting: std::collections::VecDeque<BatchLine>,
}

impl Batches {
    /// The batches from the one that begins at `first` to the one that holds `last`.
    async fn open(pool: &PgPool, partition: i16, (first, last): (i64, i64)) -> Result<Self, LogError> {
        let row: Option<(i64, i64, i64)> = sqlx::query_as(
            "select b.batch, e.batch, e.last_position
             from log.log_batch b, log.log_batch e
             where b.partition = $1 and b.first_position = $2
                and e.partition = $1 and e.first_position <= $3 and e.last_position >= $3",
        )
        .bind(partition)
        .bind(first)
        .bind(last)
        .fetch_optional(pool)
        .await?;
        let (first, last, last_position) = row.ok_or(LogError::Unreadable("batches of a range"))?;
        let previous: Option<Vec<u8>> =
            sqlx::query_scalar("select hash from log.log_batch where partition = $1 and batch = $2")
                .bind(partition)
                .bind(first - 1)
                .fetch_optional(pool)
                .await?;
        let previous = previous.map_or(Ok(GENESIS), |hash| append::hash_of(&hash))?;
        Ok(Self { partition, previous, last_position, read: first - 1, last, waiting: <_>::default() })
    }

    /// The batch whose last event this is.
    async fn ends_at(&mut self, pool: &PgPool, event: &StoredEvent) -> Result<Option<BatchLine>, LogError> {
        if self.waiting.is_empty() && self.read < self.last {
            self.read_more(pool).await?;
        }
        let ends = self.waiting.front().is_some_and(|batch| batch.last_position == event.position);
        Ok(if ends { self.waiting.pop_front() } else { None })
    }

    async fn read_more(&mut self, pool: &PgPool) -> Result<(), LogError> {
        let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(
            "select batch, last_position, hash from log.log_batch
             where partition = $1 and batch > $2 and batch <= $3 order by batch limit $4",
        )
        .bind(self.partition)
        .bind(self.read)
        .bind(self.last)
        .bind(BATCHES)
        .fetch_all(pool)
        .await?;
        self.read = rows.last().map_or(self.last, |(batch, ..)| *batch);
        let line = |(batch, last_position, hash): (i64, i64, Vec<u8>)| BatchLine {
            batch,
            last_position,
            hash: hex::text(&hash),
        };
        self.waiting.extend(rows.into_iter().map(line));
        Ok(())
    }
}
