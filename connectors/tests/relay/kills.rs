//! The relay dies at any moment, and the next one goes on with neither gap nor repeat.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use connectors::board::State;
use connectors::kafka::KafkaConfig;
use connectors::kafka::sequence::{Order, Sequence};
use migrations::{Database, Source};
use serde_json::json;

use crate::consumer::{complete, everything};
use crate::support::{Bed, PARTITIONS, Running, until};

/// Tells this test's own binary that it is to be the process that dies.
const CHILD: &str = "STOCKTRAIL_RELAY_CHILD";

fn kills() -> usize {
    std::env::var("STOCKTRAIL_RELAY_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

/// Different in each round, and never twice at the same moment.
fn moment(round: usize) -> Duration {
    Duration::from_millis(u64::try_from(round * 7 % 60).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_cut_off_again_and_again_leaves_no_trace() {
    let bed = Bed::with_spread(2).await;
    for round in 0..kills() {
        let running = bed.live_relay().await;
        let begun = |partition| running.until(partition, |standing| standing.state == State::Relaying);
        futures::future::join_all((0..PARTITIONS).map(begun)).await;
        for count in [40, 1, 90] {
            bed.write_everywhere(count).await;
        }
        tokio::time::sleep(moment(round)).await;
        running.kill();
        bed.write_everywhere(20).await;
    }
    let running = bed.relay().await;
    bed.relayed(&running).await;
    running.stop().await;
    complete(&bed.kafka, bed.written()).await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_again_and_again_leaves_no_trace() {
    let bed = Bed::new().await;
    let mut child = Process::start(&bed);
    for round in 0..kills() {
        let before = everything(&bed.kafka).await.len();
        bed.write_everywhere(150).await;
        // It is at work: some have come, not all.
        let kafka = bed.kafka.clone();
        until("messages come", || {
            (std::thread::scope(|scope| scope.spawn(|| count(&kafka)).join().unwrap()) > before).then_some(())
        })
        .await;
        bed.write_everywhere(150).await;
        tokio::time::sleep(moment(round)).await;
        child.kill();
        child = Process::start(&bed);
    }
    let running = bed.relay().await;
    bed.relayed_by_anyone().await;
    running.stop().await;
    child.kill();
    complete(&bed.kafka, bed.written()).await;
    bed.end().await;
}

/// Whoever stands still in the moment of sending sends that one request when it goes on, behind its successor's: a repeat,
/// which a consumer passes over. It is never more than that, and never a gap.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stands_still_longer_than_its_lease_makes_no_gap() {
    let bed = Bed::new().await;
    for round in 0..kills().min(10) {
        let mut child = Process::start(&bed);
        bed.write_everywhere(150).await;
        bed.relayed_by_anyone().await;
        bed.write_everywhere(150).await;
        tokio::time::sleep(moment(round)).await;
        child.signal("STOP");
        let running = bed.relay().await;
        bed.write_everywhere(150).await;
        bed.relayed(&running).await;
        child.signal("CONT");
        // It finds out that others have its leases, and has them again when they are gone.
        running.stop().await;
        bed.write_everywhere(20).await;
        bed.relayed_by_anyone().await;
        child.kill();
    }
    let running = bed.relay().await;
    bed.relayed(&running).await;
    running.stop().await;
    let mut sequences = HashMap::new();
    for message in everything(&bed.kafka).await {
        let sequence = sequences.entry(message.kafka_partition).or_insert_with(Sequence::from_the_start);
        let order = sequence.take(&message.place);
        assert!(matches!(order, Order::Next | Order::Repeat), "{order:?} at {message:?}");
    }
    let reached: i64 = sequences.values().filter_map(Sequence::position).sum();
    assert_eq!(reached, bed.written(), "every position of every partition");
    bed.end().await;
}

impl Bed {
    /// Waits until the topic has as many messages as there are events.
    async fn relayed_by_anyone(&self) {
        let (kafka, written) = (self.kafka.clone(), usize::try_from(self.written()).unwrap());
        until("everything is relayed", || {
            let count = std::thread::scope(|scope| scope.spawn(|| count(&kafka)).join().unwrap());
            (count >= written).then_some(())
        })
        .await;
    }
}

fn count(kafka: &KafkaConfig) -> usize {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let consumer: BaseConsumer =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &kafka.brokers).create().unwrap();
    let partitions = 0..kafka.layout(PARTITIONS).kafka_partitions();
    let ends = partitions.map(|partition| {
        consumer
            .fetch_watermarks(&kafka.topic, partition, Duration::from_secs(10))
            .map_or(0, |(_, high)| high)
    });
    usize::try_from(ends.sum::<i64>()).unwrap()
}

/// A relay in a process of its own.
struct Process(Child);

impl Process {
    fn start(bed: &Bed) -> Self {
        let (url, kafka) = (bed.database.url(), &bed.kafka);
        let asked =
            json!({"url": url, "brokers": kafka.brokers, "topic": kafka.topic, "spread": kafka.spread});
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kills::the_process_that_dies", "--nocapture"])
            .env(CHILD, asked.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.0.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// Not a test by itself: [`Process::start`] runs it.
#[tokio::test(flavor = "multi_thread")]
async fn the_process_that_dies() {
    let Ok(asked) = std::env::var(CHILD) else { return };
    let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
    let text = |name: &str| asked[name].as_str().unwrap().to_owned();
    let database = Database::open(Source::Url(text("url"))).await.unwrap();
    let spread = u16::try_from(asked["spread"].as_u64().unwrap()).unwrap();
    let kafka = KafkaConfig { topic: text("topic"), spread, ..KafkaConfig::new(&text("brokers")) };
    let _running = Running::start(&database, &kafka, connectors::follow::no_feeds()).await;
    std::future::pending::<()>().await;
}
