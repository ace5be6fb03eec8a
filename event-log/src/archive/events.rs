//! Long ranges of the log across archived files and the live table.

use std::collections::VecDeque;

use sqlx::PgPool;

use crate::LogError;
use crate::archive::read::{self, Piece, Reading};
use crate::archive::{Archive, Range, ranges};
use crate::copy::{self, Copy};
use crate::event::StoredEvent;

/// Events of a partition in order, archived ones first. Holes within the live part are not looked for: that is the
/// caller's part, as with [`copy`].
#[derive(Debug)]
pub struct Events {
    pool: PgPool,
    partition: i16,
    after: i64,
    up_to: i64,
    archived: VecDeque<(std::path::PathBuf, Range)>,
    reading: Option<Reading>,
    live: Option<Copy>,
}

impl Events {
    /// The events with positions above `after` and up to `up_to` or where the head stands now. Fails at once where a
    /// file is needed and not there.
    pub async fn open(
        pool: &PgPool,
        archive: &Archive,
        partition: i16,
        (after, up_to): (i64, i64),
    ) -> Result<Self, LogError> {
        let ranges = ranges(&mut *pool.acquire().await?, partition).await?;
        let mut archived = VecDeque::new();
        for range in ranges.into_iter().filter(|range| range.last > after && range.first <= up_to) {
            let path = archive.file(&range)?;
            read::exists(&path)?;
            archived.push_back((path, range));
        }
        Ok(Self { pool: pool.clone(), partition, after, up_to, archived, reading: None, live: None })
    }

    /// The next block, never empty; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<StoredEvent>>, LogError> {
        while let Some(mut block) = self.next_archived().await? {
            block.retain(|event| event.position > self.after && event.position <= self.up_to);
            if let Some(last) = block.last() {
                self.after = last.position;
                return Ok(Some(block));
            }
        }
        if self.live.is_none() {
            self.live = Some(copy::copy(&self.pool, self.partition, self.after, self.up_to).await?);
        }
        match &mut self.live {
            Some(live) => live.next().await,
            None => Ok(None),
        }
    }

    async fn next_archived(&mut self) -> Result<Option<Vec<StoredEvent>>, LogError> {
        loop {
            if let Some(reading) = &mut self.reading {
                match reading.next().await? {
                    Some(Piece::Events(block)) => return Ok(Some(block)),
                    Some(Piece::Header(_) | Piece::Batch(_)) => continue,
                    None => self.reading = None,
                }
            }
            let Some((path, range)) = self.archived.pop_front() else { return Ok(None) };
            self.reading = Some(Reading::open(path, range, false));
        }
    }
}
