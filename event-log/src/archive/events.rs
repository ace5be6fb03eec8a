//! Long ranges of the log across archived files and the live table.

use std::collections::VecDeque;
use std::path::PathBuf;

use sqlx::PgPool;

use crate::LogError;
use crate::archive::read::{self, Piece, Reading};
use crate::archive::{Archive, Range, ranges};
use crate::copy::{self, Copy, Part};
use crate::event::StoredEvent;

/// Events of a partition in order, archived ones first. Holes within the live part are not looked for: that is the
/// caller's part, as with [`copy`].
#[derive(Debug)]
pub struct Events {
    pool: PgPool,
    partition: i16,
    part: Part,
    files: Files,
    live: Option<Copy>,
}

/// Archived events of a partition in order, and nothing of what is live.
#[derive(Debug)]
pub(crate) struct Files {
    /// The last event that came.
    after: i64,
    up_to: i64,
    waiting: VecDeque<(PathBuf, Range)>,
    reading: Option<Reading>,
}

impl Events {
    /// The events with positions above `after` and up to `up_to` or where the head stands now. Fails at once where a
    /// file is needed and not there.
    pub async fn open(
        pool: &PgPool,
        archive: &Archive,
        partition: i16,
        range: (i64, i64),
    ) -> Result<Self, LogError> {
        Self::open_part(pool, archive, partition, range, Part::All).await
    }

    /// The same for readers that need only a part of each event. Archived ones are whole all the same.
    pub async fn open_part(
        pool: &PgPool,
        archive: &Archive,
        partition: i16,
        range: (i64, i64),
        part: Part,
    ) -> Result<Self, LogError> {
        let files = Files::open(pool, archive, partition, range).await?;
        Ok(Self { pool: pool.clone(), partition, part, files, live: None })
    }

    /// The next block, never empty; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<StoredEvent>>, LogError> {
        if let Some(block) = self.files.next().await? {
            return Ok(Some(block));
        }
        if self.live.is_none() {
            let range = (self.files.after, self.files.up_to);
            self.live = Some(copy::copy_part(&self.pool, self.partition, range, self.part).await?);
        }
        match &mut self.live {
            Some(live) => live.next().await,
            None => Ok(None),
        }
    }
}

impl Files {
    /// The archived events with positions above `after` and up to `up_to`. Fails at once where a file is not there.
    pub(crate) async fn open(
        pool: &PgPool,
        archive: &Archive,
        partition: i16,
        (after, up_to): (i64, i64),
    ) -> Result<Self, LogError> {
        let mut waiting = VecDeque::new();
        if after < up_to {
            let ranges = ranges(&mut *pool.acquire().await?, partition).await?;
            for range in ranges.into_iter().filter(|range| range.last > after && range.first <= up_to) {
                let path = archive.file(&range)?;
                read::exists(&path)?;
                waiting.push_back((path, range));
            }
        }
        Ok(Self { after, up_to, waiting, reading: None })
    }

    /// The next block, never empty; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<StoredEvent>>, LogError> {
        while let Some(mut block) = self.next_of_any().await? {
            block.retain(|event| event.position > self.after && event.position <= self.up_to);
            if let Some(last) = block.last() {
                self.after = last.position;
                return Ok(Some(block));
            }
        }
        Ok(None)
    }

    async fn next_of_any(&mut self) -> Result<Option<Vec<StoredEvent>>, LogError> {
        loop {
            if let Some(reading) = &mut self.reading {
                match reading.next().await? {
                    Some(Piece::Events(block)) => return Ok(Some(block)),
                    Some(Piece::Header(_) | Piece::Batch(_)) => continue,
                    None => self.reading = None,
                }
            }
            let Some((path, range)) = self.waiting.pop_front() else { return Ok(None) };
            self.reading = Some(Reading::open(path, range, false));
        }
    }
}
