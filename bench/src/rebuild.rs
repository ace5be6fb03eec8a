//! Rebuilds of a grown log beside what the database and the peer can do at best, and beside people who go on working.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use cqrs_es::persist::QueryReplay;
use cqrs_es::{Aggregate, EventEnvelope, Query};
use domain::shared::event::Event;
use domain::stock::{StockEvent, StockItem};
use event_log::copy;
use futures::TryStreamExt;
use futures::future::BoxFuture;
use postgres_es::PostgresEventRepository;
use projections::compare::TableComparison;
use projections::projection::Projection;
use projections::rebuild::{Options, Progress, Rebuild, Stage, build, rebuild};
use projections::registry;
use sqlx::Connection as _;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bed::Bed;
use crate::grow::{Growth, PARTITIONS, grow};
use crate::http::Shop;
use crate::lists::{self, Latencies};
use crate::report::Report;

/// Facts about stock in the log.
const EVENTS: u64 = 2_000_000;
/// Times that each rebuild is measured, beside its baseline; the middle ratio counts.
const ROUNDS: usize = 3;
/// Requests a second of those who go on working.
const STEADY: u32 = 100;

/// Grows the log and measures everything.
pub(crate) async fn measure(bed: &Bed, seconds: Duration, report: &mut Report) -> anyhow::Result<()> {
    let took = grow(bed, Growth::alike(20, 2_500, EVENTS)).await?.took;
    report.add("facts decided and appended in batches of 1,000", rate(EVENTS, took));
    first_builds(bed, report).await?;
    let inventory = beside_copy_out(bed, report).await?;
    beside_copy_in(bed, report).await?;
    beside_query_replay(bed, inventory, report).await?;
    spoilt_rows(bed).await?;
    report.count("spoilt rows that the report names, of 3", 3);
    beside_people(bed, seconds, report).await
}

/// Read models that are new to a long log.
async fn first_builds(bed: &Bed, report: &mut Report) -> anyhow::Result<()> {
    for projection in projections::install::install(bed.database.owner(), &registry::all()).await? {
        let begun = Instant::now();
        let built = build(bed.database.owner(), &projection, Options::default()).await?;
        ensure!(built.switched, "{} was not built", built.projection);
        report.add(
            &format!("first build of {}, events", built.projection),
            rate(events(&built)?, begun.elapsed()),
        );
    }
    Ok(())
}

/// Inventory beside reading and decoding the same events over as many connections. Answers its events a second.
async fn beside_copy_out(bed: &Bed, report: &mut Report) -> anyhow::Result<f64> {
    let (mut rounds, mut stages) = (Vec::new(), Stages::new());
    for _ in 0..ROUNDS {
        bed.settle().await?;
        let baseline = copy_out(bed).await?;
        bed.settle().await?;
        let (rebuilt, took) = timed(bed, "inventory").await?;
        rounds.push((rebuilt / baseline, rebuilt, baseline));
        stages = took;
    }
    report_stages("inventory", &stages, report);
    let (ratio, rebuilt, baseline) = middle(rounds);
    report.add("binary COPY out and decode, events", baseline);
    report.add("rebuild of inventory, events", rebuilt);
    report.ratio("rebuild of inventory / COPY out and decode", ratio);
    Ok(rebuilt)
}

/// Movements beside copying their rows into an empty table with the same keys, and into one without any.
async fn beside_copy_in(bed: &Bed, report: &mut Report) -> anyhow::Result<()> {
    let (mut rounds, mut stages) = (Vec::new(), Stages::new());
    let mut bare = Vec::new();
    for _ in 0..ROUNDS {
        bed.settle().await?;
        let rows = copy_in(bed, "including all").await?;
        bed.settle().await?;
        bare.push(copy_in(bed, "").await?);
        bed.settle().await?;
        let (events, took) = timed(bed, "movements").await?;
        let rebuilt = events * rows_per_event(bed).await?;
        rounds.push((rebuilt / rows, rebuilt, rows));
        stages = took;
    }
    report_stages("movements", &stages, report);
    let (ratio, rebuilt, rows) = middle(rounds);
    bare.sort_by(f64::total_cmp);
    let bare = bare.get(ROUNDS / 2).copied().unwrap_or(f64::INFINITY);
    report.add("binary COPY in of movements, with their keys, rows", rows);
    report.add("binary COPY in of movements, no keys, rows", bare);
    report.add("rebuild of movements, rows", rebuilt);
    report.ratio("rebuild of movements / COPY in with keys", ratio);
    report.ratio("rebuild of movements / COPY in without keys", rebuilt / bare);
    Ok(())
}

/// A whole rebuild, the comparison and the switch included, in events a second, and how long each stage took. Nothing
/// may differ.
async fn timed(bed: &Bed, name: &str) -> anyhow::Result<(f64, Stages)> {
    let begun = Instant::now();
    let (progress, news) = watch::channel(Progress::default());
    let stages = tokio::spawn(stages(news));
    let options = Options { progress, ..Options::default() };
    let done = rebuild(bed.database.owner(), &registry::named(name)?, options).await?;
    let took = begun.elapsed();
    ensure!(done.switched && done.tables.iter().all(TableComparison::is_equal), "{name} differs: {done:?}");
    Ok((rate(events(&done)?, took), stages.await?))
}

/// Stages in their order, and how long each took.
type Stages = Vec<(Stage, Duration)>;

/// Watches a rebuild until its end.
async fn stages(mut news: watch::Receiver<Progress>) -> Stages {
    let mut stages = Stages::new();
    loop {
        let (stage, begun) = (news.borrow_and_update().stage, Instant::now());
        let turned = news.wait_for(|now| now.stage != stage).await.is_ok();
        stages.push((stage, begun.elapsed()));
        if !turned {
            return stages;
        }
    }
}

fn report_stages(name: &str, stages: &Stages, report: &mut Report) {
    for (stage, took) in stages.iter().filter(|(stage, _)| *stage != Stage::Done) {
        let name = format!("rebuild of {name}, {}", stage.name().replace('_', " "));
        report.millis(&name, took.as_secs_f64() * 1_000.0);
    }
}

fn events(done: &Rebuild) -> anyhow::Result<u64> {
    Ok(u64::try_from(done.positions.iter().map(|(_, position)| position).sum::<i64>())?)
}

fn rate(count: u64, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / took.as_secs_f64()
}

fn middle(mut rounds: Vec<(f64, f64, f64)>) -> (f64, f64, f64) {
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}

/// Events a second that are read by binary COPY and decoded, over as many connections as a rebuild has.
async fn copy_out(bed: &Bed) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let mut reading = JoinSet::new();
    let mut waiting = 0..PARTITIONS;
    let mut read = 0;
    loop {
        while reading.len() < Options::default().connections
            && let Some(partition) = waiting.next()
        {
            reading.spawn(copy_out_partition(bed.database.owner().clone(), partition));
        }
        match reading.join_next().await {
            Some(events) => read += events??,
            None => return Ok(rate(read, begun.elapsed())),
        }
    }
}

async fn copy_out_partition(pool: sqlx::PgPool, partition: i16) -> anyhow::Result<u64> {
    let mut events = copy::copy(&pool, partition, 0, i64::MAX).await?;
    let mut read = 0;
    while let Some(block) = events.next().await? {
        for event in &block {
            if &*event.stream_type == StockEvent::STREAM_TYPE {
                let fact = StockEvent::decode(&event.event_type, event.schema_version, &event.payload)?;
                std::hint::black_box(&fact);
            }
            read += 1;
        }
    }
    Ok(read)
}

/// Rows a second of a binary COPY of all movements into an empty table like theirs.
async fn copy_in(bed: &Bed, like: &str) -> anyhow::Result<f64> {
    let owner = bed.database.owner();
    let table = format!(
        "drop table if exists bench_movements;
         create table bench_movements (like movements_2.movements {like})"
    );
    sqlx::raw_sql(&table).execute(owner).await?;
    let mut connection = sqlx::PgConnection::connect(&bed.database.url()).await?;
    let out = "copy (select * from movements_2.movements order by company_id, position, leg) to stdout (format binary)";
    let bytes: Vec<_> = connection.copy_out_raw(out).await?.try_collect().await?;
    bed.settle().await?;
    let begun = Instant::now();
    let mut sink = connection.copy_in_raw("copy bench_movements from stdin (format binary)").await?;
    for chunk in bytes.chunks(256) {
        sink.send(chunk.concat()).await?;
    }
    let rows = sink.finish().await?;
    let took = begun.elapsed();
    sqlx::query("drop table bench_movements").execute(owner).await?;
    Ok(rate(rows, took))
}

async fn rows_per_event(bed: &Bed) -> anyhow::Result<f64> {
    let share = "select (select count(*) from movements_2.movements)::float8
                      / (select sum(position) from log.log_head)::float8";
    Ok(sqlx::query_scalar(share).fetch_one(bed.database.owner()).await?)
}

/// The peer: a replay of a quarter as many events into a query that does nothing.
async fn beside_query_replay(bed: &Bed, inventory: f64, report: &mut Report) -> anyhow::Result<()> {
    let owner = bed.database.owner();
    let events = format!(
        "drop table if exists public.events;
         create table public.events (
             aggregate_type text not null, aggregate_id text not null,
             sequence bigint check (sequence >= 0) not null, event_type text not null, event_version text not null,
             payload json not null, metadata json not null,
             primary key (aggregate_type, aggregate_id, sequence));
         insert into public.events
         select '{kind}', company_id || '/' || stream_id, version, event_type, '1.0',
                json_build_object('event_type', event_type, 'data', payload), metadata
         from log.events where stream_type = 'stock_item' and position <= {each};
         analyze public.events",
        kind = StockItem::TYPE,
        each = EVENTS / 4 / u64::try_from(PARTITIONS)?,
    );
    sqlx::raw_sql(&events).execute(owner).await?;
    let pool = PgPoolOptions::new().max_connections(2).connect(&bed.database.url()).await?;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        bed.settle().await?;
        let seen = Arc::new(AtomicU64::new(0));
        let repository = PostgresEventRepository::new(pool.clone());
        let replay = QueryReplay::<_, _, StockItem>::new(repository, Nothing(seen.clone()));
        let begun = Instant::now();
        replay.replay_all().await?;
        rates.push(rate(seen.load(Ordering::Relaxed), begun.elapsed()));
    }
    rates.sort_by(f64::total_cmp);
    let replayed = rates.get(ROUNDS / 2).copied().unwrap_or(f64::INFINITY);
    sqlx::query("drop table public.events").execute(owner).await?;
    report.add("postgres-es QueryReplay into nothing, events", replayed);
    report.ratio("rebuild of inventory / QueryReplay into nothing", inventory / replayed);
    Ok(())
}

/// A query that only counts.
struct Nothing(Arc<AtomicU64>);

impl Query<StockItem> for Nothing {
    fn dispatch<'s, 'i, 'e, 'f>(
        &'s self,
        _: &'i str,
        events: &'e [EventEnvelope<StockItem>],
    ) -> BoxFuture<'f, ()>
    where
        's: 'f,
        'i: 'f,
        'e: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            self.0.fetch_add(u64::try_from(events.len()).unwrap_or(0), Ordering::Relaxed);
        })
    }
}

/// Of three rows that are changed, removed and invented, exactly these are named; then they are mended.
async fn spoilt_rows(bed: &Bed) -> anyhow::Result<()> {
    let owner = bed.database.owner();
    let spoil = "update inventory_1.levels set on_hand = on_hand + 1 where ctid =
             (select ctid from inventory_1.levels order by company_id, item_key limit 1);
         delete from inventory_1.levels where ctid =
             (select ctid from inventory_1.levels order by company_id desc, item_key limit 1);
         insert into inventory_1.levels select company_id, 'invented', location_id, 1, 0, null, null, 1
             from inventory_1.levels limit 1";
    sqlx::raw_sql(spoil).execute(owner).await?;
    let inventory = registry::named("inventory")?;
    let diff_only = Options { diff_only: true, ..Options::default() };
    let told = rebuild(owner, &inventory, diff_only).await?;
    let named: usize = told.tables.iter().map(|table| table.examples.len()).sum();
    let levels = told.tables.iter().find(|table| table.table == "levels");
    let counted = levels.map(|table| (table.different, table.only_first, table.only_other));
    ensure!(named == 3 && counted == Some((1, 1, 1)), "spoilt rows are not told: {told:?}");
    rebuild(owner, &inventory, Options::default()).await?;
    Ok(())
}

/// Reads and commands at a steady rate, quiet and while one rebuild follows another.
async fn beside_people(bed: &Bed, seconds: Duration, report: &mut Report) -> anyhow::Result<()> {
    let shop = Shop::open(bed, "rebuild", 4_000).await?;
    shop.catch_up().await?;
    bed.settle().await?;
    let (quiet, _) = work(&shop, seconds).await?;
    report.millis("reads at 100/s beside commands at 100/s, quiet, p99", quiet.percentile(99));
    let (full, short) = (Some(u32::MAX), Duration::from_secs(20));
    // By itself a rebuild makes way; the measurement is long enough for one of each read model.
    for (name, max_rate, least) in [("at full speed", full, short), ("by itself", None, short * 4)] {
        let rebuilding = tokio::spawn(again_and_again(bed.database.owner().clone(), max_rate));
        let worked = work(&shop, seconds.max(least)).await;
        rebuilding.abort();
        let pauses = PAUSES.swap(0, Ordering::Relaxed);
        let count = REBUILDS.swap(0, Ordering::Relaxed);
        let (busy, visible) = worked?;
        report.millis(&format!("the same during rebuilds {name}, p99"), busy.percentile(99));
        report.ratio(
            &format!("p99 of reads during rebuilds {name} / quiet"),
            busy.percentile(99) / quiet.percentile(99),
        );
        report.millis(
            &format!("answer to read model during rebuilds {name}, longest"),
            visible.percentile(100),
        );
        report.count(&format!("switches meanwhile {name}"), count);
        report.count(&format!("longest pause of a switch {name}, ms"), pauses);
    }
    shop.stop().await;
    Ok(())
}

/// Switches, and the longest pause of one in milliseconds.
static REBUILDS: AtomicU64 = AtomicU64::new(0);
static PAUSES: AtomicU64 = AtomicU64::new(0);

async fn again_and_again(owner: sqlx::PgPool, max_rate: Option<u32>) -> anyhow::Result<()> {
    let all: Vec<Arc<dyn Projection>> = vec![registry::named("inventory")?, registry::named("movements")?];
    loop {
        for projection in &all {
            let options = Options { max_rate, ..Options::default() };
            match rebuild(&owner, projection, options).await {
                Ok(done) => {
                    REBUILDS.fetch_add(1, Ordering::Relaxed);
                    PAUSES.fetch_max(done.pause_ms.unwrap_or(0), Ordering::Relaxed);
                }
                // The one before was stopped a moment ago.
                Err(projections::projection::ProjectionError::UnderWay(_)) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Reads and commands side by side; a request that fails ends the measurement. Answers the reads' latencies, and how
/// long after its answer a command was visible in the read models.
async fn work(shop: &Shop, seconds: Duration) -> anyhow::Result<(Latencies, Latencies)> {
    tokio::try_join!(
        lists::steady(shop, lists::pages("/inventory", lists::INVENTORY), STEADY, seconds),
        lists::lag(shop, 4_000, f64::from(STEADY), seconds)
    )
}
