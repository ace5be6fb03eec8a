//! How far each copy of each projection has folded each partition.

use sqlx::PgConnection;

/// Which copy of a projection's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copy {
    /// The one that is read.
    Live,
    /// The one that a rebuild fills beside it.
    Next,
    /// The one before the last rebuild.
    Old,
}

impl Copy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Next => "next",
            Self::Old => "old",
        }
    }
}

/// Names the checkpoint of one copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) version: i32,
    pub(crate) copy: Copy,
}

/// Moves a checkpoint and holds its row until the transaction ends. False when it does not stand at `from` any more.
pub(crate) async fn advance(
    conn: &mut PgConnection,
    key: Key,
    partition: i16,
    from: i64,
    to: i64,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(
        "update projections.checkpoints set position = $6, moved_at = clock_timestamp()
         where name = $1 and version = $2 and copy = $3 and partition = $4 and position = $5",
    )
    .bind(key.name)
    .bind(key.version)
    .bind(key.copy.name())
    .bind(partition)
    .bind(from)
    .bind(to)
    .execute(conn)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Where a checkpoint stands; 0 when it does not exist.
pub(crate) async fn at(conn: &mut PgConnection, key: Key, partition: i16) -> Result<i64, sqlx::Error> {
    let position = sqlx::query_scalar(
        "select position from projections.checkpoints
         where name = $1 and version = $2 and copy = $3 and partition = $4",
    )
    .bind(key.name)
    .bind(key.version)
    .bind(key.copy.name())
    .bind(partition)
    .fetch_optional(conn)
    .await?;
    Ok(position.unwrap_or(0))
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

/// Turns the checkpoints of one copy into those of another, which must have none.
pub(crate) async fn rename(conn: &mut PgConnection, key: Key, to: Copy) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update projections.checkpoints set copy = $4 where name = $1 and version = $2 and copy = $3",
    )
    .bind(key.name)
    .bind(key.version)
    .bind(key.copy.name())
    .bind(to.name())
    .execute(conn)
    .await?;
    Ok(())
}
