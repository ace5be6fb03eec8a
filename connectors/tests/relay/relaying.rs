//! What arrives in the topic.

use std::collections::{BTreeMap, HashMap};

use connectors::board::State;

use crate::consumer::{complete, everything};
use crate::support::{Bed, PARTITIONS, company_of, event};

#[tokio::test(flavor = "multi_thread")]
async fn every_event_arrives_once_in_order_with_every_byte() {
    let bed = Bed::new().await;
    bed.write_everywhere(2_500).await;
    let running = bed.relay().await;
    bed.write_everywhere(500).await;
    bed.relayed(&running).await;
    for message in complete(&bed.kafka, bed.written()).await {
        let place = message.place;
        let sent = event(place.partition, place.position, place.position % 50, (place.position + 49) / 50);
        assert_eq!(message.kafka_partition, i32::from(place.partition));
        let company = company_of(place.partition);
        assert_eq!(message.key, format!("{company}/stock_item/{}", sent.stream_id));
        assert_eq!(message.payload, *sent.payload, "the exact stored bytes");
        let expected = [
            ("ce_specversion", "1.0".to_owned()),
            ("ce_id", sent.event_id.to_string()),
            ("ce_type", "stocktrail.StockReceived.v1".to_owned()),
            ("ce_source", format!("/stocktrail/companies/{company}")),
            ("ce_subject", format!("stock_item:{}", sent.stream_id)),
            ("ce_time", "2026-11-20T12:00:00.123456Z".to_owned()),
            ("ce_effectiveat", "2026-11-20T12:00:00.123456Z".to_owned()),
            ("ce_partition", place.partition.to_string()),
            ("ce_position", place.position.to_string()),
            ("ce_previous", (place.position - 1).to_string()),
            ("ce_streamversion", sent.version.to_string()),
            ("ce_schemaversion", "1".to_owned()),
            ("ce_metadata", sent.metadata.to_string()),
            ("content-type", "application/json".to_owned()),
        ];
        let expected: BTreeMap<_, _> =
            expected.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(message.headers, expected);
    }
    running.stop().await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_blocks_are_relayed_as_they_come() {
    let bed = Bed::new().await;
    let running = bed.live_relay().await;
    for partition in 0..PARTITIONS {
        running.until(partition, |standing| standing.state == State::Relaying).await;
    }
    for count in [1, 7, 300, 2, 2_000, 1] {
        bed.write_everywhere(count).await;
    }
    bed.relayed(&running).await;
    complete(&bed.kafka, bed.written()).await;
    running.stop().await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_spread_goes_on_from_each_of_its_ends() {
    let bed = Bed::with_spread(3).await;
    bed.write_everywhere(400).await;
    let running = bed.relay().await;
    bed.relayed(&running).await;
    // From here on one stream only: the ends of the other Kafka partitions stay behind.
    bed.write(2, 1_500, |_| 7).await;
    bed.relayed(&running).await;
    running.kill();
    bed.write(2, 300, |_| 7).await;
    bed.write_everywhere(10).await;
    let running = bed.relay().await;
    bed.relayed(&running).await;
    let read = complete(&bed.kafka, bed.written()).await;
    let mut homes: HashMap<&str, i32> = HashMap::new();
    for message in &read {
        assert_eq!(message.kafka_partition / 3, i32::from(message.place.partition), "each has its own three");
        let home = homes.entry(&message.key).or_insert(message.kafka_partition);
        assert_eq!(*home, message.kafka_partition, "a stream stays in one");
    }
    let used: std::collections::BTreeSet<i32> = homes.values().copied().collect();
    assert_eq!(used.len(), 12, "all are used");
    running.stop().await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_the_partitions_and_one_takes_over() {
    let bed = Bed::new().await;
    let (one, two) = (bed.relay().await, bed.relay().await);
    let count = |running: &crate::support::Running| {
        let board = running.relay.board();
        let relays = |partition: &i16| board.at(*partition).unwrap().state == State::Relaying;
        (0..PARTITIONS).filter(relays).count()
    };
    crate::support::until("both work", || (count(&one) == 2 && count(&two) == 2).then_some(())).await;
    bed.write_everywhere(700).await;
    one.kill();
    bed.write_everywhere(700).await;
    crate::support::until("one has all", || (count(&two) == 4).then_some(())).await;
    bed.relayed(&two).await;
    complete(&bed.kafka, bed.written()).await;
    two.stop().await;
    assert_eq!(everything(&bed.kafka).await.len(), usize::try_from(bed.written()).unwrap());
    bed.end().await;
}
