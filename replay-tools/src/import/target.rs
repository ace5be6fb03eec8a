//! The log as one company's importer sees it: what is new is appended, what is there must be the same.

use std::collections::HashMap;

use anyhow::bail;
use chrono::{DateTime, Utc};
use event_log::LogError;
use event_log::append::{Appended, Batch, append, head};
use event_log::event::{Meaning, StoredEvent};
use event_log::read;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use uuid::Uuid;

use super::translate::{Fact, Place};
use crate::cli::ImportArgs;

/// Where facts go.
pub(super) struct Target {
    conn: PoolConnection<Postgres>,
    partition: i16,
    company_id: Uuid,
    dry_run: bool,
    /// Events that were appended, or would have been.
    pub(super) appended: i64,
    /// Events that the log had already.
    pub(super) known: i64,
}

impl Target {
    /// The company's streams, through a connection that may append.
    pub(super) fn new(conn: PoolConnection<Postgres>, partition: i16, args: &ImportArgs) -> Self {
        Self { conn, partition, company_id: args.company, dry_run: args.dry_run, appended: 0, known: 0 }
    }

    /// Appends what the log does not have, in one batch.
    pub(super) async fn take_in(&mut self, facts: &[Fact]) -> anyhow::Result<()> {
        loop {
            // First the head: what is appended after it was read makes the batch stale, and it is looked again.
            let expected = head(&mut self.conn, self.partition).await?;
            let known = self.known(facts).await?;
            let mut new = Vec::new();
            for fact in facts {
                match known.get(&fact.place) {
                    Some(event) => fact.must_be(event)?,
                    None => new.push(fact),
                }
            }
            if !new.is_empty() && !self.dry_run {
                let recorded_at = self.now().await?;
                let events =
                    (expected.position + 1..).zip(&new).map(|(at, fact)| self.event(fact, at, recorded_at));
                let (partition, events) = (self.partition, events.collect());
                let batch = Batch { partition, expected, events, keys: Vec::new(), recorded_at };
                match append(&mut self.conn, &batch).await? {
                    Appended::Done(_) => {}
                    Appended::Stale(_) => continue,
                    Appended::KeysTaken(_) => bail!("the log took a batch without keys for one with keys"),
                }
            }
            self.appended += i64::try_from(new.len())?;
            self.known += i64::try_from(facts.len() - new.len())?;
            return Ok(());
        }
    }

    /// What the log has at the facts' places.
    async fn known(&mut self, facts: &[Fact]) -> Result<HashMap<Place, StoredEvent>, LogError> {
        let streams = facts.chunk_by(|one, next| one.place.0 == next.place.0 && one.place.1 == next.place.1);
        let streams: Vec<(&str, &str, i64, i64)> = streams
            .filter_map(|facts| {
                let ((kind, id, first), (_, _, last)) = (&facts.first()?.place, &facts.last()?.place);
                Some((&**kind, &**id, *first, *last))
            })
            .collect();
        let events = read::versions(&mut self.conn, self.partition, self.company_id, &streams).await?;
        let place = |event: &StoredEvent| (event.stream_type.clone(), event.stream_id.clone(), event.version);
        Ok(events.into_iter().map(|event| (place(&event), event)).collect())
    }

    /// The database's time, never before that of the newest batch.
    async fn now(&mut self) -> Result<DateTime<Utc>, sqlx::Error> {
        sqlx::query_scalar(
            "select greatest(clock_timestamp(),
                (select recorded_at from log.log_batch where partition = $1 order by batch desc limit 1))",
        )
        .bind(self.partition)
        .fetch_one(&mut *self.conn)
        .await
    }

    fn event(&self, fact: &Fact, position: i64, recorded_at: DateTime<Utc>) -> StoredEvent {
        let (stream_type, stream_id, version) = fact.place.clone();
        StoredEvent {
            partition: self.partition,
            position,
            company_id: self.company_id,
            stream_type,
            stream_id,
            version,
            event_id: fact.event_id,
            event_type: fact.event_type.clone(),
            schema_version: fact.schema_version,
            effective_at: fact.effective_at.unwrap_or(recorded_at),
            recorded_at,
            payload: fact.payload.clone(),
            metadata: fact.metadata.clone(),
            meaning: Meaning::default(),
        }
    }
}
