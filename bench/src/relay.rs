//! The relay beside the committer whose events it relays, through librdkafka's built-in broker in this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use commands::clock::{Clock, Ids};
use commands::{Committers, Operation, Submission, Verdict};
use connectors::follow::Follow;
use connectors::kafka::message::Place;
use connectors::kafka::testing::TestBroker;
use connectors::kafka::{self, KafkaConfig, RelayParts};
use connectors::outlet::{Outlet, OutletParts};
use domain::shared::ids::{CompanyId, ItemId};
use domain::stock::StockIntent;
use domain::stock::command::Human;
use event_log::append::head;
use migrations::Role;
use projections::heads::Heads;
use projections::lease::{LEASE_TIME, Leases};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::bed::{self, Bed};
use crate::report::Report;

const PARTITIONS: i16 = 4;
/// Callers of the committer at once.
const CALLERS: usize = 512;
/// Products of each company.
const ITEMS: usize = 10_000;

/// Backlog, latency and what a broker that is away costs.
pub(crate) async fn measure(
    bed: &Bed,
    backlog: usize,
    seconds: Duration,
    away: Duration,
    report: &mut Report,
) -> anyhow::Result<()> {
    let broker = TestBroker::built_in()?;
    let config = KafkaConfig::new(broker.servers());
    broker.create_topic(&config.topic, i32::from(PARTITIONS));
    let shops = Shops::open(bed).await?;

    let begun = Instant::now();
    shops.receive(backlog).await?;
    let committed = rate(backlog, begun);
    report.add("our committer, 512 callers, 4 companies, for the relay's backlog", committed);

    let relay = Relay::start(bed, &config, &shops.committers).await?;
    let (begun, events) = (Instant::now(), relay.catch_up(bed).await?);
    let relayed = rate(events, begun);
    anyhow::ensure!(messages(&config)? == events, "the topic does not hold every event once");
    report.add(&format!("relay from a backlog of {events} events"), relayed);
    report.ratio("relay from a backlog / committer", relayed / committed);

    let latency = latency_at(&config, &shops, committed / 2.0, seconds).await?;
    report.millis("commit to broker at half rate, p50", latency.0);
    report.millis("commit to broker at half rate, p99", latency.1);
    relay.catch_up(bed).await?;

    let present = shops.hammer(seconds).await?;
    relay.catch_up(bed).await?;
    broker.down();
    let absent = shops.hammer(away).await?;
    broker.up();
    let begun = Instant::now();
    let events = relay.catch_up(bed).await?;
    report.add("commands beside the relay", present);
    report.add("commands while the broker is away", absent);
    report.ratio("commands without / with the broker", absent / present);
    report.millis("until the relay had caught up again", begun.elapsed().as_secs_f64() * 1_000.0);
    anyhow::ensure!(messages(&config)? == events, "the topic does not hold every event once");
    relay.outlet.stop().await;
    relay.stop.cancel();
    shops.committers.stop().await;
    Ok(())
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a rate is a float")]
fn rate(count: usize, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}

/// A company on each partition.
struct Shops {
    committers: Committers,
    companies: Arc<[CompanyId]>,
    items: Arc<[ItemId]>,
    /// When commands were known to be committed, by partition and position; kept while it is asked for.
    commits: Arc<Mutex<Option<Commits>>>,
}

type Commits = HashMap<(i32, i64), Instant>;

impl Shops {
    async fn open(bed: &Bed) -> anyhow::Result<Self> {
        let committers = bed.committers().await?;
        let mut companies = Vec::new();
        for partition in 0..PARTITIONS {
            companies.push(bed::found(&committers, partition, ITEMS).await?);
        }
        let items = (0..ITEMS).map(bed::item).collect::<anyhow::Result<Vec<_>>>()?;
        bed.settle().await?;
        Ok(Self { committers, companies: companies.into(), items: items.into(), commits: Arc::default() })
    }

    /// Receives `count` deliveries, as fast as it goes.
    async fn receive(&self, count: usize) -> anyhow::Result<()> {
        let left = Arc::new(AtomicUsize::new(count));
        let callers = (0..CALLERS).map(|_| {
            let (one, left) = (self.one(), Arc::clone(&left));
            tokio::spawn(async move {
                let take = |left: usize| left.checked_sub(1);
                while let Ok(n) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
                    one(u64::try_from(n)?).await?;
                }
                anyhow::Ok(())
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await??;
        }
        Ok(())
    }

    async fn hammer(&self, seconds: Duration) -> anyhow::Result<f64> {
        let one = self.one();
        let tally = bed::hammer(CALLERS, seconds, move |n| {
            let received = one(n);
            async move { received.await.map(|()| true) }
        })
        .await?;
        Ok(tally.done)
    }

    /// Receives deliveries at a steady rate.
    async fn steady(&self, per_second: f64, seconds: Duration) -> anyhow::Result<()> {
        let callers = u32::try_from(CALLERS)?;
        let period = Duration::from_secs_f64(f64::from(callers) / per_second);
        let deadline = Instant::now() + seconds;
        let tasks = (0..callers).map(|caller| {
            let one = self.one();
            tokio::spawn(async move {
                let first = Instant::now() + period * caller / callers;
                let mut ticks = tokio::time::interval_at(first, period);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
                let mut n = u64::from(caller) << 40;
                while Instant::now() < deadline {
                    ticks.tick().await;
                    one(n).await?;
                    n += 1;
                }
                anyhow::Ok(())
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await??;
        }
        Ok(())
    }

    /// One delivery, chosen by a number.
    fn one(
        &self,
    ) -> impl Fn(u64) -> futures::future::BoxFuture<'static, anyhow::Result<()>> + Send + Sync + 'static {
        let (committers, companies) = (self.committers.clone(), Arc::clone(&self.companies));
        let (items, commits) = (Arc::clone(&self.items), Arc::clone(&self.commits));
        move |n| {
            let random = bed::scatter(n);
            let pick = |length: usize, bits: u64| {
                usize::try_from(bits % u64::try_from(length).unwrap_or(1)).unwrap_or(0)
            };
            let partition = pick(companies.len(), random >> 48);
            let company = companies.get(partition).copied();
            let item = items.get(pick(items.len(), random & 0xffff_ffff)).cloned();
            let (committers, commits) = (committers.clone(), Arc::clone(&commits));
            Box::pin(async move {
                let intent = StockIntent::Receive {
                    location_id: bed::main_location()?,
                    quantity: 5,
                    reference: Some("D-1".into()),
                    human: Human::default(),
                };
                let submission = Submission {
                    company_id: company.context("no company")?,
                    metadata: bed::metadata(),
                    request_key: None,
                    operations: vec![Operation::Stock { item: item.context("no item")?, intent }],
                };
                let receipt = committers.submit(submission).await?;
                anyhow::ensure!(matches!(receipt.verdicts.first(), Some(Verdict::Accepted(_))), "refused");
                if let Some(commits) = lock(&commits).as_mut() {
                    commits.insert((i32::try_from(partition)?, receipt.position), Instant::now());
                }
                Ok(())
            })
        }
    }
}

/// A running relay.
struct Relay {
    outlet: Outlet,
    stop: CancellationToken,
}

impl Relay {
    async fn start(bed: &Bed, config: &KafkaConfig, committers: &Committers) -> anyhow::Result<Self> {
        let pool = bed.database.pool(Role::Projector, 8).await?;
        let (heads, stop) = (Heads::new(PARTITIONS), CancellationToken::new());
        heads.read(&pool).await?;
        tokio::spawn(heads.clone().follow(pool.clone(), Duration::from_millis(100), stop.clone()));
        let (committers, clock) = (committers.clone(), Clock::system());
        let outlet = OutletParts {
            follow: Follow {
                pool: pool.clone(),
                feeds: Arc::new(move |partition| committers.feed(partition)),
                heads,
            },
            leases: Leases::new(bed.database.pool(Role::Projector, 1).await?, Ids.next(), "bench"),
            pool,
            lease_time: LEASE_TIME,
            partitions: PARTITIONS,
            now: Arc::new(move || clock.now()),
        };
        let outlet = kafka::start(RelayParts { kafka: config.clone(), outlet });
        Ok(Self { outlet, stop })
    }

    /// Waits until all that is in the log now is relayed; answers how many events that are.
    async fn catch_up(&self, bed: &Bed) -> anyhow::Result<usize> {
        let (board, mut events) = (self.outlet.board(), 0);
        let mut conn = bed.database.owner().acquire().await?;
        for partition in 0..PARTITIONS {
            let head = head(&mut conn, partition).await?.position;
            let reached = || board.at(partition).and_then(|standing| standing.position);
            while reached().is_none_or(|position| position < head) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            events += usize::try_from(head)?;
        }
        Ok(events)
    }
}

/// Messages of the topic, also those that the built-in broker has dropped since.
fn messages(config: &KafkaConfig) -> anyhow::Result<usize> {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &config.brokers).create()?;
    let mut messages = 0;
    for partition in 0..i32::from(PARTITIONS) {
        messages += consumer.fetch_watermarks(&config.topic, partition, Duration::from_secs(10))?.1;
    }
    Ok(usize::try_from(messages)?)
}

/// Milliseconds from the committer's word that an event is committed to its arrival at a consumer, p50 and p99: a bit
/// more than from commit to broker.
async fn latency_at(
    config: &KafkaConfig,
    shops: &Shops,
    per_second: f64,
    seconds: Duration,
) -> anyhow::Result<(f64, f64)> {
    let over = Arc::new(AtomicBool::new(false));
    let (told, consumer) = (Arc::clone(&over), at_the_end(config)?);
    let consumer = tokio::task::spawn_blocking(move || arrivals(&consumer, &told));
    *lock(&shops.commits) = Some(HashMap::new());
    shops.steady(per_second, seconds).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    over.store(true, Ordering::Relaxed);
    let (arrived, commits) = (consumer.await??, lock(&shops.commits).take().unwrap_or_default());
    let late = |(place, at): &((i32, i64), Instant)| Some(at.saturating_duration_since(*commits.get(place)?));
    let mut late: Vec<Duration> = arrived.iter().filter_map(late).collect();
    anyhow::ensure!(late.len() == commits.len(), "{} of {} arrived", late.len(), commits.len());
    late.sort_unstable();
    let at = |percent: usize| {
        let found = late.get(late.len() * percent / 100).context("nothing arrived")?;
        anyhow::Ok(found.as_secs_f64() * 1_000.0)
    };
    Ok((at(50)?, at(99)?))
}

/// A consumer of what comes from now on.
fn at_the_end(config: &KafkaConfig) -> anyhow::Result<BaseConsumer> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &config.brokers)
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "10")
        .create()?;
    let mut ends = TopicPartitionList::new();
    for partition in 0..i32::from(PARTITIONS) {
        let (_, end) = consumer.fetch_watermarks(&config.topic, partition, Duration::from_secs(10))?;
        ends.add_partition_offset(&config.topic, partition, Offset::Offset(end))?;
    }
    consumer.assign(&ends)?;
    Ok(consumer)
}

/// Where each message stands, and when it came.
fn arrivals(consumer: &BaseConsumer, over: &AtomicBool) -> anyhow::Result<Vec<((i32, i64), Instant)>> {
    let mut arrived = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let Some(message) = consumer.poll(Duration::from_millis(20)) else { continue };
        let message = message?;
        let place = message.headers().and_then(Place::read).context("a message without a place")?;
        arrived.push(((message.partition(), place.position), Instant::now()));
    }
    Ok(arrived)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
