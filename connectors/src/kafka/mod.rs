//! Every event of the log as a message of one Kafka topic.
//!
//! A message is a `CloudEvent` in binary mode ([`message`]). A Kafka partition holds events of one partition of the log
//! only, in rising position, and each message names the one before it ([`layout`], [`sequence`]). So the topic itself
//! says how far it has come: after any crash the [`relay`] reads the end of each Kafka partition (`tail`) and goes on
//! from there, with neither gap nor repeat and without transactions of the broker. [`asyncapi`] describes it all for
//! consumers; `docs/kafka.md` explains it.

pub mod asyncapi;
pub mod config;
mod error;
pub mod layout;
pub mod message;
mod outbox;
mod quiet;
pub mod relay;
mod schema;
pub mod sequence;
mod session;
mod tail;
pub mod testing;
mod topic;

pub use config::KafkaConfig;
pub use error::RelayError;
pub use relay::{RelayParts, start};
