//! A log to write to, a broker, and relays between them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use commands::clock::{Clock, Ids};
use connectors::board::{Standing, State};
use connectors::follow::{Follow, no_feeds};
use connectors::kafka::testing::TestBroker;
use connectors::kafka::{self, KafkaConfig, RelayParts};
use connectors::outlet::{Outlet, OutletParts};
use event_log::append::{Appended, Batch, append, head};
use event_log::event::{Meaning, StoredEvent, partition_of};
use migrations::testing::{TestDatabase, fresh_database};
use migrations::{Database, Role};
use projections::heads::Heads;
use projections::lease::Leases;
use projections::runner::{Block, Feeds};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Partitions of the log.
pub(crate) const PARTITIONS: i16 = 4;
/// How long leases last here; after a kill nobody relays for about so long.
pub(crate) const LEASE: Duration = Duration::from_secs(1);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A log with its broker and topic.
pub(crate) struct Bed {
    pub(crate) database: TestDatabase,
    pub(crate) broker: TestBroker,
    pub(crate) kafka: KafkaConfig,
    feeds: Vec<broadcast::Sender<Block>>,
    written: AtomicI64,
    /// Events of each stream so far, by partition and number.
    versions: Mutex<HashMap<(i16, i64), i64>>,
}

impl Bed {
    /// With so many Kafka partitions for each of the log's.
    pub(crate) async fn with_spread(spread: u16) -> Self {
        let broker = TestBroker::start().unwrap();
        let topic = format!("test.{}", Ids.next());
        let kafka = KafkaConfig { topic, spread, ..KafkaConfig::new(broker.servers()) };
        broker.create_topic(&kafka.topic, kafka.layout(PARTITIONS).kafka_partitions());
        let feeds = (0..PARTITIONS).map(|_| broadcast::channel(64).0).collect();
        Self {
            database: fresh_database().await,
            broker,
            kafka,
            feeds,
            written: AtomicI64::new(0),
            versions: Mutex::default(),
        }
    }

    pub(crate) async fn new() -> Self {
        Self::with_spread(1).await
    }

    /// Appends `count` events to a partition, of streams chosen by `stream`, and publishes them like a committer.
    pub(crate) async fn write(&self, partition: i16, count: i64, stream: impl Fn(i64) -> i64) {
        let mut conn = self.database.owner().acquire().await.unwrap();
        let expected = head(&mut conn, partition).await.unwrap();
        let first = expected.position + 1;
        let events: Vec<_> = (first..first + count)
            .map(|position| {
                let stream = stream(position);
                let mut versions = self.versions.lock().unwrap();
                let version = versions.entry((partition, stream)).or_default();
                *version += 1;
                event(partition, position, stream, *version)
            })
            .collect();
        let batch =
            Batch { partition, expected, events: events.clone(), keys: Vec::new(), recorded_at: noon() };
        assert!(matches!(append(&mut conn, &batch).await.unwrap(), Appended::Done(_)));
        self.written.fetch_add(count, Ordering::Relaxed);
        let _nobody = self.feeds[usize::try_from(partition).unwrap()].send(Block::from(events));
    }

    /// Appends to every partition, over 50 streams each.
    pub(crate) async fn write_everywhere(&self, count: i64) {
        for partition in 0..PARTITIONS {
            self.write(partition, count, |position| position % 50).await;
        }
    }

    /// Events written so far.
    pub(crate) fn written(&self) -> i64 {
        self.written.load(Ordering::Relaxed)
    }

    /// What an outlet works with; it learns of events from the log.
    pub(crate) async fn outlet(&self) -> (OutletParts, CancellationToken) {
        outlet(&self.database, no_feeds()).await
    }

    /// A relay that learns of events from the log.
    pub(crate) async fn relay(&self) -> Running {
        Running::start(&self.database, &self.kafka, no_feeds()).await
    }

    /// A relay that gets live blocks.
    pub(crate) async fn live_relay(&self) -> Running {
        let feeds = self.feeds.clone();
        let feeds: Feeds =
            Arc::new(move |partition| Some(feeds.get(usize::try_from(partition).ok()?)?.subscribe()));
        Running::start(&self.database, &self.kafka, feeds).await
    }

    /// Waits until every partition is relayed to its end.
    pub(crate) async fn relayed(&self, running: &Running) {
        let mut conn = self.database.owner().acquire().await.unwrap();
        for partition in 0..PARTITIONS {
            let head = head(&mut conn, partition).await.unwrap().position;
            running.until(partition, |standing| standing.position.is_some_and(|at| at >= head)).await;
        }
    }

    pub(crate) async fn end(self) {
        self.broker.remove_topic(&self.kafka.topic).await;
    }
}

/// A relay with what it needs around it.
pub(crate) struct Running {
    pub(crate) relay: Outlet,
    stop: CancellationToken,
}

impl Running {
    pub(crate) async fn start(database: &Database, kafka: &KafkaConfig, feeds: Feeds) -> Self {
        let (outlet, stop) = outlet(database, feeds).await;
        let relay = kafka::start(RelayParts { kafka: kafka.clone(), outlet });
        Self { relay, stop }
    }

    /// Waits until the relay of a partition stands as asked.
    pub(crate) async fn until(&self, partition: i16, stands: impl Fn(&Standing) -> bool) -> Standing {
        let board = self.relay.board();
        until(&format!("partition {partition}"), || board.at(partition).filter(|standing| stands(standing)))
            .await
    }

    /// Waits until the relay of a partition says why it waits.
    pub(crate) async fn until_it_waits(&self, partition: i16, why: &str) {
        let waits = |standing: &Standing| {
            standing.state == State::Waiting
                && standing.detail.as_deref().is_some_and(|detail| detail.contains(why))
        };
        self.until(partition, waits).await;
    }

    /// Ends in order.
    pub(crate) async fn stop(self) {
        self.relay.stop().await;
        self.stop.cancel();
    }

    /// Ends as by a crash.
    pub(crate) fn kill(self) {
        self.stop.cancel();
        drop(self.relay);
    }
}

/// What an outlet works with, and how to end what runs beside it.
async fn outlet(database: &Database, feeds: Feeds) -> (OutletParts, CancellationToken) {
    let pool = database.pool(Role::Projector, 8).await.unwrap();
    let (heads, stop) = (Heads::new(PARTITIONS), CancellationToken::new());
    tokio::spawn(heads.clone().follow(pool.clone(), Duration::from_millis(10), stop.clone()));
    let clock = Clock::system();
    let outlet = OutletParts {
        follow: Follow { pool: pool.clone(), feeds, heads },
        leases: Leases::new(pool.clone(), Ids.next(), "test"),
        pool,
        lease_time: LEASE,
        partitions: PARTITIONS,
        now: Arc::new(move || clock.now()),
    };
    (outlet, stop)
}

/// Looks again and again until there is something to see.
pub(crate) async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00.123456Z".parse().unwrap()
}

/// A company of the partition.
pub(crate) fn company_of(partition: i16) -> Uuid {
    (0..1_000_u128)
        .map(|n| Uuid::from_u128(0x0191_0000_0000_7000_8000_0000_0000_0000 + (n << 80)))
        .find(|id| partition_of(*id, PARTITIONS) == partition)
        .unwrap()
}

/// The event at a position.
pub(crate) fn event(partition: i16, position: i64, stream: i64, version: i64) -> StoredEvent {
    StoredEvent {
        partition,
        position,
        company_id: company_of(partition),
        stream_type: Arc::from("stock_item"),
        stream_id: Arc::from(format!("чай {stream}")),
        version,
        event_id: Uuid::from_u128(
            (u128::from(partition.unsigned_abs()) << 64) | u128::from(position.unsigned_abs()),
        ),
        event_type: Arc::from("StockReceived"),
        schema_version: 1,
        effective_at: noon(),
        recorded_at: noon(),
        payload: Arc::from(format!("{{\"item\" : \"Чай №{stream}\",  \"quantity\":{position}}}")),
        metadata: Arc::from("{\"actor\":\"system:test\"}"),
        meaning: Meaning::default(),
    }
}
