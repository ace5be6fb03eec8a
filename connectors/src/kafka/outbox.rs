//! Hands messages to the broker, one request at a time, and waits until it has them for good.
//!
//! librdkafka keeps what it is given until it is told to send. Then a bunch is one request for each Kafka partition that
//! it has messages for, and the broker takes a request as a whole or not at all. The next bunch is handed over when all of
//! this one is confirmed, so there is never anything behind a request that could pass it when it fails. Nothing times
//! out inside librdkafka: it repeats a request under the same sequence number until the broker confirms or refuses it, and
//! the broker recognises the repeat. Whoever loses the right to send drops the outbox; whatever was not sent by then is
//! thrown away with it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_log::event::StoredEvent;
use rdkafka::ClientContext;
use rdkafka::bindings::rd_kafka_flush;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, PurgeConfig, ThreadedProducer};

use super::config::KafkaConfig;
use super::error::RelayError;
use super::message::headers;
use super::quiet::Quiet;

/// The most messages that are handed over at once.
pub(crate) const MESSAGES: usize = 1_000;
/// The most bytes that are handed over at once, unless a single message is larger: a broker takes requests of 1 MB,
/// if nobody has told it otherwise.
pub(crate) const BYTES: usize = 950_000;
/// What librdkafka is told of the size of a request; the broker's own limit counts. Far above [`BYTES`], so that it
/// never makes two requests of one bunch.
const REQUEST: &str = "20000000";
/// How long librdkafka keeps messages that it is not told to send: as long as it can be told to, 15 minutes.
const KEEP: &str = "900000";
/// How long is waited for the broker before the right to send is looked at again.
const LOOK: Duration = Duration::from_millis(20);

/// An event on its way to its Kafka partition.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) event: StoredEvent,
    pub(crate) key: String,
    pub(crate) kafka_partition: i32,
    /// Position of the event before it in that Kafka partition.
    pub(crate) previous: i64,
}

/// A producer of one partition of the log.
pub(crate) struct Outbox {
    producer: ThreadedProducer<Answers>,
    topic: String,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The broker has all of it.
    All,
    /// The right to send ended before; nobody knows what has arrived.
    Forbidden,
}

impl Outbox {
    /// A new producer, unknown to the broker. `ends` names the offset that comes next in each Kafka partition.
    pub(crate) fn open(config: &KafkaConfig, ends: HashMap<i32, i64>) -> Result<Self, RelayError> {
        let mut client = config.client();
        client
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("enable.gapless.guarantee", "true")
            .set("max.in.flight.requests.per.connection", "1")
            .set("message.timeout.ms", "0")
            .set("socket.timeout.ms", "90000")
            .set("linger.ms", KEEP)
            .set("batch.num.messages", (MESSAGES * 2).to_string())
            .set("batch.size", REQUEST)
            .set("message.max.bytes", REQUEST);
        if client.get("compression.type").is_none() {
            client.set("compression.type", "lz4");
        }
        let answers = Answers { topic: config.topic.clone(), ends: Mutex::new(ends), ..Answers::default() };
        Ok(Self { producer: client.create_with_context(answers)?, topic: config.topic.clone() })
    }

    /// Sends a bunch of letters and waits for the broker, as long as it takes: at most [`MESSAGES`], with [`BYTES`] in all.
    /// Blocks. `may` is asked again and again whether there is still a right to send. After anything but
    /// [`Sent::All`] the outbox must be dropped.
    pub(crate) fn send(&self, letters: &[Letter], may: &dyn Fn() -> bool) -> Result<Sent, RelayError> {
        let answers = self.producer.context();
        answers.open.store(letters.len(), Ordering::Relaxed);
        for letter in letters {
            let record = BaseRecord::to(&self.topic)
                .partition(letter.kafka_partition)
                .key(letter.key.as_str())
                .payload(letter.event.payload.as_bytes())
                .headers(headers(&letter.event, letter.previous));
            self.producer.send(record).map_err(|(error, _)| error)?;
        }
        while answers.open.load(Ordering::Relaxed) > 0 {
            // In the last moment, so that a process that was stopped up to here sends nothing when it goes on.
            if !may() {
                return Ok(Sent::Forbidden);
            }
            self.release();
            if let Some(reason) = lock(&answers.failed).take() {
                return Err(RelayError::NotDelivered(reason));
            }
        }
        Ok(Sent::All)
    }

    /// Lets librdkafka send what it has, and waits until it has all answers, a moment at most.
    fn release(&self) {
        let millis = i32::try_from(LOOK.as_millis()).unwrap_or(i32::MAX);
        // The answer says whether all is done; the messages themselves say more.
        #[expect(unsafe_code, reason = "the wrapper's flush does not wait inside librdkafka")]
        // SAFETY: the client lives as long as `self.producer`, and any thread may flush it at any time.
        let _done = unsafe { rd_kafka_flush(self.producer.client().native_ptr(), millis) };
    }

    /// What librdkafka complained of last.
    pub(crate) fn complaint(&self) -> Option<String> {
        lock(&self.producer.context().complaint).clone()
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        // Also thrown away by the producer's own drop; said here, because the relay's promises rest on it.
        self.producer.purge(PurgeConfig::default().queue().inflight());
    }
}

/// What the broker answered.
#[derive(Debug, Default)]
struct Answers {
    topic: String,
    /// Messages without an answer.
    open: AtomicUsize,
    failed: Mutex<Option<String>>,
    complaint: Mutex<Option<String>>,
    /// The offset that comes next in each Kafka partition, unless somebody else writes there.
    ends: Mutex<HashMap<i32, i64>>,
}

impl ClientContext for Answers {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Quiet.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Quiet.error(error, reason);
        *lock(&self.complaint) = Some(reason.to_owned());
    }
}

impl ProducerContext for Answers {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        match result {
            Ok(message) => self.arrived(message.partition(), message.offset()),
            Err((error, _)) => {
                lock(&self.failed).get_or_insert_with(|| error.to_string());
            }
        }
    }
}

impl Answers {
    /// Compares a message's offset with the one that it must have where nobody else writes.
    fn arrived(&self, kafka_partition: i32, offset: i64) {
        let mut ends = lock(&self.ends);
        // A repeated request that the broker recognised has no offset.
        if offset < 0 {
            ends.remove(&kafka_partition);
            return;
        }
        let expected = ends.insert(kafka_partition, offset + 1);
        if let Some(expected) = expected.filter(|expected| *expected != offset) {
            tracing::warn!(
                topic = self.topic,
                kafka_partition,
                expected,
                offset,
                "somebody else writes into a partition of the relay"
            );
            metrics::counter!("stocktrail_relay_strangers_total").increment(1);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
