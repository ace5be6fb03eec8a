//! The runner: every event counts once, whatever happens around it; and folding again gives the same tables.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::append::{Appended, Batch, append, head};
use event_log::archive::Archive;
use event_log::event::StoredEvent;
use futures::future::BoxFuture;
use migrations::Role;
use migrations::testing::{TestDatabase, fresh_database};
use projections::heads::{Heads, partitions};
use projections::lease::Leases;
use projections::positions::Positions;
use projections::projection::{Projection, ProjectionError};
use projections::rebuild::Options;
use projections::runner::{Block, Feeds, Runner, RunnerConfig};
use projections::{install, rebuild, tenant, verify};
use sqlx::{PgConnection, PgPool};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(20);
const HERS: Uuid = Uuid::from_u128(1);
const HIS: Uuid = Uuid::from_u128(2);

/// Counts the events of every stream. Fails as often as it is told.
#[derive(Default)]
struct Tally {
    failures: AtomicUsize,
}

impl Projection for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn version(&self) -> i32 {
        1
    }

    fn stream_types(&self) -> &'static [&'static str] {
        &["stock_item"]
    }

    fn ddl(&self) -> &'static str {
        "create table counts (
             company_id uuid not null, stream_id text not null, events bigint not null,
             primary key (company_id, stream_id)
         );"
    }

    fn apply<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        block: &'a [StoredEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let companies: Vec<Uuid> = block.iter().map(|event| event.company_id).collect();
            let streams: Vec<&str> = block.iter().map(|event| event.stream_id.as_ref()).collect();
            sqlx::query(
                "insert into counts (company_id, stream_id, events)
                 select company_id, stream_id, count(*)
                 from unnest($1::uuid[], $2::text[]) as told (company_id, stream_id)
                 group by company_id, stream_id
                 on conflict (company_id, stream_id) do update set events = counts.events + excluded.events",
            )
            .bind(companies)
            .bind(streams)
            .execute(conn)
            .await?;
            let fails =
                self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            match fails {
                Ok(_) => Err(ProjectionError::Unknown("a failure of the test".to_owned())),
                Err(_) => Ok(()),
            }
        })
    }
}

struct Bench {
    database: TestDatabase,
    committing: PgPool,
    tally: Arc<Tally>,
    partitions: i16,
    started: AtomicU64,
}

impl Bench {
    async fn new() -> Self {
        let database = fresh_database().await;
        let tally = Arc::new(Tally::default());
        let all: Vec<Arc<dyn Projection>> = vec![tally.clone()];
        install::install(database.owner(), &all).await.unwrap();
        let committing = database.pool(Role::Committer, 2).await.unwrap();
        let partitions = partitions(database.owner()).await.unwrap();
        Self { database, committing, tally, partitions, started: AtomicU64::default() }
    }

    /// Appends `count` events, of both companies by turns, every fifth of a stream that is not counted.
    async fn append(&self, count: i64) -> Block {
        let mut conn = self.committing.acquire().await.unwrap();
        let expected = head(&mut conn, 0).await.unwrap();
        let events: Vec<StoredEvent> =
            (expected.position + 1..=expected.position + count).map(event).collect();
        let block = Block::from(events.clone());
        let batch = Batch { partition: 0, expected, events, keys: Vec::new(), recorded_at: noon() };
        match append(&mut conn, &batch).await.unwrap() {
            Appended::Done(_) => block,
            other => panic!("not appended: {other:?}"),
        }
    }

    async fn start(&self, feeds: Feeds) -> (Runner, Positions) {
        let all: Vec<Arc<dyn Projection>> = vec![self.tally.clone()];
        let positions = Positions::new(&all, self.partitions);
        let heads = Heads::new(self.partitions);
        let pool = self.database.pool(Role::Projector, 4).await.unwrap();
        tokio::spawn(heads.clone().follow(pool.clone(), Duration::from_millis(5), CancellationToken::new()));
        tokio::spawn(positions.clone().follow(pool.clone(), CancellationToken::new()));
        let holder = Uuid::from_u128(u128::from(self.started.fetch_add(1, Ordering::SeqCst)));
        let runner = Runner::start(RunnerConfig {
            leases: Leases::new(pool.clone(), holder, "test"),
            pool,
            projections: all,
            partitions: self.partitions,
            feeds,
            positions: positions.clone(),
            heads,
            now: Arc::new(noon),
        });
        (runner, positions)
    }

    fn projection(&self) -> Arc<dyn Projection> {
        self.tally.clone()
    }

    async fn counted(&self) -> i64 {
        sqlx::query_scalar("select coalesce(sum(events), 0)::bigint from tally_1.counts")
            .fetch_one(self.database.owner())
            .await
            .unwrap()
    }
}

fn diff_only() -> Options {
    Options { diff_only: true, ..Options::default() }
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn event(position: i64) -> StoredEvent {
    let counted = position % 5 != 0;
    StoredEvent {
        partition: 0,
        position,
        company_id: if position % 2 == 0 { HERS } else { HIS },
        stream_type: Arc::from(if counted { "stock_item" } else { "product" }),
        stream_id: Arc::from(format!("item-{}", position % 7)),
        version: position,
        event_id: Uuid::from_u128(u128::from(position.unsigned_abs())),
        event_type: Arc::from("Received"),
        schema_version: 1,
        effective_at: noon(),
        recorded_at: noon(),
        payload: Arc::from("{}"),
        metadata: Arc::from("{}"),
        meaning: event_log::event::Meaning::default(),
    }
}

fn no_feed() -> Feeds {
    Arc::new(|_| None)
}

#[tokio::test]
async fn two_processes_with_the_same_projection_count_every_event_once() {
    let bench = Bench::new().await;
    let (one, positions) = bench.start(no_feed()).await;
    let (other, others) = bench.start(no_feed()).await;
    for _ in 0..30 {
        bench.append(10).await;
    }
    positions.wait(&["tally"], 0, 300, PATIENCE).await.unwrap();
    others.wait(&["tally"], 0, 300, PATIENCE).await.unwrap();
    assert_eq!(bench.counted().await, 240);
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn lost_and_late_live_blocks_are_read_from_the_log() {
    let bench = Bench::new().await;
    let (sender, _) = broadcast::channel::<Block>(2);
    let feed = sender.clone();
    let (runner, positions) = bench.start(Arc::new(move |_| Some(feed.subscribe()))).await;
    for number in 0..40 {
        let block = bench.append(5).await;
        if number % 3 != 0 {
            let _nobody_yet = sender.send(block);
        }
    }
    positions.wait(&["tally"], 0, 200, PATIENCE).await.unwrap();
    assert_eq!(bench.counted().await, 160);
    runner.stop().await;
}

#[tokio::test]
async fn a_fold_that_fails_is_tried_again_and_nothing_is_skipped_or_doubled() {
    let bench = Bench::new().await;
    bench.tally.failures.store(3, Ordering::SeqCst);
    bench.append(50).await;
    let (runner, positions) = bench.start(no_feed()).await;
    positions.wait(&["tally"], 0, 50, PATIENCE).await.unwrap();
    assert_eq!(bench.counted().await, 40);
    runner.stop().await;
}

#[tokio::test]
async fn a_restarted_runner_goes_on_at_its_checkpoint() {
    let bench = Bench::new().await;
    bench.append(50).await;
    let (runner, positions) = bench.start(no_feed()).await;
    positions.wait(&["tally"], 0, 50, PATIENCE).await.unwrap();
    runner.stop().await;
    bench.append(50).await;
    let (runner, positions) = bench.start(no_feed()).await;
    positions.wait(&["tally"], 0, 100, PATIENCE).await.unwrap();
    assert_eq!(bench.counted().await, 80);
    runner.stop().await;
}

#[tokio::test]
async fn a_reader_gets_a_clear_answer_when_the_model_is_late() {
    let bench = Bench::new().await;
    let (runner, positions) = bench.start(no_feed()).await;
    let late = positions.wait(&["tally"], 0, 1, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!((late.projection, late.wanted), ("tally", 1));
    runner.stop().await;
}

#[tokio::test]
async fn a_fresh_fold_equals_the_live_tables_and_names_an_edited_row() {
    let bench = Bench::new().await;
    bench.append(100).await;
    let (runner, positions) = bench.start(no_feed()).await;
    positions.wait(&["tally"], 0, 100, PATIENCE).await.unwrap();
    runner.stop().await;
    let owner = bench.database.owner();
    let verified = verify::verify(owner, &bench.projection()).await.unwrap();
    assert!(verified.is_equal(), "{verified:?}");
    let rows = verified.tables.first().unwrap().rows;
    assert!(rows > 0);

    sqlx::query(
        "update tally_1.counts set events = events + 1 where company_id = $1 and stream_id = 'item-3'",
    )
    .bind(HERS)
    .execute(owner)
    .await
    .unwrap();
    let verified = verify::verify(owner, &bench.projection()).await.unwrap();
    let table = verified.tables.first().unwrap();
    assert_eq!((table.different, table.only_first, table.only_other), (1, 0, 0));
    let [difference] = &table.examples[..] else { panic!("{table:?}") };
    assert_eq!(difference.key, format!("{HERS} | item-3"));
    let [column] = &difference.columns[..] else { panic!("{table:?}") };
    assert_eq!(column.column, "events");
    let (first, other): (i64, i64) =
        (column.first.as_ref().unwrap().parse().unwrap(), column.other.as_ref().unwrap().parse().unwrap());
    assert_eq!(first, other + 1, "both values are told");
}

#[tokio::test]
async fn a_rebuild_mends_the_tables_while_the_runner_works() {
    let bench = Bench::new().await;
    bench.append(100).await;
    let (runner, positions) = bench.start(no_feed()).await;
    positions.wait(&["tally"], 0, 100, PATIENCE).await.unwrap();
    let owner = bench.database.owner();
    sqlx::query("delete from tally_1.counts where stream_id = 'item-3'").execute(owner).await.unwrap();

    let shown = rebuild::rebuild(owner, &bench.projection(), diff_only()).await.unwrap();
    assert!(!shown.switched);
    assert_eq!(shown.tables.first().unwrap().only_other, 2);
    let rebuilt = rebuild::rebuild(owner, &bench.projection(), Options::default()).await.unwrap();
    assert!(rebuilt.switched);

    bench.append(50).await;
    positions.wait(&["tally"], 0, 150, PATIENCE).await.unwrap();
    assert_eq!(bench.counted().await, 120);
    assert!(verify::verify(owner, &bench.projection()).await.unwrap().is_equal());
    runner.stop().await;
    assert!(rebuild::rollback(owner, &bench.projection(), &Archive::default()).await.unwrap());
    assert!(bench.counted().await < 120);
}

#[tokio::test]
async fn the_api_role_sees_one_company_and_none_without_one() {
    let bench = Bench::new().await;
    bench.append(20).await;
    let (runner, positions) = bench.start(no_feed()).await;
    positions.wait(&["tally"], 0, 20, PATIENCE).await.unwrap();
    runner.stop().await;
    let reads = bench.database.pool(Role::Api, 2).await.unwrap();
    let mut tx = tenant::begin(&reads, HERS).await.unwrap();
    let companies: Vec<Uuid> = sqlx::query_scalar("select distinct company_id from tally_1.counts")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    assert_eq!(companies, [HERS]);
    drop(tx);
    let none: i64 =
        sqlx::query_scalar("select count(*) from tally_1.counts").fetch_one(&reads).await.unwrap();
    assert_eq!(none, 0);
}
