//! Reads a topic from its beginning and checks what a consumer relies on.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use connectors::kafka::KafkaConfig;
use connectors::kafka::message::Place;
use connectors::kafka::sequence::{Order, Sequence};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::support::PARTITIONS;

/// A message as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) kafka_partition: i32,
    pub(crate) place: Place,
    pub(crate) key: String,
    pub(crate) payload: String,
    pub(crate) headers: BTreeMap<String, String>,
}

/// Every message of the topic, by Kafka partition and offset.
pub(crate) async fn everything(kafka: &KafkaConfig) -> Vec<Read> {
    let kafka = kafka.clone();
    tokio::task::spawn_blocking(move || read(&kafka)).await.unwrap()
}

/// Every message of the topic, after checking that nothing is missing, nothing came twice, and all is in order.
pub(crate) async fn complete(kafka: &KafkaConfig, written: i64) -> Vec<Read> {
    let read = everything(kafka).await;
    let mut sequences: HashMap<i32, Sequence> = HashMap::new();
    for message in &read {
        let sequence = sequences.entry(message.kafka_partition).or_insert_with(Sequence::from_the_start);
        assert_eq!(sequence.take(&message.place), Order::Next, "{message:?}");
    }
    let mut positions: BTreeMap<i16, Vec<i64>> = BTreeMap::new();
    for message in &read {
        positions.entry(message.place.partition).or_default().push(message.place.position);
    }
    for (partition, positions) in &mut positions {
        positions.sort_unstable();
        let expected: Vec<i64> = (1..=i64::try_from(positions.len()).unwrap()).collect();
        assert_eq!(*positions, expected, "every position of partition {partition} once");
    }
    assert_eq!(i64::try_from(read.len()).unwrap(), written);
    read
}

fn read(kafka: &KafkaConfig) -> Vec<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.brokers)
        .set("group.id", "tests")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let (mut all, begun) = (Vec::new(), Instant::now());
    for partition in 0..kafka.layout(PARTITIONS).kafka_partitions() {
        let (low, high) =
            consumer.fetch_watermarks(&kafka.topic, partition, Duration::from_secs(10)).unwrap();
        assert_eq!(low, 0, "the built-in broker has dropped messages");
        if high == 0 {
            continue;
        }
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(&kafka.topic, partition, Offset::Beginning).unwrap();
        consumer.assign(&from).unwrap();
        let mut next = 0;
        while next < high {
            assert!(
                begun.elapsed() < Duration::from_mins(1),
                "partition {partition} stays at {next} of {high}"
            );
            let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
            let message = message.unwrap();
            next = message.offset() + 1;
            all.push(Read {
                kafka_partition: partition,
                place: Place::read(message.headers().unwrap()).unwrap(),
                key: std::str::from_utf8(message.key().unwrap()).unwrap().to_owned(),
                payload: std::str::from_utf8(message.payload().unwrap()).unwrap().to_owned(),
                headers: message
                    .headers()
                    .unwrap()
                    .iter()
                    .map(|header| {
                        let value = std::str::from_utf8(header.value.unwrap()).unwrap();
                        (header.key.to_owned(), value.to_owned())
                    })
                    .collect(),
            });
        }
    }
    all
}
