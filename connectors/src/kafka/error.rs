//! Why a relay stops for a while.

use event_log::LogError;
use rdkafka::error::KafkaError;

/// What keeps events of one partition from the topic. The relay tells it, waits and tries again.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The brokers do not answer, or refuse.
    #[error("the broker cannot be reached or refuses: {0}")]
    Kafka(#[from] KafkaError),
    /// A message was not taken. The topic's end is read again before anything more is sent.
    #[error("a message was not delivered: {0}")]
    NotDelivered(String),
    /// The broker did not answer in time.
    #[error("the broker does not answer: {0}")]
    Silent(&'static str),
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Log(#[from] LogError),
    /// The database does not answer.
    #[error("the database cannot be reached")]
    Database(#[from] sqlx::Error),
    /// There is no such topic, and it could not be made.
    #[error("topic {topic} does not exist and cannot be created: {reason}")]
    NoTopic {
        /// The topic.
        topic: String,
        /// What the broker said.
        reason: String,
    },
    /// The topic's partitions do not fit the log's.
    #[error(
        "topic {topic} has {found} partitions and must have {wanted}: {spread} for each of the log's {partitions}"
    )]
    WrongPartitions {
        /// The topic.
        topic: String,
        /// What it has.
        found: i32,
        /// What it must have.
        wanted: i32,
        /// Kafka partitions for each partition of the log.
        spread: u16,
        /// Partitions of the log.
        partitions: i16,
    },
    /// The end of a Kafka partition holds messages, and none of them is an event.
    #[error("partition {partition} of topic {topic} ends with messages that no relay wrote")]
    Foreign {
        /// The topic.
        topic: String,
        /// Kafka partition.
        partition: i32,
    },
    /// The topic holds an event that this log does not have there: it belongs to another log, or to a later state.
    #[error(
        "topic {topic} ends with event {position} of partition {partition}, which this log does not have"
    )]
    OtherLog {
        /// The topic.
        topic: String,
        /// Partition of the log.
        partition: i16,
        /// Position of the event.
        position: i64,
    },
    /// Messages were removed from the topic, and nobody remembers how far it had come.
    #[error(
        "partition {partition} of topic {topic} was emptied and nobody knows how far it had come; \
         delete the topic to have every event relayed again"
    )]
    Emptied {
        /// The topic.
        topic: String,
        /// Kafka partition.
        partition: i32,
    },
    /// Part of the work ended without a word.
    #[error("a task of the relay was cut off")]
    CutOff,
}
