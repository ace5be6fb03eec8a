//! How far other systems have been told what happened.
//!
//! The other system's own end is the truth; what stands here is for people, and for what the other system has removed.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

/// Where one outlet stands with one partition of the log.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Outbound {
    /// The outlet, for example `kafka:stocktrail.events`.
    pub name: String,
    /// Partition of the log.
    pub partition: i16,
    /// Everything up to here was told; none until that is known.
    pub position: Option<i64>,
    /// The last event of each part of the outlet, for example of each Kafka partition.
    pub lasts: Vec<i64>,
    /// What the outlet does, in a word.
    pub state: String,
    /// What it waits for.
    pub detail: Option<String>,
    /// Since when it does so.
    pub since: DateTime<Utc>,
}

/// What was written down last for one partition.
pub async fn read(
    conn: &mut PgConnection,
    name: &str,
    partition: i16,
) -> Result<Option<Outbound>, sqlx::Error> {
    sqlx::query_as(
        "select name, partition, position, lasts, state, detail, since
         from projections.outbound where name = $1 and partition = $2",
    )
    .bind(name)
    .bind(partition)
    .fetch_optional(conn)
    .await
}

/// What was written down last, for people.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Told {
    /// The outlet.
    pub name: String,
    /// Partition of the log.
    pub partition: i16,
    /// Everything up to here was told; none until that is known.
    pub position: Option<i64>,
    /// Length of the partition.
    pub head: i64,
    /// What the outlet does, in a word.
    pub state: String,
    /// What it waits for.
    pub detail: Option<String>,
    /// Since when it does so.
    pub since: DateTime<Utc>,
    /// The process that does it; none while no process does.
    pub process: Option<String>,
}

/// Every outlet and partition.
pub async fn all(pool: &PgPool) -> Result<Vec<Told>, sqlx::Error> {
    sqlx::query_as(
        "select outbound.name, outbound.partition, outbound.position, log_head.position as head, outbound.state,
            outbound.detail, outbound.since, leases.holder_name as process
         from projections.outbound
         join log.log_head on log_head.partition = outbound.partition
         left join projections.leases on leases.name = outbound.name
            and leases.partition = outbound.partition
            and leases.expires_at >= clock_timestamp()
         order by outbound.name, outbound.partition",
    )
    .fetch_all(pool)
    .await
}

/// Writes down where an outlet stands. A position that is not known leaves the one that is there.
pub async fn tell(pool: &PgPool, outbound: &Outbound) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into projections.outbound as known (name, partition, position, lasts, state, detail, since)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (name, partition) do update
         set position = coalesce(excluded.position, known.position),
             lasts = case when excluded.position is null then known.lasts else excluded.lasts end,
             state = excluded.state,
             detail = excluded.detail,
             since = excluded.since",
    )
    .bind(&outbound.name)
    .bind(outbound.partition)
    .bind(outbound.position)
    .bind(&outbound.lasts)
    .bind(&outbound.state)
    .bind(&outbound.detail)
    .bind(outbound.since)
    .execute(pool)
    .await?;
    Ok(())
}
