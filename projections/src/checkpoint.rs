//! How far each copy of each projection has folded each partition.

use sqlx::PgConnection;

use crate::lease::Lease;

/// Which copy of a projection's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copy {
    /// The one that is read.
    Live,
    /// The one that a rebuild fills beside it.
    Next,
    /// The one before the last rebuild.
    Old,
    /// One that is folded only to be compared.
    Check,
}

impl Copy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Next => "next",
            Self::Old => "old",
            Self::Check => "check",
        }
    }
}

/// Names the checkpoint of one copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) version: i32,
    pub(crate) copy: Copy,
}

/// Moves the checkpoint of a live copy for the holder of a lease, which [`take_over`] has stamped with its epoch, and
/// keeps its row until the transaction ends. False when it does not stand at `from` any more, somebody else has taken
/// over since, or a holder must look again ([`call_back`]).
pub(crate) async fn advance(
    conn: &mut PgConnection,
    key: Key,
    partition: i16,
    epoch: i64,
    (from, to): (i64, i64),
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(
        "update projections.checkpoints set position = $6, moved_at = clock_timestamp()
         where name = $1 and version = $2 and copy = $3 and partition = $4 and position = $5 and epoch = $7",
    )
    .bind(key.name)
    .bind(key.version)
    .bind(key.copy.name())
    .bind(partition)
    .bind(from)
    .bind(to)
    .bind(epoch)
    .execute(conn)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Where a checkpoint stands; none when its copy does not exist.
pub(crate) async fn at(
    conn: &mut PgConnection,
    key: Key,
    partition: i16,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "select position from projections.checkpoints
         where name = $1 and version = $2 and copy = $3 and partition = $4",
    )
    .bind(key.name)
    .bind(key.version)
    .bind(key.copy.name())
    .bind(partition)
    .fetch_optional(conn)
    .await
}

/// The same, and keeps its holder from folding until the transaction ends.
pub(crate) async fn locked(
    conn: &mut PgConnection,
    key: Key,
    partition: i16,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "select position from projections.checkpoints
         where name = $1 and version = $2 and copy = $3 and partition = $4
         for update",
    )
    .bind(key.name)
    .bind(key.version)
    .bind(key.copy.name())
    .bind(partition)
    .fetch_optional(conn)
    .await
}

/// Stamps a checkpoint with the epoch of a lease that is still held, and answers where it stands. Waits for a
/// transaction of the former holder, after which that one can move nothing any more. None when the lease is lost.
pub(crate) async fn take_over(
    conn: &mut PgConnection,
    key: Key,
    lease: &Lease,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "update projections.checkpoints as checkpoint set epoch = lease.epoch
         from projections.leases lease
         where checkpoint.name = $1 and checkpoint.version = $2 and checkpoint.copy = $3
           and checkpoint.partition = $4 and checkpoint.epoch <= $7
           and lease.name = $5 and lease.partition = $4 and lease.holder = $6 and lease.epoch = $7
         returning checkpoint.position",
    )
    .bind(key.name)
    .bind(key.version)
    .bind(key.copy.name())
    .bind(lease.partition)
    .bind(&*lease.name)
    .bind(lease.holder)
    .bind(lease.epoch)
    .fetch_optional(conn)
    .await
}

/// Locks a checkpoint until the transaction ends, and has its holder look again afterwards. Answers where it stands;
/// none when it does not exist.
pub(crate) async fn call_back(
    conn: &mut PgConnection,
    key: Key,
    partition: i16,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "update projections.checkpoints set epoch = 0
         where name = $1 and version = $2 and copy = $3 and partition = $4
         returning position",
    )
    .bind(key.name)
    .bind(key.version)
    .bind(key.copy.name())
    .bind(partition)
    .fetch_optional(conn)
    .await
}

/// Every partition with its position, in partition order. `lock` keeps the runner out until the transaction ends.
pub(crate) async fn all(
    conn: &mut PgConnection,
    key: Key,
    lock: bool,
) -> Result<Vec<(i16, i64)>, sqlx::Error> {
    let query = if lock {
        "select partition, position from projections.checkpoints
         where name = $1 and version = $2 and copy = $3 order by partition for update"
    } else {
        "select partition, position from projections.checkpoints
         where name = $1 and version = $2 and copy = $3 order by partition"
    };
    sqlx::query_as(query).bind(key.name).bind(key.version).bind(key.copy.name()).fetch_all(conn).await
}

/// Writes a checkpoint at 0 for every partition of the log that has none.
pub(crate) async fn start(conn: &mut PgConnection, key: Key) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into projections.checkpoints (name, version, copy, partition, position, moved_at)
         select $1, $2, $3, partition, 0, clock_timestamp() from log.log_head
         on conflict (name, version, copy, partition) do nothing",
    )
    .bind(key.name)
    .bind(key.version)
    .bind(key.copy.name())
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes the checkpoints of a copy.
pub(crate) async fn remove(conn: &mut PgConnection, key: Key) -> Result<(), sqlx::Error> {
    sqlx::query("delete from projections.checkpoints where name = $1 and version = $2 and copy = $3")
        .bind(key.name)
        .bind(key.version)
        .bind(key.copy.name())
        .execute(conn)
        .await?;
    Ok(())
}
