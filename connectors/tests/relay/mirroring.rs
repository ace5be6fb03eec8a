//! The mirror, against a fake that keeps to KurrentDB's rules: an append names the revision that it expects.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use connectors::board::State;
use connectors::kurrent::mirror::{MirrorParts, start};
use connectors::kurrent::streams::{AppendError, Mirrored, Streams, name_of};
use connectors::outlet::Outlet;
use event_log::read;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::support::{Bed, PARTITIONS, until};

/// Streams in memory.
#[derive(Clone, Default)]
struct Fake {
    streams: Arc<Mutex<HashMap<String, Vec<Mirrored>>>>,
    appends: Arc<AtomicUsize>,
    /// Of so many appends one is not made, and one is made but not confirmed; 0: none.
    trouble: usize,
}

impl Streams for Fake {
    fn append<'a>(
        &'a self,
        stream: &'a str,
        expected: Option<u64>,
        events: &'a [Mirrored],
    ) -> BoxFuture<'a, Result<(), AppendError>> {
        Box::pin(async move {
            let number = self.appends.fetch_add(1, Ordering::Relaxed);
            let troubled = |when: usize| self.trouble > 0 && number % self.trouble == when;
            if troubled(3) {
                return Err(AppendError::Failed("the request was lost".into()));
            }
            let mut streams = self.streams.lock().unwrap();
            let stream = streams.entry(stream.to_owned()).or_default();
            let current = u64::try_from(stream.len()).unwrap().checked_sub(1);
            if current != expected {
                return Err(AppendError::Elsewhere { current });
            }
            stream.extend_from_slice(events);
            if troubled(5) {
                return Err(AppendError::Failed("the answer was lost".into()));
            }
            Ok(())
        })
    }
}

async fn mirror(bed: &Bed, fake: &Fake) -> (Outlet, CancellationToken) {
    let (outlet, stop) = bed.outlet().await;
    (start(MirrorParts { streams: fake.clone(), outlet }), stop)
}

async fn caught_up(bed: &Bed, outlet: &Outlet) {
    let board = outlet.board();
    let mut conn = bed.database.owner().acquire().await.unwrap();
    for partition in 0..PARTITIONS {
        let head = event_log::append::head(&mut conn, partition).await.unwrap().position;
        until("it is mirrored", || board.at(partition)?.position.filter(|position| *position >= head)).await;
    }
}

/// What should be there, from the log.
async fn expected(bed: &Bed) -> BTreeMap<String, Vec<Mirrored>> {
    let mut conn = bed.database.owner().acquire().await.unwrap();
    let mut streams: BTreeMap<String, Vec<Mirrored>> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        for event in read::after(&mut conn, partition, 0, 100_000).await.unwrap() {
            streams.entry(name_of(&event)).or_default().push(Mirrored::of(&event).unwrap());
        }
    }
    streams
}

fn found(fake: &Fake) -> BTreeMap<String, Vec<Mirrored>> {
    fake.streams.lock().unwrap().clone().into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_mirrored_once_though_requests_and_answers_are_lost() {
    let bed = Bed::new().await;
    let fake = Fake { trouble: 40, ..Fake::default() };
    bed.write_everywhere(1_000).await;
    let (outlet, stop) = mirror(&bed, &fake).await;
    bed.write(1, 600, |_| 3).await;
    bed.write_everywhere(100).await;
    caught_up(&bed, &outlet).await;
    assert_eq!(found(&fake), expected(&bed).await);
    outlet.stop().await;
    stop.cancel();
    let some = found(&fake).into_values().next().unwrap().remove(0);
    let metadata: serde_json::Value = serde_json::from_str(&some.metadata).unwrap();
    assert_eq!(metadata["metadata"]["actor"], "system:test");
    assert_eq!(metadata["recorded_at"], "2026-11-20T12:00:00.123456Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_once_more_changes_nothing() {
    let bed = Bed::new().await;
    let fake = Fake::default();
    bed.write_everywhere(300).await;
    let (outlet, stop) = mirror(&bed, &fake).await;
    caught_up(&bed, &outlet).await;
    drop(outlet);
    stop.cancel();
    sqlx::query("delete from projections.outbound").execute(bed.database.owner()).await.unwrap();
    bed.write_everywhere(200).await;
    let (outlet, stop) = mirror(&bed, &fake).await;
    caught_up(&bed, &outlet).await;
    assert_eq!(found(&fake), expected(&bed).await);
    outlet.stop().await;
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_has_lost_events_is_told_and_not_written_to() {
    let bed = Bed::new().await;
    let fake = Fake::default();
    bed.write(2, 10, |_| 1).await;
    let (outlet, stop) = mirror(&bed, &fake).await;
    caught_up(&bed, &outlet).await;
    for stream in fake.streams.lock().unwrap().values_mut() {
        stream.truncate(4);
    }
    bed.write(2, 10, |_| 1).await;
    let board = outlet.board();
    let why = until("it waits", || {
        let standing = board.at(2)?;
        standing.detail.filter(|_| standing.state == State::Waiting)
    })
    .await;
    assert!(why.contains("has 4 events and should have 10"), "{why}");
    assert_eq!(found(&fake).into_values().next().unwrap().len(), 4);
    outlet.stop().await;
    stop.cancel();
}
