//! How far the topic has come, from its own end.

use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::config::KafkaConfig;
use super::error::RelayError;
use super::message::Place;
use super::quiet::Quiet;
use super::topic::PATIENCE;

/// Messages at the end of a Kafka partition that are looked at. The furthest counts, not the last: a relay that was
/// stopped in the moment of sending may have sent one request more, of [`super::outbox::MESSAGES`], when it went on.
const LOOKED_AT: i64 = 2_000;
/// How long the ends must rest. A request of the relay before may still have been on its way when it died.
const REST: Duration = Duration::from_millis(300);
/// How long reading the ends may take in all.
const LIMIT: Duration = Duration::from_mins(1);

/// The end of one Kafka partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Which one.
    pub(crate) kafka_partition: i32,
    /// Offset that the next message gets.
    pub(crate) end: i64,
    /// The furthest event; none where there are no messages.
    pub(crate) last: Option<Place>,
}

/// Reads the ends of these Kafka partitions. Blocks, and gives up early when nobody may relay any more.
pub(crate) fn read(
    config: &KafkaConfig,
    run: Range<i32>,
    may: &dyn Fn() -> bool,
) -> Result<Vec<Tail>, RelayError> {
    let mut client = config.client();
    let consumer: BaseConsumer<Quiet> = client
        .set("group.id", "stocktrail-relay-tail")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_uncommitted")
        .set("allow.auto.create.topics", "false")
        .create_with_context(Quiet)?;
    let begun = Instant::now();
    let mut ends = watermarks(&consumer, config, run.clone())?;
    loop {
        thread::sleep(REST);
        let now = watermarks(&consumer, config, run.clone())?;
        if now == ends {
            break;
        }
        if begun.elapsed() > LIMIT || !may() {
            return Err(RelayError::Silent("the topic's end does not come to rest"));
        }
        ends = now;
    }
    let tail = |(kafka_partition, (low, high))| {
        let last = if high > low {
            Some(furthest(&consumer, config, (kafka_partition, low, high), may)?)
        } else {
            None
        };
        Ok(Tail { kafka_partition, end: high, last })
    };
    run.zip(ends).map(tail).collect()
}

/// First offset and offset behind the last of each Kafka partition.
fn watermarks(
    consumer: &BaseConsumer<Quiet>,
    config: &KafkaConfig,
    run: Range<i32>,
) -> Result<Vec<(i64, i64)>, RelayError> {
    run.map(|partition| Ok(consumer.fetch_watermarks(&config.topic, partition, PATIENCE)?)).collect()
}

/// The event with the highest position among the last messages.
fn furthest(
    consumer: &BaseConsumer<Quiet>,
    config: &KafkaConfig,
    (kafka_partition, low, high): (i32, i64, i64),
    may: &dyn Fn() -> bool,
) -> Result<Place, RelayError> {
    let mut from = TopicPartitionList::new();
    let start = low.max(high - LOOKED_AT);
    from.add_partition_offset(&config.topic, kafka_partition, Offset::Offset(start))?;
    consumer.assign(&from)?;
    let (begun, mut furthest) = (Instant::now(), None::<Place>);
    loop {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let place = message.headers().and_then(Place::read);
                furthest = place.into_iter().chain(furthest).max_by_key(|place| place.position);
                if message.offset() + 1 >= high {
                    break;
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => break,
            Some(Err(error)) => tracing::debug!(%error, "the topic's end is not read yet"),
            None => {}
        }
        if begun.elapsed() > LIMIT || !may() {
            return Err(RelayError::Silent("the topic's end cannot be read"));
        }
    }
    furthest.ok_or_else(|| RelayError::Foreign { topic: config.topic.clone(), partition: kafka_partition })
}
