//! Topics that a relay must not write to.

use connectors::board::State;
use event_log::event::StoredEvent;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::consumer::{complete, everything};
use crate::support::{Bed, event};

/// Writes a message like the relay's, or any other, into the first Kafka partition.
pub(crate) fn send(bed: &Bed, from: Option<(&StoredEvent, i64)>) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &bed.kafka.brokers).create().unwrap();
    let mut headers = OwnedHeaders::new();
    if let Some((event, previous)) = from {
        for (key, value) in [
            ("ce_id", event.event_id.to_string()),
            ("ce_partition", event.partition.to_string()),
            ("ce_position", event.position.to_string()),
            ("ce_previous", previous.to_string()),
        ] {
            headers = headers.insert(Header { key, value: Some(&value) });
        }
    }
    let record = BaseRecord::to(&bed.kafka.topic).partition(0).key("k").payload("{}").headers(headers);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(std::time::Duration::from_secs(10)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_with_another_number_of_partitions_is_refused_until_it_fits() {
    let mut bed = Bed::with_spread(2).await;
    bed.write_everywhere(3).await;
    let fits = bed.kafka.clone();
    bed.kafka.spread = 3;
    let running = bed.relay().await;
    let why = "has 8 partitions and must have 12: 3 for each of the log's 4";
    // The topic of a real broker does not exist yet: the relay makes it as it wants it.
    if bed.broker.is_built_in() {
        running.until_it_waits(0, why).await;
        running.stop().await;
        assert!(everything(&fits).await.is_empty(), "nothing was written");
        bed.kafka = fits;
        let running = bed.relay().await;
        bed.relayed(&running).await;
        complete(&bed.kafka, bed.written()).await;
        running.stop().await;
    } else {
        running.stop().await;
    }
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_made_or_its_lack_is_told() {
    let mut bed = Bed::new().await;
    bed.kafka.topic.push_str(".missing");
    bed.write_everywhere(5).await;
    let running = bed.relay().await;
    if bed.broker.is_built_in() {
        // The built-in broker cannot make topics for a client.
        running.until_it_waits(0, "does not exist and cannot be created").await;
        bed.broker.create_topic(&bed.kafka.topic, 4);
    }
    bed.relayed(&running).await;
    complete(&bed.kafka, bed.written()).await;
    running.stop().await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_another_log_is_refused() {
    let bed = Bed::new().await;
    bed.write_everywhere(5).await;
    let running = bed.relay().await;
    bed.relayed(&running).await;
    running.stop().await;
    let stranger = StoredEvent { event_id: uuid::Uuid::from_u128(77), ..event(0, 6, 1, 1) };
    send(&bed, Some((&stranger, 5)));
    bed.write_everywhere(5).await;
    let running = bed.relay().await;
    running.until_it_waits(0, "ends with event 6 of partition 0, which this log does not have").await;
    running.until(1, |standing| standing.position == Some(10)).await;
    assert_eq!(everything(&bed.kafka).await.len(), 4 * 5 + 1 + 3 * 5, "nothing more in partition 0");
    running.stop().await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_with_strange_messages_only_is_refused() {
    let bed = Bed::new().await;
    let running = bed.relay().await;
    running.until(0, |standing| standing.state == State::Relaying).await;
    running.stop().await;
    send(&bed, None);
    let running = bed.relay().await;
    running.until_it_waits(0, "ends with messages that no relay wrote").await;
    running.until(1, |standing| standing.state == State::Relaying).await;
    running.stop().await;
    bed.end().await;
}

/// A relay that was stopped in the moment of sending may send when it goes on, long after another took its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_echo_at_the_end_does_not_lead_back() {
    let bed = Bed::new().await;
    bed.write(0, 20, |_| 1).await;
    let running = bed.relay().await;
    bed.relayed(&running).await;
    running.stop().await;
    for position in 11..=13 {
        send(&bed, Some((&event(0, position, 1, position), position - 1)));
    }
    bed.write(0, 20, |_| 1).await;
    let running = bed.relay().await;
    bed.relayed(&running).await;
    let positions: Vec<i64> =
        everything(&bed.kafka).await.iter().map(|message| message.place.position).collect();
    let expected: Vec<i64> = (1..=20).chain(11..=13).chain(21..=40).collect();
    assert_eq!(positions, expected);
    running.stop().await;
    bed.end().await;
}
