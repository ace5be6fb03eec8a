//! Reading events: the feed of a partition, streams, all streams of a company.
//!
//! A position that can be read is final: everything below it is there too. So a feed is only `position > cursor`, and
//! a hole in it is an error ([`LogError::Gap`]), never skipped.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::LogError;
use crate::append;
use crate::archive::gone_until;
use crate::decode::Names;
use crate::event::{Meaning, StoredEvent, StreamKey};

/// The next events of a partition after `position`, in order, at most `limit`.
pub async fn after(
    conn: &mut PgConnection,
    partition: i16,
    position: i64,
    limit: i64,
) -> Result<Vec<StoredEvent>, LogError> {
    let rows = sqlx::query(
        "select partition, position, company_id, stream_type, stream_id, version, event_id, event_type,
            schema_version, effective_at, recorded_at, payload::text, metadata::text
         from log.events where partition = $1 and position > $2 order by position limit $3",
    )
    .bind(partition)
    .bind(position)
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    let events = events_of(&rows)?;
    match contiguous(partition, position, &events) {
        Ok(()) => Ok(events),
        Err(error) => Err(archived_or(conn, partition, error).await),
    }
}

/// Many streams at once, each after a version that the caller knows already, as they stood at `up_to`; ordered as
/// asked, then by version. A stream whose next event is not there is an error, never the shorter stream. One look into
/// the index of streams for each: `offset 0` keeps PostgreSQL from joining in another way.
pub async fn streams(
    conn: &mut PgConnection,
    partition: i16,
    streams: &[(StreamKey, i64)],
    up_to: i64,
) -> Result<Vec<StoredEvent>, LogError> {
    let rows = sqlx::query(
        "select e.partition, e.position, e.company_id, e.stream_type, e.stream_id, e.version, e.event_id,
            e.event_type, e.schema_version, e.effective_at, e.recorded_at, e.payload::text, e.metadata::text
         from unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[])
            with ordinality as s(company_id, stream_type, stream_id, version, n)
         join lateral (
            select * from log.events e
            where e.partition = $1 and e.company_id = s.company_id and e.stream_type = s.stream_type
                and e.stream_id = s.stream_id and e.version > s.version and e.position <= $6
            order by e.version
            offset 0
         ) e on true
         order by s.n, e.version",
    )
    .bind(partition)
    .bind(streams.iter().map(|(key, _)| key.company_id).collect::<Vec<_>>())
    .bind(streams.iter().map(|(key, _)| key.stream_type).collect::<Vec<_>>())
    .bind(streams.iter().map(|(key, _)| &*key.stream_id).collect::<Vec<_>>())
    .bind(streams.iter().map(|(_, version)| *version).collect::<Vec<_>>())
    .bind(up_to)
    .fetch_all(&mut *conn)
    .await?;
    let events = events_of(&rows)?;
    if are_whole(streams, &events) {
        return Ok(events);
    }
    Err(archived_or(conn, partition, LogError::Unreadable("versions of a stream")).await)
}

/// Whether each stream goes on without a hole.
fn are_whole(streams: &[(StreamKey, i64)], events: &[StoredEvent]) -> bool {
    let mut events = events.iter().peekable();
    streams.iter().all(|(key, version)| {
        let here = |event: &&StoredEvent| {
            event.stream_id == key.stream_id
                && event.company_id == key.company_id
                && *event.stream_type == *key.stream_type
        };
        let mut next = *version;
        while let Some(event) = events.next_if(here) {
            next += 1;
            if event.version != next {
                return false;
            }
        }
        true
    })
}

/// What a hole means where events were archived, else `error`.
async fn archived_or(conn: &mut PgConnection, partition: i16, error: LogError) -> LogError {
    match gone_until(conn).await {
        Ok(0) => error,
        Ok(until) => LogError::Archived { partition, until },
        Err(failed) => failed,
    }
}

/// Every event of a company in streams of the given types, as they stood at `up_to`, in order of position.
pub async fn company(
    conn: &mut PgConnection,
    partition: i16,
    company_id: Uuid,
    stream_types: &[&str],
    up_to: i64,
) -> Result<Vec<StoredEvent>, LogError> {
    let rows = sqlx::query(
        "select partition, position, company_id, stream_type, stream_id, version, event_id, event_type,
            schema_version, effective_at, recorded_at, payload::text, metadata::text
         from log.events
         where partition = $1 and company_id = $2 and stream_type = any($3) and position <= $4 order by position",
    )
    .bind(partition)
    .bind(company_id)
    .bind(stream_types)
    .bind(up_to)
    .fetch_all(conn)
    .await?;
    events_of(&rows)
}

/// The event at one position of a partition; none where there is none, or none any more.
pub async fn at(
    conn: &mut PgConnection,
    partition: i16,
    position: i64,
) -> Result<Option<StoredEvent>, LogError> {
    let rows = sqlx::query(
        "select partition, position, company_id, stream_type, stream_id, version, event_id, event_type,
            schema_version, effective_at, recorded_at, payload::text, metadata::text
         from log.events where partition = $1 and position = $2",
    )
    .bind(partition)
    .bind(position)
    .fetch_all(conn)
    .await?;
    Ok(events_of(&rows)?.pop())
}

/// Position of the event of this id in a partition; none when there is no such event. Also finds a fact by the id of
/// its second movement, which differs from its own in the last bit. Not for the API's role.
///
/// No index leads from ids to events: it would cost every append. An id bears the time at which it was made
/// (`UUIDv7`), so the search begins where the log was then; ids without a time are searched from the start.
pub async fn find(
    conn: &mut PgConnection,
    partition: i16,
    company_id: Option<Uuid>,
    event_id: Uuid,
) -> Result<Option<i64>, LogError> {
    let head = append::head(conn, partition).await?.position;
    let begin = match made_at(event_id) {
        Some(instant) => position_at(conn, partition, instant).await?,
        None => 0,
    };
    for (mut after, end) in [(begin, head), (0, begin)] {
        let mut width = 2_000;
        while after < end {
            let found: Option<i64> = sqlx::query_scalar(
                "select position from log.events
                 where partition = $1 and position > $2 and position <= $3 and event_id = any($4)
                    and ($5::uuid is null or company_id = $5)
                 order by event_id <> $6 limit 1",
            )
            .bind(partition)
            .bind(after)
            .bind(end.min(after + width))
            .bind([event_id, Uuid::from_u128(event_id.as_u128() ^ 1)])
            .bind(company_id)
            .bind(event_id)
            .fetch_optional(&mut *conn)
            .await?;
            if found.is_some() {
                return Ok(found);
            }
            after += width;
            width = (2 * width).min(256_000);
        }
    }
    Ok(None)
}

/// A little before an id was made, by the id itself.
fn made_at(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, _) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?.saturating_sub(60), 0)
}

/// The events of one company's streams between two versions, both included, ordered as asked, then by version. The
/// streams' types may be any, also such as this release does not know. One look into the index of streams for each.
pub async fn versions(
    conn: &mut PgConnection,
    partition: i16,
    company_id: Uuid,
    streams: &[(&str, &str, i64, i64)],
) -> Result<Vec<StoredEvent>, LogError> {
    let rows = sqlx::query(
        "select e.partition, e.position, e.company_id, e.stream_type, e.stream_id, e.version, e.event_id,
            e.event_type, e.schema_version, e.effective_at, e.recorded_at, e.payload::text, e.metadata::text
         from unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[])
            with ordinality as s(stream_type, stream_id, first, last, n)
         join lateral (
            select * from log.events e
            where e.partition = $1 and e.company_id = $2 and e.stream_type = s.stream_type
                and e.stream_id = s.stream_id and e.version >= s.first and e.version <= s.last
            order by e.version
            offset 0
         ) e on true
         order by s.n, e.version",
    )
    .bind(partition)
    .bind(company_id)
    .bind(streams.iter().map(|stream| stream.0).collect::<Vec<_>>())
    .bind(streams.iter().map(|stream| stream.1).collect::<Vec<_>>())
    .bind(streams.iter().map(|stream| stream.2).collect::<Vec<_>>())
    .bind(streams.iter().map(|stream| stream.3).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    events_of(&rows)
}

/// Position of the last event that was recorded at or before `instant`; 0 when there is none. Not for the API's role.
pub async fn position_at(
    conn: &mut PgConnection,
    partition: i16,
    instant: DateTime<Utc>,
) -> Result<i64, LogError> {
    let position: Option<i64> = sqlx::query_scalar(
        "select last_position from log.log_batch where partition = $1 and recorded_at <= $2
         order by recorded_at desc, batch desc limit 1",
    )
    .bind(partition)
    .bind(instant)
    .fetch_optional(conn)
    .await?;
    Ok(position.unwrap_or(0))
}

/// Refuses a block that does not follow `position` without a hole.
pub(crate) fn contiguous(partition: i16, position: i64, events: &[StoredEvent]) -> Result<(), LogError> {
    let mut expected = position;
    for event in events {
        expected += 1;
        if event.position != expected {
            return Err(LogError::Gap { partition, position: expected });
        }
    }
    Ok(())
}

pub(crate) fn events_of(rows: &[PgRow]) -> Result<Vec<StoredEvent>, LogError> {
    let mut names = Names::default();
    rows.iter().map(|row| event_of(row, &mut names)).collect()
}

fn event_of(row: &PgRow, names: &mut Names) -> Result<StoredEvent, LogError> {
    Ok(StoredEvent {
        partition: row.try_get(0)?,
        position: row.try_get(1)?,
        company_id: row.try_get(2)?,
        stream_type: names.shared(row.try_get(3)?),
        stream_id: Arc::from(row.try_get::<&str, _>(4)?),
        version: row.try_get(5)?,
        event_id: row.try_get(6)?,
        event_type: names.shared(row.try_get(7)?),
        schema_version: row.try_get(8)?,
        effective_at: row.try_get(9)?,
        recorded_at: row.try_get(10)?,
        payload: Arc::from(row.try_get::<&str, _>(11)?),
        metadata: names.repeated(row.try_get(12)?),
        meaning: Meaning::default(),
    })
}
