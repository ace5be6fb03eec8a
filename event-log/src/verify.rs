//! Is every event still what was appended?
//!
//! Reads a partition from its first event to its last beside the batches of `log_batch`, recomputes the hash chain and
//! stops at the first thing that is wrong, by name: an altered, missing or inserted event, a broken batch, a hole in a
//! stream, a head that does not agree. Whoever can rewrite the whole chain can hide a change from the database alone:
//! therefore checkpoints ([`Tip`]s kept elsewhere) can be given, and the chain must pass through them.
//!
//! Rows are hashed as they come out of a binary COPY, without becoming events; `check` holds what is computed,
//! `batches` what the log says of itself, `archived` what left the database.

use futures::StreamExt;
use futures::stream;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};

use crate::LogError;
use crate::append::{self, Head};
use crate::archive::Archive;
use crate::chain::GENESIS;
use crate::checkpoint::Tip;
use crate::copy::{Part, Rows, Source};
pub use crate::fault::{EventName, Fault};

mod archived;
mod batches;
mod check;

use archived::Archived;
use batches::Pages;
use check::Check;

/// Events after which [`verify_part`] stops.
const PART: i64 = 200_000;

/// What verify has found in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Partition.
    pub partition: i16,
    /// The head from which it began.
    pub from: Head,
    /// Events that were read.
    pub events: i64,
    /// The last batch whose chain holds and passes through every checkpoint.
    pub head: Head,
    /// The first thing that is wrong; none when all is as it was appended.
    pub fault: Option<Fault>,
    /// Whether the end of the log was reached.
    pub is_complete: bool,
}

/// Verifies a partition that is wholly in the database from its first event to its last. `kept` are checkpoints of it
/// that were kept elsewhere. What is appended while it runs is left for the next time. Reads as a role that sees every
/// company.
pub async fn verify(pool: &PgPool, partition: i16, kept: &[Tip]) -> Result<Report, LogError> {
    verify_across(pool, &Archive::default(), partition, kept).await
}

/// The same across archived and live events. What the database has kept of archived events is compared with the files.
pub async fn verify_across(
    pool: &PgPool,
    archive: &Archive,
    partition: i16,
    kept: &[Tip],
) -> Result<Report, LogError> {
    let from = Head { position: 0, batch: 0, hash: GENESIS };
    run(pool, archive, partition, from, kept, i64::MAX).await
}

/// Verifies every partition, several at the same time, each on a connection of its own. `kept` are checkpoints of any.
pub async fn verify_all(
    pool: &PgPool,
    archive: &Archive,
    partitions: i16,
    kept: &[Tip],
) -> Result<Vec<Report>, LogError> {
    let at_once = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let connections = usize::try_from(pool.options().get_max_connections()).unwrap_or(1);
    let reports = stream::iter(0..partitions).map(|partition| {
        let kept = kept.iter().filter(|tip| tip.partition == partition).cloned().collect::<Vec<_>>();
        let (pool, archive) = (pool.clone(), archive.clone());
        tokio::spawn(async move { verify_across(&pool, &archive, partition, &kept).await })
    });
    let reports =
        reports.buffered(at_once.min(connections)).map(|ended| ended.unwrap_or(Err(LogError::CutShort)));
    reports.collect::<Vec<_>>().await.into_iter().collect()
}

/// Verifies some hundred thousand events after batch `after`, on the word of that batch's own hash: whoever goes on
/// from each report's head to the next has verified everything. None when there is no such batch.
pub async fn verify_part(
    pool: &PgPool,
    archive: &Archive,
    partition: i16,
    after: i64,
) -> Result<Option<Report>, LogError> {
    let from = batches::head_of(&mut *pool.acquire().await?, partition, after).await?;
    match from {
        Some(from) => run(pool, archive, partition, from, &[], PART).await.map(Some),
        None => Ok(None),
    }
}

async fn run(
    pool: &PgPool,
    archive: &Archive,
    partition: i16,
    from: Head,
    kept: &[Tip],
    enough: i64,
) -> Result<Report, LogError> {
    let mut archived = Archived::open(pool, archive, partition, from.position).await?;
    let mut conn = pool.acquire().await?;
    // Left in the middle of a copy, a connection still holds its rows: it may not go back to the pool.
    conn.close_on_drop();
    let target = append::head(&mut conn, partition).await?;
    let mut check = Check::new(from.clone(), kept);
    let mut pages = Pages::new(partition, target.batch);
    let mut is_complete = false;
    let fault = loop {
        if check.events >= enough {
            break None;
        }
        let page = pages.next(&mut conn, &check.head).await?;
        if let Some(fault) =
            copied(&mut conn, &mut archived, partition, &mut check, &page.rows).await?.or(page.fault)
        {
            break Some(fault);
        }
        if page.is_last {
            is_complete = true;
            break at_the_end(&mut conn, partition, &check, &target).await?;
        }
    };
    Ok(Report { partition, from, events: check.events, head: check.head, fault, is_complete })
}

/// Copies the events of these batches, those that are archived from their files, and looks at each.
async fn copied(
    conn: &mut PoolConnection<Postgres>,
    archived: &mut Archived,
    partition: i16,
    check: &mut Check<'_>,
    rows: &[batches::Row],
) -> Result<Option<Fault>, LogError> {
    let Some(last) = rows.last() else { return Ok(None) };
    // From below the first position: an event may have been put there.
    let after = if check.head.batch == 0 { -1 } else { check.head.position };
    let mut page = check.page(rows);
    let after = archived.take(conn, (after, last.last), &mut page).await?;
    if page.fault.is_some() || after >= last.last {
        return Ok(page.end());
    }
    let mut events = Rows::open(conn, Source { partition, part: Part::All }, (after, last.last)).await?;
    while events
        .next(|columns| {
            page.take(&columns);
            Ok(())
        })
        .await?
    {
        if page.fault.is_some() {
            break;
        }
    }
    Ok(page.end())
}

/// What can be wrong where the batches end.
async fn at_the_end(
    conn: &mut PoolConnection<Postgres>,
    partition: i16,
    check: &Check<'_>,
    target: &Head,
) -> Result<Option<Fault>, LogError> {
    if let Some(event) = batches::event_after(conn, partition, check.head.position, target.position).await? {
        let batch = check.head.batch + 1;
        let cut = batch <= target.batch && event.position == check.head.position + 1;
        let cut = cut.then_some(Fault::Batch { batch, reason: "its row is missing" });
        return Ok(Some(cut.unwrap_or(Fault::Inserted(event))));
    }
    if check.head != *target {
        return Ok(Some(Fault::HeadRow));
    }
    match check.cut_off() {
        None => batches::beyond(conn, partition).await,
        found => Ok(found),
    }
}
