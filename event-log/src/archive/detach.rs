//! Takes a range that is archived out of the database.
//!
//! The range's child of `log.events` is replaced by one that holds only the events of kinds that stay: what the running
//! system reads from the log at any time, such as products and locations. The exchange is one short transaction that
//! gives up when readers hold it back, and is tried again.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{Connection, Executor, PgConnection};

use crate::LogError;
use crate::archive::Range;

/// How often the exchange is tried.
const TRIES: u32 = 30;
/// PostgreSQL's code for a lock that was not to be had in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// The positions of one child of `log.events`, the same in every partition.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Sealed {
    /// First position.
    pub first: i64,
    /// Last position.
    pub last: i64,
    /// Name of the child.
    name: String,
}

/// Why a range cannot be archived yet: a partition still writes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// Partition.
    pub partition: i16,
    /// Where it stands.
    pub position: i64,
    /// Where it must have passed.
    pub last: i64,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, position, last } = self;
        write!(f, "partition {partition} stands at {position}, the oldest range goes on to {last}")
    }
}

/// The oldest range that is not in files of all partitions; blocked unless every partition has passed it.
pub async fn oldest(conn: &mut PgConnection) -> Result<Result<Sealed, Blocked>, LogError> {
    let oldest: Option<Sealed> = sqlx::query_as(
        "select bounds[1]::bigint as first, bounds[2]::bigint - 1 as last, name
         from (select c.relname::text as name,
                      regexp_match(pg_get_expr(c.relpartbound, c.oid), '(\\d+)\\D+(\\d+)') as bounds
               from pg_inherits i join pg_class c on c.oid = i.inhrelid
               where i.inhparent = 'log.events'::regclass) as child
         where bounds[2]::bigint - 1 > (
             select min(until)
             from (select coalesce(max(a.last_position), -1) as until
                   from log.log_head h left join log.archived a using (partition)
                   group by h.partition) as written)
         order by 1
         limit 1",
    )
    .fetch_optional(&mut *conn)
    .await?;
    let sealed = oldest.ok_or(LogError::Unreadable("children of the events table"))?;
    let last = sealed.last;
    let behind: Option<(i16, i64)> = sqlx::query_as(
        "select partition, position from log.log_head where position <= $1 order by position limit 1",
    )
    .bind(last)
    .fetch_optional(conn)
    .await?;
    Ok(match behind {
        Some((partition, position)) => Err(Blocked { partition, position, last }),
        None => Ok(sealed),
    })
}

/// Takes a range out, as the owner; its files (`ranges`, one per partition) must have been checked. Events of the
/// stream types in `leaving` go, all others stay.
pub async fn detach(
    conn: &mut PgConnection,
    sealed: &Sealed,
    ranges: &[Range],
    leaving: &[&str],
    archived_at: DateTime<Utc>,
) -> Result<(), LogError> {
    sealed.keep(conn, leaving).await?;
    for attempt in 1.. {
        match sealed.exchange(conn, ranges, archived_at).await {
            Err(LogError::Database(sqlx::Error::Database(error)))
                if error.code().as_deref() == Some(LOCK_NOT_AVAILABLE) && attempt < TRIES =>
            {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            done => return done,
        }
    }
    Ok(())
}

impl Sealed {
    /// Name of the table of what stays, until it takes the child's place.
    fn kept(&self) -> String {
        self.name.replace("events", "kept")
    }

    /// Makes the table of what stays. Nobody writes to the range any more.
    async fn keep(&self, conn: &mut PgConnection, leaving: &[&str]) -> Result<(), LogError> {
        let (name, kept) = (&self.name, self.kept());
        let mut tx = conn.begin().await?;
        tx.execute(sqlx::raw_sql(&format!(
            "drop table if exists log.{kept};
             create table log.{kept} (like log.{name} including defaults including indexes);
             select log.settle_child('log.{kept}');
             alter table log.{kept} enable row level security"
        )))
        .await?;
        sqlx::query(&format!(
            "insert into log.{kept} select * from log.{name} where stream_type <> all($1) order by partition, position"
        ))
        .bind(leaving)
        .execute(&mut *tx)
        .await?;
        tx.execute(sqlx::raw_sql(&format!(
            "create trigger append_only before update or delete or truncate on log.{kept}
                 for each statement execute function log.refuse_change()"
        )))
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn exchange(
        &self,
        conn: &mut PgConnection,
        ranges: &[Range],
        archived_at: DateTime<Utc>,
    ) -> Result<(), LogError> {
        let (Self { first, last, name }, kept) = (self, self.kept());
        let end = last + 1;
        let mut tx = conn.begin().await?;
        tx.execute(sqlx::raw_sql(&format!(
            "set local lock_timeout = '2s';
             alter table log.events detach partition log.{name};
             drop table log.{name};
             alter table log.{kept} rename to {name};
             alter table log.events attach partition log.{name} for values from ({first}) to ({end})"
        )))
        .await?;
        for range in ranges {
            sqlx::query(
                "insert into log.archived
                     (partition, first_position, last_position, gone_until, file, sha256, archived_at)
                 values ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(range.partition)
            .bind(range.first)
            .bind(range.last)
            .bind(last)
            .bind(&range.file)
            .bind(range.sha256.as_slice())
            .bind(archived_at)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
