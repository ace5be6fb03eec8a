//! A consumer that counts every event exactly once, and notices if one is missing.
//!
//! `cargo run -p connectors --example consume -- localhost:9092 stocktrail.events counts.json`
//!
//! It counts events by type and prints the counts every second. What makes it exact is where it keeps its place: in the
//! same file as its result, replaced in one step. Killed at any moment, it goes on with a place and a result that belong
//! together, so nothing counts twice and nothing is lost; Kafka's own offsets are not used. With a database the same is
//! one transaction.
//!
//! For each Kafka partition it asks of every message whether it is the next one ([`Sequence`]): a repeat is passed over, a
//! gap ends the program, because a result with something missing is worse than none.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use connectors::kafka::message::{Place, header};
use connectors::kafka::sequence::{Order, Sequence};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// The result, and how far it goes in each Kafka partition.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Counts {
    by_type: BTreeMap<String, u64>,
    read: BTreeMap<i32, Read>,
}

/// The last message of a Kafka partition that was counted.
#[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
struct Read {
    offset: i64,
    position: i64,
}

/// A consumer with its result.
pub(crate) struct Counter {
    consumer: BaseConsumer,
    counts: Counts,
    file: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(brokers), Some(topic), Some(file)) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: consume <brokers> <topic> <file>".into());
    };
    let mut counter = Counter::open(&brokers, &topic, PathBuf::from(file))?;
    let mut saved = Instant::now();
    loop {
        counter.step()?;
        if saved.elapsed() > Duration::from_secs(1) {
            counter.save()?;
            println!("{} events: {:?}", counter.total(), counter.counts.by_type);
            saved = Instant::now();
        }
    }
}

impl Counter {
    /// Goes on where the result in `file` ends.
    pub(crate) fn open(brokers: &str, topic: &str, file: PathBuf) -> Result<Self, Box<dyn Error>> {
        let counts = load(&file)?;
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "stocktrail-example")
            .set("enable.auto.commit", "false")
            .create()?;
        consumer.assign(&places(&consumer, topic, &counts)?)?;
        Ok(Self { consumer, counts, file })
    }

    /// Counts the next message, if one comes soon.
    pub(crate) fn step(&mut self) -> Result<(), Box<dyn Error>> {
        match self.consumer.poll(Duration::from_millis(200)) {
            Some(message) => count(&mut self.counts, &message?),
            None => Ok(()),
        }
    }

    /// Events counted so far.
    pub(crate) fn total(&self) -> u64 {
        self.counts.by_type.values().sum()
    }

    /// Replaces the file in one step: whoever reads it sees the old or the new one.
    pub(crate) fn save(&self) -> Result<(), Box<dyn Error>> {
        let new = self.file.with_extension("new");
        fs::write(&new, serde_json::to_vec_pretty(&self.counts)?)?;
        Ok(fs::rename(new, &self.file)?)
    }
}

/// Every Kafka partition of the topic, from where the result ends.
fn places(
    consumer: &BaseConsumer,
    topic: &str,
    counts: &Counts,
) -> Result<TopicPartitionList, Box<dyn Error>> {
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10))?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let mut places = TopicPartitionList::new();
    for partition in found.into_iter().flat_map(rdkafka::metadata::MetadataTopic::partitions) {
        let from = counts
            .read
            .get(&partition.id())
            .map_or(Offset::Beginning, |read| Offset::Offset(read.offset + 1));
        places.add_partition_offset(topic, partition.id(), from)?;
    }
    Ok(places)
}

fn count(counts: &mut Counts, message: &BorrowedMessage<'_>) -> Result<(), Box<dyn Error>> {
    let Some(headers) = message.headers() else { return Ok(()) };
    let Some(place) = Place::read(headers) else { return Ok(()) };
    let known = counts.read.get(&message.partition());
    let mut sequence = known.map_or_else(Sequence::from_the_start, |read| Sequence::after(read.position));
    match sequence.take(&place) {
        Order::Repeat => return Ok(()),
        Order::Gap { after, missing } => {
            return Err(format!(
                "Kafka partition {}: after position {after} comes {}, but {missing} is missing",
                message.partition(),
                place.position
            )
            .into());
        }
        Order::Next => {}
    }
    let is_type = |header: &rdkafka::message::Header<'_, &[u8]>| header.key == header::TYPE;
    let name = headers.iter().find(is_type).and_then(|header| header.value).unwrap_or_default();
    *counts.by_type.entry(String::from_utf8_lossy(name).into_owned()).or_default() += 1;
    counts.read.insert(message.partition(), Read { offset: message.offset(), position: place.position });
    Ok(())
}

fn load(file: &Path) -> Result<Counts, Box<dyn Error>> {
    match fs::read(file) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Counts::default()),
        Err(error) => Err(error.into()),
    }
}
