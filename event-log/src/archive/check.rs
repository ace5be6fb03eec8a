//! Is an archived range what the log says it was?

use std::path::Path;

use sqlx::PgPool;

use crate::archive::line::BatchLine;
use crate::archive::read::{Piece, Reading};
use crate::archive::{Range, damaged};
use crate::chain;
use crate::event::StoredEvent;
use crate::hex;
use crate::{LogError, append};

/// Reads a file back: it is whole, every position is there, its events give the hash of each batch, each follows from
/// the one before, and the first and the last are those of the log. Answers the number of events.
pub async fn check(pool: &PgPool, folder: &Path, range: &Range) -> Result<i64, LogError> {
    let path = folder.join(&range.file);
    let mut reading = Reading::open(path.clone(), range.clone(), true);
    let mut chain = Chain::default();
    let mut events = 0;
    while let Some(piece) = reading.next().await? {
        match piece {
            Piece::Header(header) => chain.begin(&header.previous_hash),
            Piece::Events(block) => {
                events += i64::try_from(block.len()).unwrap_or(i64::MAX);
                chain.events.extend(block);
            }
            Piece::Batch(batch) => {
                if !chain.takes(&batch) {
                    return Err(damaged(&path, "its events do not give the hash of a batch"));
                }
            }
        }
    }
    if !chain.events.is_empty() {
        return Err(damaged(&path, "it ends within a batch"));
    }
    if !in_log(pool, range, &chain).await? {
        return Err(damaged(&path, "its batches are not those of the log"));
    }
    Ok(events)
}

/// What has been computed so far.
#[derive(Default)]
struct Chain {
    first: Option<(i64, [u8; 32])>,
    batch: i64,
    hash: [u8; 32],
    events: Vec<StoredEvent>,
}

impl Chain {
    fn begin(&mut self, previous: &str) {
        let digits: Option<Vec<u8>> = (0..32)
            .map(|place| previous.get(2 * place..2 * place + 2))
            .map(|digits| digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()))
            .collect();
        self.hash = digits.and_then(|digits| append::hash_of(&digits).ok()).unwrap_or_default();
    }

    /// Whether a batch of the events since the batch before has this hash.
    fn takes(&mut self, line: &BatchLine) -> bool {
        let previous = self.hash;
        self.hash = chain::batch_hash(&previous, line.batch, &self.events);
        let follows = self.first.is_none() || line.batch == self.batch + 1;
        let ends = self.events.last().is_some_and(|event| event.position == line.last_position);
        self.first.get_or_insert((line.batch, previous));
        self.batch = line.batch;
        self.events.clear();
        follows && ends && hex::text(&self.hash) == line.hash
    }
}

/// The batches between are bound to both by the chain.
async fn in_log(pool: &PgPool, range: &Range, chain: &Chain) -> Result<bool, LogError> {
    let Some((first, previous)) = chain.first else { return Ok(false) };
    let agrees: Option<bool> = sqlx::query_scalar(
        "select b.first_position = $3 and e.last_position = $5 and e.hash = $6
             and coalesce((select hash from log.log_batch where partition = $1 and batch = $2 - 1), $8) = $7
         from log.log_batch b
         join log.log_batch e on e.partition = b.partition and e.batch = $4
         where b.partition = $1 and b.batch = $2",
    )
    .bind(range.partition)
    .bind(first)
    .bind(range.first)
    .bind(chain.batch)
    .bind(range.last)
    .bind(chain.hash.as_slice())
    .bind(previous.as_slice())
    .bind(chain::GENESIS.as_slice())
    .fetch_optional(pool)
    .await?;
    Ok(agrees.unwrap_or(false))
}
