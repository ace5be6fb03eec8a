//! Events that a read model cannot fold, set aside with their streams.
//!
//! One such event must not stop the others: it is parked, later events of its stream wait behind it, and everything else
//! is folded in order. A fold from zero leaves out the same events (`LeftOut`), so a live copy and a fresh one stay
//! comparable. Somebody who has mended the cause lets it be tried again, or skips it for good: see [`refold`].

mod careful;
pub mod refold;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use event_log::event::StoredEvent;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

pub(crate) use careful::{fold_carefully, is_poison, place_of};

use crate::checkpoint::Key;
use crate::projection::ProjectionError;

/// Streams that a read model may leave out in one partition. Where more would have to be parked, the fault is hardly the
/// events': the read model waits instead.
pub const MAX_PARKED: usize = 1_000;

/// A parked or skipped event.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct ParkedEvent {
    /// Number by which it is retried or skipped.
    pub id: i64,
    /// Projection.
    pub name: String,
    /// Version of its tables.
    pub version: i32,
    /// Partition of the log.
    pub partition: i16,
    /// Position of the event.
    pub position: i64,
    /// Whose event it is.
    pub company_id: Uuid,
    /// Type of its stream.
    pub stream_type: String,
    /// Id of its stream.
    pub stream_id: String,
    /// Stored name.
    pub event_type: String,
    /// `parked`, or `skipped` for good.
    pub state: String,
    /// Why it could not be folded.
    pub error: String,
    /// How often that was tried.
    pub attempts: i32,
    /// When it was tried last.
    pub parked_at: DateTime<Utc>,
    /// Later events of its stream that wait behind it.
    pub waiting: i64,
}

/// Every parked or skipped event, oldest first by projection and partition.
pub async fn list(pool: &PgPool) -> Result<Vec<ParkedEvent>, sqlx::Error> {
    sqlx::query_as(
        "select parked.id, parked.name, parked.version, parked.partition, parked.position, parked.company_id,
                parked.stream_type, parked.stream_id, parked.event_type, parked.state, parked.error,
                parked.attempts, parked.parked_at,
                case when parked.state = 'parked' then (
                    select count(*) from log.events event
                    where event.partition = parked.partition and event.company_id = parked.company_id
                      and event.stream_type = parked.stream_type and event.stream_id = parked.stream_id
                      and event.version > parked.stream_version and event.position <= checkpoint.position)
                else 0 end as waiting
         from projections.parked parked
         join projections.checkpoints checkpoint
             on checkpoint.name = parked.name and checkpoint.version = parked.version
            and checkpoint.partition = parked.partition and checkpoint.copy = 'live'
         order by parked.name, parked.version, parked.partition, parked.position",
    )
    .fetch_all(pool)
    .await
}

/// How many events every projection has parked, by name; nothing for those that have none.
pub(crate) async fn counts(pool: &PgPool) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as("select name, count(*) from projections.parked where state = 'parked' group by name")
        .fetch_all(pool)
        .await
}

/// What a fold of one partition leaves out: skipped events, and streams from their parked event on.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeftOut {
    skipped: HashSet<i64>,
    streams: HashMap<Stream, i64>,
}

/// Company, type and id.
type Stream = (Uuid, Arc<str>, Arc<str>);

fn stream_of(event: &StoredEvent) -> Stream {
    (event.company_id, event.stream_type.clone(), event.stream_id.clone())
}

impl LeftOut {
    /// What is parked or skipped now; the copy does not matter.
    pub(crate) async fn read(conn: &mut PgConnection, key: Key, partition: i16) -> Result<Self, sqlx::Error> {
        let rows: Vec<(i64, Uuid, String, String, bool)> = sqlx::query_as(
            "select position, company_id, stream_type, stream_id, state = 'skipped' from projections.parked
             where name = $1 and version = $2 and partition = $3",
        )
        .bind(key.name)
        .bind(key.version)
        .bind(partition)
        .fetch_all(conn)
        .await?;
        let mut left_out = Self::default();
        for (position, company_id, stream_type, stream_id, is_skipped) in rows {
            if is_skipped {
                left_out.skipped.insert(position);
            } else {
                left_out.streams.insert((company_id, stream_type.into(), stream_id.into()), position);
            }
        }
        Ok(left_out)
    }

    /// Whether a fold leaves this event out.
    pub(crate) fn has(&self, event: &StoredEvent) -> bool {
        if self.streams.is_empty() && self.skipped.is_empty() {
            return false;
        }
        self.skipped.contains(&event.position)
            || self.streams.get(&stream_of(event)).is_some_and(|from| event.position >= *from)
    }

    /// Whether nothing more may be parked.
    pub(crate) fn is_full(&self) -> bool {
        self.streams.len() >= MAX_PARKED
    }

    /// Number of parked streams and of skipped events.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.streams.len(), self.skipped.len())
    }

    /// Lets skipped events in after all, by the numbers under which they were parked.
    async fn admit(&mut self, conn: &mut PgConnection, ids: &[i64]) -> Result<(), sqlx::Error> {
        let positions: Vec<i64> =
            sqlx::query_scalar("select position from projections.parked where id = any($1)")
                .bind(ids)
                .fetch_all(conn)
                .await?;
        for position in positions {
            self.skipped.remove(&position);
        }
        Ok(())
    }

    /// Sets an event aside, with everything that follows in its stream.
    pub(crate) async fn park(
        &mut self,
        conn: &mut PgConnection,
        key: Key,
        event: &StoredEvent,
        error: &ProjectionError,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into projections.parked as parked
                 (name, version, partition, position, company_id, stream_type, stream_id, stream_version, event_type,
                  state, error, attempts, parked_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'parked', $10, 1, clock_timestamp())
             on conflict (name, version, partition, position) do update
             set state = excluded.state, error = excluded.error, attempts = parked.attempts + 1,
                 parked_at = excluded.parked_at",
        )
        .bind(key.name)
        .bind(key.version)
        .bind(event.partition)
        .bind(event.position)
        .bind(event.company_id)
        .bind(&*event.stream_type)
        .bind(&*event.stream_id)
        .bind(event.version)
        .bind(&*event.event_type)
        .bind(in_full(error))
        .execute(conn)
        .await?;
        self.streams.insert(stream_of(event), event.position);
        Ok(())
    }
}

/// An error with its causes, as text that PostgreSQL can hold.
fn in_full(error: &ProjectionError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text.replace('\0', "")
}
