//! Facts that no command records yet, appended to a running server's log as another process would.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use domain::registry::AnyEvent;
use event_log::append::{Appended, Batch, append, head};
use event_log::event::{Meaning, Metadata, StoredEvent, partition_of};
use migrations::Role;
use uuid::Uuid;

use crate::app::Person;

/// Facts of one company on their way into the log; streams begin with them.
#[derive(Default)]
pub struct Facts(Vec<(String, AnyEvent, DateTime<Utc>)>);

impl Facts {
    /// The next fact of a stream.
    pub fn push(&mut self, stream_id: impl Into<String>, at: DateTime<Utc>, fact: impl Into<AnyEvent>) {
        self.0.push((stream_id.into(), fact.into(), at));
    }

    /// Appends them, in their order, recorded at `recorded_at`.
    pub async fn append(self, person: &Person<'_>, recorded_at: DateTime<Utc>) {
        let company_id: Uuid = person.company_id.parse().unwrap();
        let recorded_at = recorded_at.trunc_subsecs(6);
        let pool = person.app.database.pool(Role::Committer, 1).await.unwrap();
        let mut conn = pool.acquire().await.unwrap();
        let partitions: i64 = sqlx::query_scalar("select count(*) from log.log_head")
            .fetch_one(person.app.database.owner())
            .await
            .unwrap();
        let partition = partition_of(company_id, i16::try_from(partitions).unwrap());
        let metadata = Metadata {
            actor: "system:tests".to_owned(),
            command_id: Uuid::from_u128(1),
            correlation_id: Uuid::from_u128(1),
            causation_id: None,
            source: "tests".to_owned(),
        };
        let metadata: Arc<str> = serde_json::to_string(&metadata).unwrap().into();
        let mut versions = std::collections::BTreeMap::<(String, String), i64>::new();
        loop {
            let expected = head(&mut conn, partition).await.unwrap();
            versions.clear();
            let stored =
                self.0.iter().zip(expected.position + 1..).map(|((stream_id, fact, at), position)| {
                    let stream = (fact.stream_type().to_owned(), stream_id.clone());
                    let version = versions.entry(stream).or_default();
                    *version += 1;
                    StoredEvent {
                        partition,
                        position,
                        company_id,
                        stream_type: fact.stream_type().into(),
                        stream_id: stream_id.as_str().into(),
                        version: *version,
                        event_id: Uuid::from_u128(u128::from(position.unsigned_abs())),
                        event_type: fact.name().into(),
                        schema_version: 1,
                        effective_at: *at,
                        recorded_at,
                        payload: fact.payload().unwrap().into(),
                        metadata: Arc::clone(&metadata),
                        meaning: Meaning::default(),
                    }
                });
            let events = stored.collect();
            let batch = Batch { partition, expected, events, keys: Vec::new(), recorded_at };
            match append(&mut conn, &batch).await.unwrap() {
                Appended::Done(_) => return,
                Appended::Stale(_) => {}
                other @ Appended::KeysTaken(_) => panic!("not appended: {other:?}"),
            }
        }
    }
}
