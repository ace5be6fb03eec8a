//! The example of a consumer, as it is documented: it counts every event once, and notices if one is missing.

use std::path::PathBuf;

use crate::consume::Counter;
use crate::refusing::send;
use crate::support::{Bed, event};

/// Counts until so many are counted, or it fails, and saves in the end.
async fn count(bed: &Bed, file: &std::path::Path, until: i64) -> Result<(), String> {
    let (kafka, file) = (bed.kafka.clone(), PathBuf::from(file));
    let counting = move || {
        let mut counter = Counter::open(&kafka.brokers, &kafka.topic, file).map_err(|e| e.to_string())?;
        while counter.total() < u64::try_from(until).unwrap() {
            counter.step().map_err(|e| e.to_string())?;
        }
        counter.save().map_err(|e| e.to_string())
    };
    tokio::task::spawn_blocking(counting).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_counts_every_event_once_though_it_dies_and_messages_come_again() {
    let bed = Bed::with_spread(2).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counts.json");
    let running = bed.relay().await;
    bed.write_everywhere(300).await;
    bed.relayed(&running).await;
    running.stop().await;
    count(&bed, &file, 700).await.unwrap();
    // What it does after its last save is forgotten with it.
    let forgotten = folder.path().join("forgotten.json");
    std::fs::copy(&file, &forgotten).unwrap();
    count(&bed, &forgotten, 900).await.unwrap();
    count(&bed, &file, 1_200).await.unwrap();
    let last = Counts::read(&file);
    assert_eq!(last.total(), 1_200);
    // The last one of a Kafka partition again, and then the next ones.
    let again = last.read["0"]["position"].as_i64().unwrap();
    send(&bed, Some((&event(0, again, again % 50, 1), again - 1)));
    let running = bed.relay().await;
    bed.write_everywhere(50).await;
    bed.relayed(&running).await;
    running.stop().await;
    count(&bed, &file, 1_400).await.unwrap();
    let last = Counts::read(&file);
    assert_eq!((last.total(), last.by_type.len()), (1_400, 1));
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_ends_at_a_gap() {
    let bed = Bed::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counts.json");
    bed.write(0, 10, |_| 1).await;
    let running = bed.relay().await;
    bed.relayed(&running).await;
    running.stop().await;
    count(&bed, &file, 10).await.unwrap();
    send(&bed, Some((&event(0, 13, 1, 13), 12)));
    let why = count(&bed, &file, 11).await.unwrap_err();
    assert_eq!(why, "Kafka partition 0: after position 10 comes 13, but 12 is missing");
    assert_eq!(Counts::read(&file).total(), 10, "the result stays as it was");
    bed.end().await;
}

/// What the example has written.
#[derive(serde::Deserialize)]
struct Counts {
    by_type: std::collections::BTreeMap<String, i64>,
    read: std::collections::BTreeMap<String, serde_json::Value>,
}

impl Counts {
    fn read(file: &std::path::Path) -> Self {
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }

    fn total(&self) -> i64 {
        self.by_type.values().sum()
    }
}
