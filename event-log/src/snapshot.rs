//! Snapshots of long streams: a shortcut, never the truth.
//!
//! A snapshot carries the fingerprint of the state's shape. One written by code with another shape is not read; it is
//! replaced when the stream is folded again. Every stream with archived events has a snapshot, so that nobody needs
//! the archive to go on with it.

use std::collections::HashMap;

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::LogError;
use crate::append::key_id;
use crate::event::StreamKey;

/// State of one stream after a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Stream.
    pub stream: StreamKey,
    /// Version of the last event that is in it.
    pub version: i64,
    /// Position of that event.
    pub position: i64,
    /// JSON of the state.
    pub state: String,
}

/// Fingerprint of the states of a stream type that have this shape.
pub fn fingerprint(stream_type: &str, shape: &str) -> Uuid {
    key_id(&[stream_type, shape])
}

/// Snapshots of these streams that were written with the same `fingerprint`; streams without one are absent. Fails where
/// a stream cannot be folded instead, because it is archived.
pub async fn load(
    conn: &mut PgConnection,
    partition: i16,
    streams: &[StreamKey],
    fingerprint: Uuid,
) -> Result<Vec<Snapshot>, LogError> {
    let rows = sqlx::query(
        "select s.n, t.version, t.position, t.state::text as state, t.fingerprint = $5 as fits, archived.until
         from (select coalesce(max(last_position), 0) as until from log.archived where partition = $1) archived
         cross join unnest($2::uuid[], $3::text[], $4::text[])
            with ordinality as s(company_id, stream_type, stream_id, n)
         cross join lateral (
            select * from log.snapshots t
            where t.partition = $1 and t.company_id = s.company_id and t.stream_type = s.stream_type
                and t.stream_id = s.stream_id and (t.fingerprint = $5 or t.position <= archived.until)
            offset 0
         ) t",
    )
    .bind(partition)
    .bind(streams.iter().map(|key| key.company_id).collect::<Vec<_>>())
    .bind(streams.iter().map(|key| key.stream_type).collect::<Vec<_>>())
    .bind(streams.iter().map(|key| &*key.stream_id).collect::<Vec<_>>())
    .bind(fingerprint)
    .fetch_all(conn)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        if !row.try_get::<bool, _>("fits")? {
            return Err(LogError::Archived { partition, until: row.try_get("until")? });
        }
        let place = usize::try_from(row.try_get::<i64, _>("n")? - 1).unwrap_or(usize::MAX);
        let stream = streams.get(place).ok_or(LogError::Unreadable("order of snapshots"))?.clone();
        let (version, position) = (row.try_get("version")?, row.try_get("position")?);
        found.push(Snapshot { stream, version, position, state: row.try_get("state")? });
    }
    Ok(found)
}

/// Saves snapshots; one that is older than what is there under the same fingerprint changes nothing.
pub async fn save(
    conn: &mut PgConnection,
    partition: i16,
    fingerprint: Uuid,
    snapshots: &[Snapshot],
) -> Result<(), LogError> {
    let mut newest: HashMap<&StreamKey, &Snapshot> = HashMap::with_capacity(snapshots.len());
    for snapshot in snapshots {
        let kept = newest.entry(&snapshot.stream).or_insert(snapshot);
        if snapshot.version > kept.version {
            *kept = snapshot;
        }
    }
    let newest: Vec<&Snapshot> = newest.into_values().collect();
    sqlx::query(
        "insert into log.snapshots as t
            (partition, company_id, stream_type, stream_id, version, position, fingerprint, state)
         select $1, s.company_id, s.stream_type, s.stream_id, s.version, s.position, $2, s.state::json
         from unnest($3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[])
            as s(company_id, stream_type, stream_id, version, position, state)
         on conflict (partition, company_id, stream_type, stream_id) do update
            set version = excluded.version, position = excluded.position, fingerprint = excluded.fingerprint,
                state = excluded.state
            where t.version < excluded.version or t.fingerprint <> excluded.fingerprint",
    )
    .bind(partition)
    .bind(fingerprint)
    .bind(newest.iter().map(|snapshot| snapshot.stream.company_id).collect::<Vec<_>>())
    .bind(newest.iter().map(|snapshot| snapshot.stream.stream_type).collect::<Vec<_>>())
    .bind(newest.iter().map(|snapshot| &*snapshot.stream.stream_id).collect::<Vec<_>>())
    .bind(newest.iter().map(|snapshot| snapshot.version).collect::<Vec<_>>())
    .bind(newest.iter().map(|snapshot| snapshot.position).collect::<Vec<_>>())
    .bind(newest.iter().map(|snapshot| &*snapshot.state).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
