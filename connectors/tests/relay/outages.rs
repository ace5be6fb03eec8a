//! The broker goes away, comes back, refuses, and is slow.

use std::time::Duration;

use connectors::board::State;
use rdkafka::types::RDKafkaRespErr::*;

use crate::consumer::complete;
use crate::support::{Bed, PARTITIONS};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_waited_for() {
    let bed = Bed::new().await;
    if !bed.broker.is_built_in() {
        return;
    }
    let running = bed.live_relay().await;
    bed.write_everywhere(500).await;
    bed.relayed(&running).await;
    for _ in 0..2 {
        bed.broker.down();
        bed.write_everywhere(800).await;
        for partition in 0..PARTITIONS {
            running.until_it_waits(partition, "").await;
        }
        bed.write_everywhere(200).await;
        bed.broker.up();
        bed.relayed(&running).await;
        running.until(0, |standing| standing.state == State::Relaying).await;
    }
    complete(&bed.kafka, bed.written()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_begins_without_a_broker_waits_for_it() {
    let bed = Bed::new().await;
    if !bed.broker.is_built_in() {
        return;
    }
    bed.broker.down();
    bed.write_everywhere(100).await;
    let running = bed.relay().await;
    running.until_it_waits(0, "the broker cannot be reached").await;
    bed.broker.up();
    bed.relayed(&running).await;
    complete(&bed.kafka, bed.written()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_fail_are_repeated_in_order() {
    let bed = Bed::new().await;
    if !bed.broker.is_built_in() {
        return;
    }
    let running = bed.live_relay().await;
    let errors = [
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
    ];
    for _ in 0..3 {
        bed.broker.refuse(&errors);
        bed.write_everywhere(1_300).await;
        bed.relayed(&running).await;
    }
    complete(&bed.kafka, bed.written()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_for_good_stops_what_comes_behind_it() {
    let bed = Bed::new().await;
    if !bed.broker.is_built_in() {
        return;
    }
    let running = bed.live_relay().await;
    bed.write_everywhere(100).await;
    bed.relayed(&running).await;
    bed.broker.refuse(&[RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 3]);
    bed.write_everywhere(2_500).await;
    // The relay begins anew behind what the topic has, again and again.
    bed.relayed(&running).await;
    complete(&bed.kafka, bed.written()).await;
    running.stop().await;
}

/// While the broker takes its time to refuse a request, nothing may queue up behind it.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_on_its_way_behind_a_request_that_is_refused() {
    let bed = Bed::with_spread(2).await;
    if !bed.broker.is_built_in() {
        return;
    }
    let running = bed.live_relay().await;
    bed.write_everywhere(100).await;
    bed.relayed(&running).await;
    for _ in 0..3 {
        bed.broker.answer_after(Duration::from_millis(150));
        // Of two Kafka partitions one may be refused, and the other not.
        bed.broker.refuse(&[RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
        bed.write(0, 900, |position| position % 50).await;
        running.until_it_waits(0, "a message was not delivered").await;
        bed.broker.answer_after(Duration::ZERO);
        bed.write(0, 900, |position| position % 50).await;
        bed.relayed(&running).await;
    }
    complete(&bed.kafka, bed.written()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_broker_loses_nothing_when_the_relay_dies_before_it_answers() {
    let bed = Bed::new().await;
    if !bed.broker.is_built_in() {
        return;
    }
    let running = bed.live_relay().await;
    bed.write_everywhere(100).await;
    bed.relayed(&running).await;
    bed.broker.answer_after(Duration::from_millis(700));
    bed.write_everywhere(900).await;
    // Every message is with the broker, and the relay does not know it.
    let kafka = bed.kafka.clone();
    crate::support::until("the broker has them", || {
        let read = std::thread::scope(|scope| scope.spawn(|| count(&kafka)).join().unwrap());
        (read == 4_000).then_some(())
    })
    .await;
    running.kill();
    bed.broker.answer_after(Duration::ZERO);
    let running = bed.live_relay().await;
    bed.write_everywhere(100).await;
    bed.relayed(&running).await;
    complete(&bed.kafka, bed.written()).await;
    running.stop().await;
}

/// Messages in the topic.
fn count(kafka: &connectors::kafka::KafkaConfig) -> i64 {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let consumer: BaseConsumer =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &kafka.brokers).create().unwrap();
    let ends = (0..4).map(|partition| {
        consumer.fetch_watermarks(&kafka.topic, partition, Duration::from_secs(10)).unwrap().1
    });
    ends.sum()
}
