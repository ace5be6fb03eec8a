//! Projection `quarantine`: lines that nobody could place, and what became of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use domain::sales::event::{QuarantineEvent, ReportedLine};
use domain::shared::event::Event;
use event_log::event::StoredEvent;

use crate::projection::{Projection, ProjectionError, decode};
use crate::rows;
use crate::streams;

/// Schema that the queries of this release read.
pub const SCHEMA: &str = "quarantine_1";

/// The projection; see the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quarantine;

/// A line that waits or waited in quarantine.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct QuarantineRow {
    /// Its id.
    pub quarantine_id: Uuid,
    /// What nobody knows, for example `UNKNOWN_ITEM`.
    pub reason: String,
    /// What was reported.
    pub line: Json<ReportedLine>,
    /// When it came.
    pub quarantined_at: DateTime<Utc>,
    /// When it found its place; absent while it waits.
    pub released_at: Option<DateTime<Utc>>,
    /// The line had been recorded on another way meanwhile, so that nothing was added.
    pub already_recorded: Option<bool>,
    /// Position of its last change.
    pub position: i64,
}

impl Projection for Quarantine {
    fn name(&self) -> &'static str {
        "quarantine"
    }

    fn version(&self) -> i32 {
        1
    }

    fn stream_types(&self) -> &'static [&'static str] {
        &[QuarantineEvent::STREAM_TYPE]
    }

    fn ddl(&self) -> &'static str {
        DDL
    }

    fn apply<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        block: &'a [StoredEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        apply(conn, block).boxed()
    }
}

const DDL: &str = "
create table entries (
    company_id uuid not null,
    quarantine_id uuid not null,
    reason text not null,
    line jsonb not null,
    quarantined_at timestamptz not null,
    released_at timestamptz,
    already_recorded boolean,
    position bigint not null,
    primary key (company_id, quarantine_id)
);
create index entries_waiting on entries (company_id, quarantine_id) where released_at is null;
";

/// Entries of a company, newest first: those that wait (`released` false), those that found their place, or all.
pub async fn entries(
    conn: &mut PgConnection,
    company_id: Uuid,
    released: Option<bool>,
    limit: i64,
    offset: i64,
) -> Result<Vec<QuarantineRow>, sqlx::Error> {
    sqlx::query_as(
        "select quarantine_id, reason, line, quarantined_at, released_at, already_recorded, position
         from quarantine_1.entries
         where company_id = $1 and ($2::boolean is null or (released_at is not null) = $2)
         order by quarantine_id desc
         limit $3 offset $4",
    )
    .bind(company_id)
    .bind(released)
    .bind(limit)
    .bind(offset)
    .fetch_all(conn)
    .await
}

/// Number of entries that [`entries`] pages through.
pub async fn count(
    conn: &mut PgConnection,
    company_id: Uuid,
    released: Option<bool>,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "select count(*)
         from quarantine_1.entries
         where company_id = $1 and ($2::boolean is null or (released_at is not null) = $2)",
    )
    .bind(company_id)
    .bind(released)
    .fetch_one(conn)
    .await
}

/// One entry.
pub async fn entry(
    conn: &mut PgConnection,
    company_id: Uuid,
    quarantine_id: Uuid,
) -> Result<Option<QuarantineRow>, sqlx::Error> {
    sqlx::query_as(
        "select quarantine_id, reason, line, quarantined_at, released_at, already_recorded, position
         from quarantine_1.entries
         where company_id = $1 and quarantine_id = $2",
    )
    .bind(company_id)
    .bind(quarantine_id)
    .fetch_optional(conn)
    .await
}

/// A new entry on its way into the table.
#[derive(Serialize)]
struct Entry {
    company_id: Uuid,
    quarantine_id: String,
    reason: String,
    line: ReportedLine,
    quarantined_at: DateTime<Utc>,
    position: i64,
}

async fn apply(conn: &mut PgConnection, block: &[StoredEvent]) -> Result<(), ProjectionError> {
    let mut entries = Vec::new();
    let mut released = BTreeMap::new();
    for event in streams::of::<QuarantineEvent>(block) {
        match decode::<QuarantineEvent>(event)? {
            QuarantineEvent::LineQuarantined(quarantined) => entries.push(Entry {
                company_id: event.company_id,
                quarantine_id: event.stream_id.as_ref().to_owned(),
                reason: rows::word(quarantined.reason)?,
                line: quarantined.line,
                quarantined_at: event.recorded_at,
                position: event.position,
            }),
            QuarantineEvent::QuarantineReleased(found) => {
                let key = (event.company_id, event.stream_id.as_ref());
                released.insert(key, (event.recorded_at, found.already_recorded, event.position));
            }
        }
    }
    if !entries.is_empty() {
        insert(conn, &entries).await?;
    }
    if released.is_empty() { Ok(()) } else { release(conn, &released).await }
}

async fn insert(conn: &mut PgConnection, entries: &[Entry]) -> Result<(), ProjectionError> {
    sqlx::query(
        "insert into entries (company_id, quarantine_id, reason, line, quarantined_at, position)
         select r.company_id, r.quarantine_id, r.reason, r.line, r.quarantined_at, r.position
         from json_to_recordset($1::json) as r (company_id uuid, quarantine_id uuid, reason text, line jsonb,
             quarantined_at timestamptz, position bigint)
         on conflict (company_id, quarantine_id) do nothing",
    )
    .bind(rows::json(entries)?)
    .execute(conn)
    .await?;
    Ok(())
}

async fn release(
    conn: &mut PgConnection,
    released: &BTreeMap<(Uuid, &str), (DateTime<Utc>, bool, i64)>,
) -> Result<(), ProjectionError> {
    sqlx::query(
        "update entries e
         set released_at = r.released_at, already_recorded = r.already_recorded, position = r.position
         from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::boolean[], $5::bigint[])
             as r (company_id, quarantine_id, released_at, already_recorded, position)
         where e.company_id = r.company_id and e.quarantine_id = r.quarantine_id::uuid and e.position < r.position",
    )
    .bind(released.keys().map(|key| key.0).collect::<Vec<_>>())
    .bind(released.keys().map(|key| key.1).collect::<Vec<_>>())
    .bind(released.values().map(|entry| entry.0).collect::<Vec<_>>())
    .bind(released.values().map(|entry| entry.1).collect::<Vec<_>>())
    .bind(released.values().map(|entry| entry.2).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
