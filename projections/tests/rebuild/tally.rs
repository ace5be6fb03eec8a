//! A read model for tests: a row for every event, and how many there are of each stream. Its version can be counted up,
//! and folding in memory can be told to fail.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use event_log::event::StoredEvent;
use futures::future::BoxFuture;
use migrations::Role;
use projections::bulk::{Builder, Rows, Target};
use projections::heads::Heads;
use projections::lease::Leases;
use projections::positions::Positions;
use projections::projection::{Projection, ProjectionError};
use projections::runner::{Runner, RunnerConfig};
use sqlx::PgConnection;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::chance::Chance;
use crate::log::{Log, event, noon};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const HERS: Uuid = Uuid::from_u128(1);
/// Processes that were started.
static STARTED: AtomicU64 = AtomicU64::new(1);
/// A wide row, so that few events fill a chunk.
const WIDTH: usize = 1_500;

/// The read model.
pub(crate) struct Tally {
    version: i32,
    /// Folding in memory fails from this position on.
    fails_at: AtomicI64,
}

impl Tally {
    pub(crate) fn version(version: i32) -> Arc<Self> {
        Arc::new(Self { version, fails_at: AtomicI64::new(i64::MAX) })
    }

    pub(crate) fn fail_at(&self, position: i64) {
        self.fails_at.store(position, Ordering::SeqCst);
    }
}

const SEEN: Target = Target { table: "seen", columns: &["company_id", "position", "wide"] };
const COUNTS: Target = Target { table: "counts", columns: &["company_id", "stream_id", "events"] };

const DDL: [&str; 2] = [
    "create table seen (company_id uuid not null, position bigint not null, wide text not null,
         primary key (company_id, position));
     create table counts (company_id uuid not null, stream_id text not null, events bigint not null,
         primary key (company_id, stream_id));
     create index counts_events on counts (company_id, events)",
    "create table seen (company_id uuid not null, position bigint not null, wide text not null,
         primary key (company_id, position));
     create table counts (company_id uuid not null, stream_id text not null, events bigint not null,
         since_two text not null default 'two', primary key (company_id, stream_id));
     create index counts_events on counts (company_id, events)",
];

impl Projection for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn version(&self) -> i32 {
        self.version
    }

    fn stream_types(&self) -> &'static [&'static str] {
        &["stock_item"]
    }

    fn ddl(&self) -> &'static str {
        DDL[usize::try_from(self.version - 1).unwrap().min(1)]
    }

    fn apply<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        block: &'a [StoredEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            block.iter().try_for_each(readable)?;
            let companies: Vec<Uuid> = block.iter().map(|event| event.company_id).collect();
            let streams: Vec<&str> = block.iter().map(|event| event.stream_id.as_ref()).collect();
            let positions: Vec<i64> = block.iter().map(|event| event.position).collect();
            sqlx::query(
                "insert into counts (company_id, stream_id, events)
                 select company_id, stream_id, count(*)
                 from unnest($1::uuid[], $2::text[]) as told (company_id, stream_id)
                 group by company_id, stream_id
                 on conflict (company_id, stream_id) do update set events = counts.events + excluded.events",
            )
            .bind(&companies)
            .bind(streams)
            .execute(&mut *conn)
            .await?;
            sqlx::query("insert into seen (company_id, position, wide) select unnest($1::uuid[]), unnest($2::bigint[]), $3")
                .bind(companies)
                .bind(positions)
                .bind("w".repeat(WIDTH))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    fn builder(&self) -> Option<Box<dyn Builder>> {
        Some(Box::new(Counting {
            fails_at: self.fails_at.load(Ordering::SeqCst),
            counts: BTreeMap::new(),
            wide: "w".repeat(WIDTH),
        }))
    }
}

/// What nobody can read.
pub(crate) const UNREADABLE: &str = r#""unreadable""#;

fn readable(event: &StoredEvent) -> Result<(), ProjectionError> {
    if &*event.payload != UNREADABLE {
        return Ok(());
    }
    let reason = "nobody can read it".to_owned();
    Err(ProjectionError::Unfoldable { partition: event.partition, position: event.position, reason })
}

struct Counting {
    fails_at: i64,
    counts: BTreeMap<(Uuid, String), i64>,
    wide: String,
}

impl Builder for Counting {
    fn fold(&mut self, block: &[StoredEvent], rows: &mut Rows) -> Result<(), ProjectionError> {
        for event in block {
            if event.position >= self.fails_at {
                return Err(ProjectionError::Unknown("a failure of the test".to_owned()));
            }
            readable(event)?;
            rows.row(&SEEN).put(event.company_id).put(event.position).put(self.wide.as_str());
            *self.counts.entry((event.company_id, event.stream_id.to_string())).or_default() += 1;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, conn: &mut PgConnection) -> BoxFuture<'_, Result<(), ProjectionError>> {
        let mut rows = Rows::default();
        for ((company, stream), events) in &self.counts {
            rows.row(&COUNTS).put(*company).put(stream.as_str()).put(*events);
        }
        Box::pin(async move { Ok(rows.write(conn).await?) })
    }
}

impl Log {
    /// Appends so many events of one company to partition 0, every fifth of a stream that is not counted.
    pub(crate) async fn grow(&self, events: i64) {
        self.grow_with(events, "{}").await;
    }

    /// The same with events that say something else.
    pub(crate) async fn grow_with(&self, events: i64, payload: &str) {
        let from = self.number("select position from log.log_head where partition = 0").await;
        let events = (from + 1..=from + events).map(|n| {
            let kind = if n % 5 == 0 { "product" } else { "stock_item" };
            event(HERS, (kind, &format!("item-{}", n % 7)), n, "Received", payload.to_owned(), noon())
        });
        self.append(0, events.collect(), &mut Chance(3), 10_000).await;
    }
}

/// A process that folds this read model.
pub(crate) struct Process {
    runner: Runner,
    pub(crate) positions: Positions,
    _heads: DropGuard,
}

impl Process {
    pub(crate) async fn start(log: &Log, tally: &Arc<Tally>) -> Self {
        let all: Vec<Arc<dyn Projection>> = vec![tally.clone()];
        let positions = Positions::new(&all, 4);
        let heads = Heads::new(4);
        let pool = log.database.pool(Role::Projector, 6).await.unwrap();
        let watching = log.database.pool(Role::Projector, 2).await.unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(heads.clone().follow(watching.clone(), Duration::from_millis(5), stop.clone()));
        tokio::spawn(positions.clone().follow(watching.clone(), stop.clone()));
        let holder = Uuid::from_u128(u128::from(STARTED.fetch_add(1, Ordering::SeqCst)));
        let runner = Runner::start(RunnerConfig {
            pool,
            leases: Leases::new(watching, holder, &format!("process {}", holder.as_u128())),
            projections: all,
            partitions: 4,
            feeds: Arc::new(|_| None),
            positions: positions.clone(),
            heads,
            now: Arc::new(noon),
        });
        Self { runner, positions, _heads: stop.drop_guard() }
    }

    /// Waits until partition 0 is folded up to here.
    pub(crate) async fn reaches(&self, position: i64) {
        self.positions.wait(&["tally"], 0, position, PATIENCE).await.unwrap();
    }

    pub(crate) async fn stop(self) {
        self.runner.stop().await;
    }
}
