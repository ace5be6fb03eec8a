//! Archived events on their way into the check, and what the database has kept of them.

use std::collections::{HashMap, VecDeque};

use sqlx::{PgConnection, PgPool};

use super::batches::event_after;
use super::check::Page;
use super::{Fault, LogError};
use crate::archive::{Archive, Files, gone_until};
use crate::chain;
use crate::columns::Columns;
use crate::copy::{Part, Rows, Source};
use crate::event::StoredEvent;
use crate::fault::name;

/// The archived events of a partition.
pub(super) struct Archived {
    partition: i16,
    files: Files,
    block: VecDeque<StoredEvent>,
    /// Last position that is read from files; below every position where nothing is archived.
    until: i64,
}

impl Archived {
    /// Those after a position. Fails at once where a file is needed and not there.
    pub(super) async fn open(
        pool: &PgPool,
        archive: &Archive,
        partition: i16,
        after: i64,
    ) -> Result<Self, LogError> {
        let gone = gone_until(&mut *pool.acquire().await?).await?;
        let files = Files::open(pool, archive, partition, (after, gone)).await?;
        let until = if gone == 0 { -1 } else { gone };
        Ok(Self { partition, files, block: VecDeque::new(), until })
    }

    /// Hands those after `after` and up to `last` to the check. What the database still has of them must be the same.
    /// Answers the position after which the database is to be read.
    pub(super) async fn take(
        &mut self,
        conn: &mut PgConnection,
        (after, last): (i64, i64),
        page: &mut Page<'_, '_>,
    ) -> Result<i64, LogError> {
        if after >= self.until {
            return Ok(after);
        }
        let last = last.min(self.until);
        let mut kept = kept(conn, self.partition, (after, last)).await?;
        let mut bytes = Vec::new();
        while page.fault.is_none()
            && let Some(event) = self.next(last).await?
        {
            let columns = Columns::of(&event);
            page.take(&columns);
            let hash = kept.remove(&event.position);
            if page.fault.is_none()
                && hash.is_some_and(|hash| hash != chain::columns_hash(&columns, &mut bytes))
            {
                page.fault = Some(Fault::Altered(name(&columns)));
            }
        }
        if page.fault.is_none()
            && let Some(position) = kept.into_keys().min()
        {
            let inserted = event_after(conn, self.partition, position - 1, position).await?;
            page.fault = inserted.map(Fault::Inserted);
        }
        Ok(last)
    }

    async fn next(&mut self, last: i64) -> Result<Option<StoredEvent>, LogError> {
        if self.block.is_empty() {
            self.block.extend(self.files.next().await?.unwrap_or_default());
        }
        Ok(self.block.pop_front_if(|event| event.position <= last))
    }
}

/// Hashes of the events that stayed in the database, by position.
async fn kept(
    conn: &mut PgConnection,
    partition: i16,
    range: (i64, i64),
) -> Result<HashMap<i64, [u8; 32]>, LogError> {
    let mut rows = Rows::open(conn, Source { partition, part: Part::All }, range).await?;
    let (mut kept, mut bytes) = (HashMap::new(), Vec::new());
    while rows
        .next(|columns| {
            kept.insert(columns.position, chain::columns_hash(&columns, &mut bytes));
            Ok(())
        })
        .await?
    {}
    Ok(kept)
}
