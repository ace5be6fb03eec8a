//! Where every projection stands, for operators.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::projection::ProjectionError;

/// One copy of one projection in one partition.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct ProjectionStatus {
    /// Projection.
    pub name: String,
    /// Version of its tables.
    pub version: i32,
    /// `live`, `next` (being built) or `old` (kept for rollback).
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
