//! A log, a read model that can be made to fail or to stand still, and processes that fold it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use event_log::append::{Appended, Batch, append, head};
use event_log::event::{Meaning, StoredEvent};
use futures::future::BoxFuture;
use migrations::Role;
use migrations::testing::{TestDatabase, fresh_database};
use projections::heads::Heads;
use projections::install;
use projections::lease::Leases;
use projections::positions::Positions;
use projections::projection::{Projection, ProjectionError};
use projections::runner::{Runner, RunnerConfig};
use sqlx::{PgConnection, PgPool};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const HERS: Uuid = Uuid::from_u128(1);
pub(crate) const HIS: Uuid = Uuid::from_u128(2);

/// Keeps the order in which it has seen the versions of every stream, and what they sum up to by company.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Whether it copes with what it could not fold before.
    pub(crate) mended: AtomicBool,
    /// While it is shut, whoever looks at an event stands still.
    pub(crate) gate: Gate,
}

/// Lets through or not.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<(bool, usize)>,
    moved: Condvar,
}

impl Gate {
    pub(crate) fn shut(&self) {
        self.state.lock().unwrap().0 = true;
    }

    pub(crate) fn open(&self) {
        self.state.lock().unwrap().0 = false;
        self.moved.notify_all();
    }

    /// How many stand before it.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().unwrap().1
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        while state.0 {
            state = self.moved.wait(state).unwrap();
        }
        state.1 -= 1;
    }
}

impl Projection for Ledger {
    fn name(&self) -> &'static str {
        "ledger"
    }

    fn version(&self) -> i32 {
        1
    }

    fn stream_types(&self) -> &'static [&'static str] {
        &["stock_item"]
    }

    fn folds(&self, event: &StoredEvent) -> bool {
        self.gate.pass();
        self.stream_types().contains(&event.stream_type.as_ref())
    }

    fn ddl(&self) -> &'static str {
        "create table entries (
             company_id uuid not null, stream_id text not null, versions bigint[] not null,
             primary key (company_id, stream_id)
         );
         create table sums (
             company_id uuid not null, day bigint not null, events bigint not null check (events < 1000000),
             primary key (company_id, day)
         );"
    }

    fn apply<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        block: &'a [StoredEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            for event in block {
                let weight = self.weight(event)?;
                sqlx::query(
                    "insert into entries as entry (company_id, stream_id, versions) values ($1, $2, array[$3])
                     on conflict (company_id, stream_id) do update set versions = entry.versions || $3",
                )
                .bind(event.company_id)
                .bind(&*event.stream_id)
                .bind(event.version)
                .execute(&mut *conn)
                .await?;
                sqlx::query(
                    "insert into sums as sum (company_id, day, events) values ($1, $2, $3)
                     on conflict (company_id, day) do update set events = sum.events + $3",
                )
                .bind(event.company_id)
                .bind(event.position / 50)
                .bind(weight)
                .execute(&mut *conn)
                .await?;
            }
            Ok(())
        })
    }
}

impl Ledger {
    fn weight(&self, event: &StoredEvent) -> Result<i64, ProjectionError> {
        match &*event.payload {
            _ if self.mended.load(Ordering::SeqCst) => Ok(1),
            // Refused by PostgreSQL, by a check.
            r#""heavy""# => Ok(1_000_000),
            r#""unreadable""# => Err(ProjectionError::Unfoldable {
                partition: event.partition,
                position: event.position,
                reason: "nobody can read it".to_owned(),
            }),
            _ => Ok(1),
        }
    }
}

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) ledger: Arc<Ledger>,
    committing: PgPool,
    started: AtomicU64,
}

/// What is appended: a stream of one of the two companies, and what the event says.
pub(crate) type Told<'a> = (Uuid, &'a str, &'a str);

impl World {
    pub(crate) async fn new() -> Self {
        let database = fresh_database().await;
        let ledger = Arc::new(Ledger::default());
        let all: [Arc<dyn Projection>; 1] = [ledger.clone()];
        install::install(database.owner(), &all).await.unwrap();
        let committing = database.pool(Role::Committer, 2).await.unwrap();
        Self { database, ledger, committing, started: AtomicU64::new(1) }
    }

    /// Appends events to a partition, each the next of its stream; answers where the partition stands then.
    pub(crate) async fn append(&self, partition: i16, told: &[Told<'_>]) -> i64 {
        let mut conn = self.committing.acquire().await.unwrap();
        let expected = head(&mut conn, partition).await.unwrap();
        let mut events: Vec<StoredEvent> = Vec::new();
        for (number, (company_id, stream_id, payload)) in (1_i64..).zip(told) {
            let before: Option<i64> = sqlx::query_scalar(
                "select max(version) from log.events where partition = $1 and company_id = $2 and stream_id = $3",
            )
            .bind(partition)
            .bind(company_id)
            .bind(stream_id)
            .fetch_one(&mut *conn)
            .await
            .unwrap();
            let same =
                |event: &&StoredEvent| event.company_id == *company_id && &*event.stream_id == *stream_id;
            let here = i64::try_from(events.iter().filter(same).count()).unwrap();
            let version = before.unwrap_or(0) + here + 1;
            events.push(event(
                partition,
                expected.position + number,
                version,
                (*company_id, stream_id, payload),
            ));
        }
        let to = expected.position + i64::try_from(events.len()).unwrap();
        let batch = Batch { partition, expected, events, keys: Vec::new(), recorded_at: noon() };
        match append(&mut conn, &batch).await.unwrap() {
            Appended::Done(_) => to,
            other => panic!("not appended: {other:?}"),
        }
    }

    /// `count` harmless events, of five streams of each of the partition's two companies by turns; those of partition 0
    /// are [`HERS`] and [`HIS`].
    pub(crate) async fn append_many(&self, partition: i16, count: usize) -> i64 {
        let streams: Vec<String> = (0..5).map(|number| format!("item-{number}")).collect();
        let company =
            |n: usize| Uuid::from_u128(u128::try_from(partition).unwrap() * 2 + 1 + u128::from(n % 2 == 1));
        let told: Vec<Told<'_>> = (0..count).map(|n| (company(n), streams[n % 5].as_str(), "{}")).collect();
        self.append(partition, &told).await
    }

    /// A process that folds. `ledger` is its own, so that it can be made to stand still.
    pub(crate) async fn process_with(&self, ledger: Arc<Ledger>) -> Process {
        let all: Vec<Arc<dyn Projection>> = vec![ledger];
        let number = self.started.fetch_add(1, Ordering::SeqCst);
        let (positions, heads, stop) = (Positions::new(&all, 4), Heads::new(4), CancellationToken::new());
        let pool = self.database.pool(Role::Projector, 6).await.unwrap();
        let watching = self.database.pool(Role::Projector, 2).await.unwrap();
        tokio::spawn(heads.clone().follow(watching.clone(), Duration::from_millis(5), stop.clone()));
        tokio::spawn(positions.clone().follow(watching.clone(), stop.clone()));
        let name = format!("process {number}");
        let runner = Runner::start(RunnerConfig {
            pool,
            leases: Leases::new(watching, Uuid::from_u128(u128::from(number)), &name),
            projections: all,
            partitions: 4,
            feeds: Arc::new(|_| None),
            positions: positions.clone(),
            heads,
            now: Arc::new(noon),
        });
        Process { name, runner, positions, stop }
    }

    pub(crate) async fn process(&self) -> Process {
        self.process_with(self.ledger.clone()).await
    }

    /// Names of the processes that hold the four leases, by partition; empty for a free one.
    pub(crate) async fn holders(&self) -> Vec<String> {
        let status = projections::status::read(self.database.owner()).await.unwrap();
        status.into_iter().map(|row| row.holder.unwrap_or_default()).collect()
    }

    /// The versions of one stream as the read model has seen them.
    pub(crate) async fn versions(&self, company_id: Uuid, stream_id: &str) -> Vec<i64> {
        sqlx::query_scalar("select versions from ledger_1.entries where company_id = $1 and stream_id = $2")
            .bind(company_id)
            .bind(stream_id)
            .fetch_optional(self.database.owner())
            .await
            .unwrap()
            .unwrap_or_default()
    }

    /// All events that the read model has counted.
    pub(crate) async fn counted(&self) -> i64 {
        sqlx::query_scalar("select coalesce(sum(events), 0)::bigint from ledger_1.sums")
            .fetch_one(self.database.owner())
            .await
            .unwrap()
    }

    /// Every stream is there from its first version on, in order and without a gap.
    pub(crate) async fn is_in_order(&self) -> bool {
        sqlx::query_scalar(
            "select coalesce(bool_and(versions = (select array_agg(n::bigint) from generate_series(1, cardinality(versions)) n)), true)
             from ledger_1.entries",
        )
        .fetch_one(self.database.owner())
        .await
        .unwrap()
    }

    pub(crate) fn projection(&self) -> Arc<dyn Projection> {
        self.ledger.clone()
    }

    /// One that stood still, and was replaced, goes on as one of two: what it had in its hand is refused, and what it is
    /// given from now on is folded once. Both are stopped in the end.
    pub(crate) async fn goes_on_with(&self, slow: Process, next: Process, counted: i64) {
        until("it is one of two", async || {
            self.holders().await.iter().filter(|holder| **holder == slow.name).count() == 2
        })
        .await;
        for partition in 0..4 {
            let head = self.append_many(partition, 20).await;
            slow.reaches(partition, head).await;
            next.reaches(partition, head).await;
        }
        assert_eq!(self.counted().await, counted);
        assert!(self.is_in_order().await);
        slow.stop().await;
        next.stop().await;
        assert!(self.verified().await.is_equal());
    }

    /// What a fresh fold shows.
    pub(crate) async fn verified(&self) -> projections::verify::Verification {
        projections::verify::verify(self.database.owner(), &self.projection()).await.unwrap()
    }
}

pub(crate) struct Process {
    pub(crate) name: String,
    runner: Runner,
    positions: Positions,
    stop: CancellationToken,
}

impl Process {
    pub(crate) async fn reaches(&self, partition: i16, position: i64) {
        self.positions.wait(&["ledger"], partition, position, PATIENCE).await.unwrap();
    }

    pub(crate) fn stands_at(&self, partition: i16) -> i64 {
        self.positions.at("ledger", partition)
    }

    pub(crate) async fn stop(self) {
        self.runner.stop().await;
        self.stop.cancel();
    }
}

/// A runtime of one thread: whoever blocks it stops everything in it, as `SIGSTOP` stops a process.
pub(crate) struct Apart(Option<Runtime>);

impl Apart {
    pub(crate) fn new() -> Self {
        Self(Some(Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()))
    }

    pub(crate) async fn process(&self, world: &Arc<World>, ledger: Arc<Ledger>) -> Process {
        let world = Arc::clone(world);
        self.0.as_ref().unwrap().spawn(async move { world.process_with(ledger).await }).await.unwrap()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Looks again and again until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    let begun = Instant::now();
    while !look().await {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn event(
    partition: i16,
    position: i64,
    version: i64,
    (company_id, stream_id, payload): Told<'_>,
) -> StoredEvent {
    StoredEvent {
        partition,
        position,
        company_id,
        stream_type: Arc::from("stock_item"),
        stream_id: Arc::from(stream_id),
        version,
        event_id: Uuid::from_u128(u128::from(position.unsigned_abs())),
        event_type: Arc::from("Received"),
        schema_version: 1,
        effective_at: noon(),
        recorded_at: noon(),
        payload: Arc::from(payload),
        metadata: Arc::from("{}"),
        meaning: Meaning::default(),
    }
}
