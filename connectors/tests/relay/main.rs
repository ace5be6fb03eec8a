//! The relay over the real Kafka protocol, against librdkafka's built-in broker; with `KAFKA_BROKERS` against that one.
//! `STOCKTRAIL_RELAY_KILLS=50` kills it 50 times in either way, otherwise 4.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

#[path = "../../examples/consume.rs"]
#[expect(dead_code, reason = "its main function is run by hand")]
mod consume;
mod support;
mod consumer;
mod relaying;
mod consuming;
mod refusing;
mod outages;
mod kills;
mod mirroring;
