//! Where every projection stands, for operators.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::projection::ProjectionError;
use crate::rebuild::MAKING;

/// One copy of one projection in one partition.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct ProjectionStatus {
    /// Projection.
    pub name: String,
    /// Version of its tables.
    pub version: i32,
    /// `live`, `next` (being built), `old` (kept for rollback) or `check` (folded to be compared).
    pub copy: String,
    /// Partition of the log.
    pub partition: i16,
    /// Folded up to here.
    pub position: i64,
    /// Length of the partition.
    pub head: i64,
    /// When the position moved last.
    pub moved_at: DateTime<Utc>,
    /// Process that folds it now, by name; none for copies that are not live, and while nobody holds the lease.
    pub holder: Option<String>,
    /// How often the work has changed hands; none before somebody has taken it up.
    pub epoch: Option<i64>,
    /// Streams that are left out because an event of theirs cannot be folded.
    pub parked: i64,
}

/// Every copy that exists, by name, version, copy and partition.
pub async fn read(pool: &PgPool) -> Result<Vec<ProjectionStatus>, ProjectionError> {
    let rows = sqlx::query_as(
        "select checkpoint.name, checkpoint.version, checkpoint.copy, checkpoint.partition, checkpoint.position,
                head.position as head, checkpoint.moved_at,
                case when lease.expires_at >= clock_timestamp() then lease.holder_name end as holder,
                lease.epoch,
                (select count(*) from projections.parked parked
                 where parked.name = checkpoint.name and parked.version = checkpoint.version
                   and parked.partition = checkpoint.partition and parked.state = 'parked') as parked
         from projections.checkpoints checkpoint
         join log.log_head head on head.partition = checkpoint.partition
         left join projections.leases lease
             on checkpoint.copy = 'live' and lease.name = checkpoint.name || '_' || checkpoint.version
            and lease.partition = checkpoint.partition
         order by checkpoint.name, checkpoint.version, checkpoint.copy, checkpoint.partition",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows)
}

/// The last rebuild of one version of a projection.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct RebuildStatus {
    /// Projection.
    pub name: String,
    /// Version of the tables that are made.
    pub version: i32,
    /// What it does, or did last: `loading`, `indexing`, `catching_up`, `comparing`, `switching` or `done`.
    pub stage: String,
    /// Whether a process works at it now. One that is neither running nor finished was killed; the next goes on with it.
    pub running: bool,
    /// Events that are folded.
    pub events_done: i64,
    /// Events to fold.
    pub events_total: i64,
    /// Events folded a second.
    pub events_per_second: i64,
    /// Seconds until the events are folded at this rate; only while they are.
    pub remaining_seconds: Option<i64>,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
    /// When it said so last.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// `switched`, `compared`, `discarded` (parked events were decided on while it was half made), or why it failed.
    pub outcome: Option<String>,
    /// Rows in which the copies differed.
    pub differences: Option<i64>,
    /// Milliseconds for which folding stood still for the switch.
    pub pause_ms: Option<i64>,
}

/// The last rebuild of every version, by name and version.
pub async fn rebuilds(pool: &PgPool) -> Result<Vec<RebuildStatus>, ProjectionError> {
    let rows = sqlx::query_as(
        "select name, version, stage, events_done, events_total, events_per_second,
                held.running and finished_at is null as running,
                case when held.running and stage = 'loading' and events_per_second > 0
                    then ceil((events_total - events_done)::numeric / events_per_second)::bigint
                end as remaining_seconds,
                started_at, updated_at, finished_at, outcome, differences, pause_ms
         from projections.rebuilds
         cross join lateral (
             select exists (
                 select from pg_catalog.pg_locks held
                 join pg_catalog.pg_database here on here.oid = held.database
                 where here.datname = current_database() and held.locktype = 'advisory' and held.granted
                     and held.classid::bigint = $1
                     and held.objid::bigint = hashtext(name || '_' || version)::bigint & 4294967295
             ) as running
         ) as held
         order by name, version",
    )
    .bind(i64::from(MAKING))
    .fetch_all(pool)
    .await?;
    Ok(rows)
}
