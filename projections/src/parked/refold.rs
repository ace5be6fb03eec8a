//! Tries a parked event again, or skips it for good.
//!
//! What was folded since may rest on what was left out, so a late event cannot simply be added: all rows of its company
//! are folded anew from the log, up to where the read model stands. That is right by construction and happens in one
//! transaction; readers see the rows of before until it ends, and folding of this read model and partition waits. Other
//! copies go, the one of before the last rebuild and one that a rebuild has left half made: they leave out what is folded
//! now, and nobody would know any more.

use event_log::LogError;
use event_log::archive::{Archive, Events, gone_until};
use event_log::event::StoredEvent;
use event_log::page::{self, Filter};
use sqlx::{Executor, PgConnection, PgPool};
use uuid::Uuid;

use super::{LeftOut, fold_carefully};
use crate::checkpoint::{self, Copy, Key};
use crate::install::tables_with_company;
use crate::projection::{Projection, ProjectionError, schema_of};
use crate::rebuild::keep_out;

/// Events that are folded at once.
const BLOCK_EVENTS: i64 = 5_000;

/// What is to become of parked events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They are folded now that their cause is mended; one that fails again is parked again.
    Retry,
    /// They are left out for ever, and what waits behind them is folded.
    Skip,
}

/// What became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Refolded {
    /// Events whose fate was decided.
    pub events: usize,
    /// Events of the same companies that are parked afterwards.
    pub still_parked: i64,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// A rebuild or a verification is filling a copy which leaves out what would be folded now.
    #[error("{0} is being rebuilt or verified; decide when that is over")]
    Rebuilding(&'static str),
    /// The read model could not be folded.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

impl From<sqlx::Error> for DecideError {
    fn from(error: sqlx::Error) -> Self {
        Self::Projection(error.into())
    }
}

/// An event to decide on.
#[derive(sqlx::FromRow)]
struct Chosen {
    id: i64,
    partition: i16,
    company_id: Uuid,
}

/// Decides on the parked event `id`, or on all that this projection has parked, as the owner of its tables. `archive` is
/// needed where events are archived.
pub async fn decide(
    owner: &PgPool,
    projection: &dyn Projection,
    archive: &Archive,
    id: Option<i64>,
    fate: Fate,
) -> Result<Refolded, DecideError> {
    let chosen: Vec<Chosen> = sqlx::query_as(
        "select id, partition, company_id from projections.parked
         where name = $1 and version = $2 and state = 'parked' and id = coalesce($3, id)
         order by partition, company_id",
    )
    .bind(projection.name())
    .bind(projection.version())
    .bind(id)
    .fetch_all(owner)
    .await?;
    let mut refolded = Refolded { events: chosen.len(), still_parked: 0 };
    for company in chosen.chunk_by(|one, other| one.company_id == other.company_id) {
        let Some(first) = company.first() else { continue };
        let ids: Vec<i64> = company.iter().map(|event| event.id).collect();
        let log = Log { pool: owner, archive, partition: first.partition, company_id: first.company_id };
        let mut tx = owner.begin_with(begin(projection)).await?;
        refolded.still_parked += refold(&mut tx, projection, log, &ids, fate).await?;
        tx.commit().await?;
    }
    Ok(refolded)
}

/// The events of one company.
#[derive(Clone, Copy)]
struct Log<'a> {
    pool: &'a PgPool,
    archive: &'a Archive,
    partition: i16,
    company_id: Uuid,
}

fn begin(projection: &dyn Projection) -> String {
    format!("begin; set local search_path = {}, public", schema_of(projection))
}

/// Folds one company anew, without what is left out after the decision on `ids`. Answers how much is parked then.
async fn refold(
    conn: &mut PgConnection,
    projection: &dyn Projection,
    log: Log<'_>,
    ids: &[i64],
    fate: Fate,
) -> Result<i64, DecideError> {
    let Log { partition, company_id, .. } = log;
    let key = Key { name: projection.name(), version: projection.version(), copy: Copy::Live };
    if !keep_out(conn, key.name, key.version).await? {
        return Err(DecideError::Rebuilding(key.name));
    }
    let up_to = checkpoint::call_back(conn, key, partition).await?.unwrap_or(0);
    forget_other_copies(conn, projection, key).await?;
    // What is tried again stays in the table as skipped until it is known how that ends, so that its attempts count.
    sqlx::query("update projections.parked set state = 'skipped' where id = any($1)")
        .bind(ids)
        .execute(&mut *conn)
        .await?;
    let mut left_out = LeftOut::read(conn, key, partition).await?;
    if fate == Fate::Retry {
        left_out.admit(conn, ids).await?;
    }
    for table in tables_with_company(conn, &schema_of(projection)).await? {
        let delete = format!("delete from \"{table}\" where company_id = $1");
        sqlx::query(&delete).bind(company_id).execute(&mut *conn).await?;
    }
    fold_company(conn, projection, log, up_to, &mut left_out).await?;
    if fate == Fate::Retry {
        sqlx::query("delete from projections.parked where id = any($1) and state = 'skipped'")
            .bind(ids)
            .execute(&mut *conn)
            .await?;
    }
    count_anew(conn, company_id).await?;
    let still_parked = sqlx::query_scalar(
        "select count(*) from projections.parked
         where name = $1 and version = $2 and partition = $3 and company_id = $4 and state = 'parked'",
    )
    .bind(key.name)
    .bind(key.version)
    .bind(partition)
    .bind(company_id)
    .fetch_one(conn)
    .await?;
    Ok(still_parked)
}

/// Tells who holds rows of a company in memory that some are others now, at a position that they know.
pub(crate) async fn count_anew(conn: &mut PgConnection, company_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into projections.refolds as refold (company_id, number) values ($1, 1)
         on conflict (company_id) do update set number = refold.number + 1",
    )
    .bind(company_id)
    .execute(conn)
    .await?;
    Ok(())
}

async fn forget_other_copies(
    conn: &mut PgConnection,
    projection: &dyn Projection,
    key: Key,
) -> Result<(), sqlx::Error> {
    for copy in [Copy::Next, Copy::Old] {
        checkpoint::remove(conn, Key { copy, ..key }).await?;
        let drop = format!("drop schema if exists {}__{} cascade", schema_of(projection), copy.name());
        conn.execute(sqlx::raw_sql(&drop)).await?;
    }
    sqlx::query(
        "update projections.rebuilds set finished_at = clock_timestamp(), outcome = 'discarded'
         where name = $1 and version = $2 and finished_at is null",
    )
    .bind(key.name)
    .bind(key.version)
    .execute(conn)
    .await?;
    Ok(())
}

async fn fold_company(
    conn: &mut PgConnection,
    projection: &dyn Projection,
    log: Log<'_>,
    up_to: i64,
    left_out: &mut LeftOut,
) -> Result<(), ProjectionError> {
    let Log { pool, archive, partition, company_id } = log;
    let is_meant = |event: &StoredEvent| event.position <= up_to && projection.folds(event);
    let gone = gone_until(conn).await?;
    if gone > 0 {
        let mut archived = Events::open(pool, archive, partition, (0, gone)).await?;
        while let Some(mut block) = archived.next().await? {
            block.retain(|event| event.company_id == company_id && is_meant(event));
            fold_carefully(conn, projection, block, left_out).await?;
        }
    }
    let mut filter = Filter { company_id, after: Some(gone), limit: BLOCK_EVENTS, ..Filter::default() };
    loop {
        let mut block = page::page(conn, &filter).await?;
        let Some(last) = block.last().map(|event| event.position) else { break };
        block.retain(is_meant);
        fold_carefully(conn, projection, block, left_out).await?;
        if last >= up_to {
            break;
        }
        filter.after = Some(last);
    }
    // Pages have no holes to be noticed by: whatever was archived meanwhile is missing in them.
    let until = gone_until(conn).await?;
    if until == gone { Ok(()) } else { Err(LogError::Archived { partition, until }.into()) }
}
