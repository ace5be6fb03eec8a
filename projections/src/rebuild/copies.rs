//! The copies of a projection: their names, how one is begun, and which one a new copy is compared with.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};
use tokio::time::sleep;

use super::keys::Keys;
use crate::checkpoint::{self, Copy, Key};
use crate::install::{create_copy, exists};
use crate::projection::{Projection, ProjectionError};

/// First half of the lock that a process holds while it makes a copy; the second half stands for the version.
pub(crate) const MAKING: i32 = 0x5354_4f43;

/// How often a copy that is still read is tried to be removed, and the pause between.
const DISCARD_TRIES: u32 = 600;
const DISCARD_PAUSE: Duration = Duration::from_millis(100);

/// Keeps everybody from making copies of a version until the transaction ends. False when somebody makes one now.
pub(crate) async fn keep_out(
    conn: &mut PgConnection,
    name: &'static str,
    version: i32,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_xact_lock($1, hashtext($2 || '_' || $3))")
        .bind(MAKING)
        .bind(name)
        .bind(version)
        .fetch_one(conn)
        .await
}

/// A copy of a projection's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) name: &'static str,
    pub(super) version: i32,
    pub(super) copy: Copy,
    pub(super) schema: String,
}

/// The copy that a new one is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    /// Version; the projection's own, or a former one.
    pub(super) version: i32,
    /// Schema.
    pub(super) schema: String,
    /// Whose checkpoints are followed.
    pub(super) key: Key,
}

impl Made {
    pub(super) fn of(projection: &dyn Projection, copy: Copy) -> Self {
        Self::named(projection.name(), projection.version(), copy)
    }

    pub(super) fn named(name: &'static str, version: i32, copy: Copy) -> Self {
        let schema = match copy {
            Copy::Live => format!("{name}_{version}"),
            Copy::Next | Copy::Old | Copy::Check => format!("{name}_{version}__{}", copy.name()),
        };
        Self { name, version, copy, schema }
    }

    pub(super) fn key(&self) -> Key {
        Key { name: self.name, version: self.version, copy: self.copy }
    }

    /// The start of a transaction that writes this copy.
    pub(super) fn begin(&self) -> String {
        format!("begin; set local search_path = {}, public", self.schema)
    }

    /// Makes sure that nobody else makes copies of this version as long as the connection lasts. False when somebody
    /// does already.
    pub(super) async fn claim(&self, conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar("select pg_try_advisory_lock($1, hashtext($2 || '_' || $3))")
            .bind(MAKING)
            .bind(self.name)
            .bind(self.version)
            .fetch_one(conn)
            .await
    }

    /// Lets others make copies again. A connection that is closed does so too, but only once the server has noticed.
    pub(super) async fn release(&self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query("select pg_advisory_unlock($1, hashtext($2 || '_' || $3))")
            .bind(MAKING)
            .bind(self.name)
            .bind(self.version)
            .execute(conn)
            .await?;
        Ok(())
    }

    /// Begins the copy, or finds it as an interrupted run has left it. Answers the keys that are off for loading.
    pub(super) async fn begin_or_go_on(
        &self,
        conn: &mut PgConnection,
        projection: &dyn Projection,
    ) -> Result<Keys, ProjectionError> {
        if exists(conn, &self.schema).await? {
            if let Some(keys) = Keys::kept(conn, self, &fingerprint(projection)).await? {
                return Ok(keys);
            }
            self.discard(conn).await?;
        }
        let mut tx = conn.begin().await?;
        let keys = self.create(&mut tx, projection).await?;
        keys.keep(&mut tx, self, &fingerprint(projection)).await?;
        tx.commit().await?;
        Ok(keys)
    }

    /// Begins the copy afresh, whatever was left of it.
    pub(super) async fn begin_afresh(
        &self,
        conn: &mut PgConnection,
        projection: &dyn Projection,
    ) -> Result<Keys, ProjectionError> {
        self.discard(conn).await?;
        let mut tx = conn.begin().await?;
        let keys = self.create(&mut tx, projection).await?;
        tx.commit().await?;
        Ok(keys)
    }

    async fn create(
        &self,
        conn: &mut PgConnection,
        projection: &dyn Projection,
    ) -> Result<Keys, ProjectionError> {
        create_copy(conn, projection, &self.schema).await?;
        // Where `apply` fills the copy it needs the keys to find its rows.
        let keys = match projection.builder() {
            Some(_) => Keys::take_off(conn, &self.schema).await?,
            None => Keys::default(),
        };
        checkpoint::remove(conn, self.key()).await?;
        checkpoint::start(conn, self.key()).await?;
        sqlx::query("delete from projections.loads where name = $1 and version = $2 and copy = $3")
            .bind(self.name)
            .bind(self.version)
            .bind(self.copy.name())
            .execute(conn)
            .await?;
        Ok(keys)
    }

    /// Removes the copy. Somebody may still read one that was live a moment ago: that is waited for, and nobody has to
    /// wait behind us.
    pub(super) async fn discard(&self, conn: &mut PgConnection) -> Result<(), ProjectionError> {
        for _ in 0..DISCARD_TRIES {
            match self.try_discard(conn).await {
                Err(error) if is_held(&error) => sleep(DISCARD_PAUSE).await,
                discarded => return Ok(discarded?),
            }
        }
        Err(ProjectionError::NeverFree(self.schema.clone()))
    }

    async fn try_discard(&self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mut tx = conn.begin().await?;
        sqlx::query("set local lock_timeout = '40ms'").execute(&mut *tx).await?;
        checkpoint::remove(&mut tx, self.key()).await?;
        tx.execute(sqlx::raw_sql(&format!("drop schema if exists {} cascade", self.schema))).await?;
        // What the last copy of a version left out is of no meaning to the next one.
        sqlx::query(
            "delete from projections.parked parked
             where name = $1 and version = $2 and not exists (
                 select from projections.checkpoints checkpoint
                 where checkpoint.name = parked.name and checkpoint.version = parked.version)",
        )
        .bind(self.name)
        .bind(self.version)
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }
}

/// Whether somebody else had a lock for too long.
pub(super) fn is_held(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["55P03", "40P01"].contains(&code.as_ref()))
}

/// The live copy of this version, else that of the newest former one.
pub(super) async fn base_of(
    conn: &mut PgConnection,
    projection: &dyn Projection,
) -> Result<Option<Base>, sqlx::Error> {
    let (name, newest) = (projection.name(), projection.version());
    let version: Option<i32> = sqlx::query_scalar(
        "select version from projections.checkpoints
         where name = $1 and version <= $2 and copy = 'live'
         order by version desc limit 1",
    )
    .bind(name)
    .bind(newest)
    .fetch_optional(conn)
    .await?;
    Ok(version.map(|version| Base {
        version,
        schema: format!("{name}_{version}"),
        key: Key { name, version, copy: Copy::Live },
    }))
}

/// Moves the checkpoint of a copy that only this process makes.
pub(super) async fn move_to(
    conn: &mut PgConnection,
    key: Key,
    partition: i16,
    to: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update projections.checkpoints set position = $5, moved_at = clock_timestamp()
         where name = $1 and version = $2 and copy = $3 and partition = $4",
    )
    .bind(key.name)
    .bind(key.version)
    .bind(key.copy.name())
    .bind(partition)
    .bind(to)
    .execute(conn)
    .await?;
    Ok(())
}

/// Stands for what a copy is made by: a half-made one of other tables or another release is not taken up.
fn fingerprint(projection: &dyn Projection) -> String {
    format!("{} {}", env!("CARGO_PKG_VERSION"), projection.ddl())
}
