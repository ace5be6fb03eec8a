//! The topic as a consumer sees it, read all the time: every event once, in order, with the bytes that the log has.
//!
//! A relay that is stopped in the moment of sending sends that one request when it goes on, behind those of its successor
//! (`docs/adr/0015-the-topic-knows-how-far-it-is.md`). Such repeats are counted, and are no finding; every other repeat
//! is one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use connectors::kafka::config::DEFAULT_TOPIC;
use connectors::kafka::message::Place;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::broker::Broker;
use crate::findings::{Findings, Kind};
use crate::ledger::PartitionLog;
use crate::town::PATIENCE;

/// How long after a stopped relay went on its last request may still come.
const AFTERMATH: Duration = Duration::from_secs(3);

/// A broker with one topic, and its consumer.
pub(crate) struct Topic {
    pub(crate) broker: Broker,
    /// One for each partition of the log.
    seen: Arc<Mutex<Vec<Seen>>>,
    went_on: Arc<Mutex<Option<Instant>>>,
    /// Messages that a stopped relay has sent when it went on.
    pub(crate) late_repeats: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    consumer: Option<JoinHandle<()>>,
}

/// What has come of one partition.
#[derive(Default)]
struct Seen {
    /// The highest position that has come.
    last: i64,
    /// Up to here everything has come and was compared.
    compared: i64,
    /// Messages beyond that, by position.
    news: BTreeMap<i64, Letter>,
    findings: VecDeque<(Kind, String)>,
}

struct Letter {
    place: Place,
    payload: Vec<u8>,
}

impl Topic {
    /// Starts a broker with a partition for each partition of the log, and reads it.
    pub(crate) fn make(partitions: i16) -> Self {
        let broker = Broker::start(partitions);
        let seen = Arc::new(Mutex::new((0..partitions).map(|_| Seen::default()).collect::<Vec<_>>()));
        let (went_on, late_repeats) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
        let stop = Arc::new(AtomicBool::new(false));
        let consumer = consumer(broker.servers(), partitions);
        let reader = Reader {
            consumer,
            seen: Arc::clone(&seen),
            went_on: Arc::clone(&went_on),
            late_repeats: Arc::clone(&late_repeats),
        };
        let until = Arc::clone(&stop);
        let consumer = Some(thread::spawn(move || reader.run(&until)));
        Self { broker, seen, went_on, late_repeats, stop, consumer }
    }

    /// Where it is.
    pub(crate) fn brokers(&self) -> &str {
        self.broker.servers()
    }

    /// Says that a relay which was stopped goes on now.
    pub(crate) fn relay_went_on(&self) {
        *self.went_on.lock().unwrap() = Some(Instant::now());
    }

    /// Waits until the topic has come to the end of the log, and compares what is new.
    pub(crate) async fn check(&self, logs: &[PartitionLog], findings: &mut Findings) {
        let begun = Instant::now();
        while self.behind(logs) && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut seen = self.seen.lock().unwrap();
        for (partition, (seen, log)) in seen.iter_mut().zip(logs).enumerate() {
            seen.compare(partition, log, findings);
        }
    }

    fn behind(&self, logs: &[PartitionLog]) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .zip(logs)
            .any(|(seen, log)| seen.compared + i64::try_from(seen.news.len()).unwrap() < log.position)
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(consumer) = self.consumer.take() {
            let _ended = consumer.join();
        }
    }
}

impl Seen {
    /// Takes a message as it comes.
    fn take(&mut self, letter: Letter, repeat_is_known: bool) -> bool {
        let Place { position, previous, .. } = letter.place;
        if position <= self.compared || self.news.contains_key(&position) {
            if !repeat_is_known {
                self.findings
                    .push_back((Kind::TopicTwice, format!("{position} comes again behind {}", self.last)));
            }
            return true;
        }
        if position < self.last || previous != self.last {
            let what = format!("{position}, said to follow {previous}, comes behind {}", self.last);
            self.findings.push_back((Kind::TopicOrder, what));
        }
        self.last = self.last.max(position);
        self.news.insert(position, letter);
        false
    }

    fn compare(&mut self, partition: usize, log: &PartitionLog, findings: &mut Findings) {
        for (kind, what) in self.findings.drain(..) {
            findings.add(kind, format!("partition {partition}: {what}"));
        }
        let mut news = std::mem::take(&mut self.news);
        let first = log.news.first().map_or(log.position + 1, |event| event.position);
        for event in &log.news {
            let Some(letter) = news.remove(&event.position) else {
                findings.add(Kind::TopicGap, format!("partition {partition} lacks {}", event.position));
                continue;
            };
            let is_it = letter.place.event_id == event.event_id
                && i32::from(letter.place.partition) == i32::from(event.partition)
                && letter.payload == event.payload.as_bytes();
            if !is_it {
                findings.add(Kind::TopicContent, format!("partition {partition}: {:?}", letter.place));
            }
        }
        for position in news.into_keys() {
            let what =
                format!("partition {partition} has {position}, the log has {first} to {}", log.position);
            findings.add(Kind::TopicContent, what);
        }
        self.compared = log.position;
    }
}

/// The consumer's thread.
struct Reader {
    consumer: BaseConsumer,
    seen: Arc<Mutex<Vec<Seen>>>,
    went_on: Arc<Mutex<Option<Instant>>>,
    late_repeats: Arc<AtomicUsize>,
}

impl Reader {
    fn run(self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            // An error is a broker that is away; the consumer finds it again.
            let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) else { continue };
            let place = message.headers().and_then(Place::read).unwrap();
            let payload = message.payload().unwrap_or_default().to_owned();
            let went_on = *self.went_on.lock().unwrap();
            let repeat_is_known = went_on.is_some_and(|at| at.elapsed() < AFTERMATH);
            let mut seen = self.seen.lock().unwrap();
            let partition = usize::try_from(message.partition()).unwrap();
            if seen[partition].take(Letter { place, payload }, repeat_is_known) && repeat_is_known {
                self.late_repeats.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn consumer(brokers: &str, partitions: i16) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "chaos")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "100")
        .set("reconnect.backoff.max.ms", "1000")
        .create()
        .unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..i32::from(partitions) {
        all.add_partition_offset(DEFAULT_TOPIC, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    consumer
}
