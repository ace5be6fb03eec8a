//! A log with events in it, and read models that are folded live.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use event_log::append::{Appended, Batch, append, head};
use event_log::event::StoredEvent;
use migrations::Role;
use migrations::testing::{TestDatabase, fresh_database};
use projections::projection::{Projection, schema_of};
use projections::stock::movements::Movements;
use projections::{install, registry};
use sqlx::PgPool;
use uuid::Uuid;

use crate::chance::Chance;

pub(crate) struct Log {
    pub(crate) database: TestDatabase,
    pub(crate) owner: PgPool,
    committing: PgPool,
}

impl Log {
    /// An empty log without read models.
    pub(crate) async fn new() -> Self {
        let database = fresh_database().await;
        let owner = database.owner().clone();
        let committing = database.pool(Role::Committer, 2).await.unwrap();
        Self { database, owner, committing }
    }

    /// Appends events to one partition, in batches of at most `longest`; they get their places. Answers them.
    pub(crate) async fn append(
        &self,
        partition: i16,
        events: Vec<StoredEvent>,
        chance: &mut Chance,
        longest: u64,
    ) -> Vec<StoredEvent> {
        let mut conn = self.committing.acquire().await.unwrap();
        let mut stored = Vec::new();
        for piece in chance.cuts(events.len(), longest) {
            let expected = head(&mut conn, partition).await.unwrap();
            let mut batch = events[piece].to_vec();
            let recorded_at = batch.last().unwrap().recorded_at;
            for (event, position) in batch.iter_mut().zip(expected.position + 1..) {
                (event.partition, event.position, event.recorded_at) = (partition, position, recorded_at);
            }
            stored.extend(batch.iter().cloned());
            let batch = Batch { partition, expected, events: batch, keys: Vec::new(), recorded_at };
            match append(&mut conn, &batch).await.unwrap() {
                Appended::Done(_) => {}
                other => panic!("not appended: {other:?}"),
            }
        }
        stored
    }

    /// Makes every read model and folds these events of one partition as a runner does, in blocks of any size.
    pub(crate) async fn fold_live(&self, partition: i16, events: &[StoredEvent], chance: &mut Chance) {
        self.install().await;
        self.fold_these(&read_models(), partition, events, chance).await;
    }

    /// Makes every read model, empty.
    pub(crate) async fn install(&self) {
        assert!(install::install(&self.owner, &read_models()).await.unwrap().is_empty());
    }

    /// Folds these events in blocks of any size.
    pub(crate) async fn fold_these(
        &self,
        projections: &[Arc<dyn Projection>],
        partition: i16,
        events: &[StoredEvent],
        chance: &mut Chance,
    ) {
        for projection in projections {
            let longest = 1 + chance.below(150);
            for piece in chance.cuts(events.len(), longest) {
                self.fold_block(projection.as_ref(), partition, &events[piece]).await;
            }
        }
    }

    pub(crate) async fn fold_block(
        &self,
        projection: &dyn Projection,
        partition: i16,
        block: &[StoredEvent],
    ) {
        let relevant: Vec<_> = block.iter().filter(|event| projection.folds(event)).cloned().collect();
        let mut tx = self.owner.begin().await.unwrap();
        let path = format!("set local search_path = {}, public", schema_of(projection));
        sqlx::query(&path).execute(&mut *tx).await.unwrap();
        if !relevant.is_empty() {
            projection.apply(&mut tx, &relevant).await.unwrap();
        }
        sqlx::query(
            "update projections.checkpoints set position = $4
             where name = $1 and version = $2 and copy = 'live' and partition = $3",
        )
        .bind(projection.name())
        .bind(projection.version())
        .bind(partition)
        .bind(block.last().unwrap().position)
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.owner).await.unwrap()
    }
}

/// Every read model; movements take checkpoints so often that a short log has some.
pub(crate) fn read_models() -> Vec<Arc<dyn Projection>> {
    let mut all = registry::all();
    for projection in &mut all {
        if projection.name() == "movements" {
            *projection = Arc::new(Movements::checkpoints_every(20));
        }
    }
    all
}

/// The one of this name.
pub(crate) fn read_model(name: &str) -> Arc<dyn Projection> {
    read_models().into_iter().find(|projection| projection.name() == name).unwrap()
}

pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap().trunc_subsecs(6)
}

/// An event that is not in the log yet.
pub(crate) fn event(
    company_id: Uuid,
    stream: (&str, &str),
    version: i64,
    event_type: &str,
    payload: String,
    at: DateTime<Utc>,
) -> StoredEvent {
    StoredEvent {
        partition: 0,
        position: 0,
        company_id,
        stream_type: Arc::from(stream.0),
        stream_id: Arc::from(stream.1),
        version,
        event_id: Uuid::from_u128(u128::from(version.unsigned_abs())),
        event_type: Arc::from(event_type),
        schema_version: 1,
        effective_at: at,
        recorded_at: at,
        payload: Arc::from(payload),
        metadata: Arc::from(format!(r#"{{"actor":"user:{}"}}"#, version % 3)),
        meaning: event_log::event::Meaning::default(),
    }
}
