//! A new version of a read model beside the former one.

use std::sync::Arc;

use projections::install::{SHORT_LOG, install};
use projections::parked;
use projections::projection::Projection;
use projections::rebuild::{self, Options};
use projections::verify;

use crate::log::Log;
use crate::tally::{Process, Tally, UNREADABLE};

/// The former release: version 1 is live and folded.
async fn released(events: i64) -> (Log, Process) {
    let log = Log::new().await;
    let one = Tally::version(1);
    let projection: Arc<dyn Projection> = one.clone();
    assert!(install(&log.owner, &[projection]).await.unwrap().is_empty());
    log.grow(events).await;
    let process = Process::start(&log, &one).await;
    process.reaches(events).await;
    (log, process)
}

const COUNTED_BY_ONE: &str = "select sum(events)::bigint from tally_1.counts";
const COUNTED_BY_TWO: &str = "select sum(events)::bigint from tally_2.counts where since_two = 'two'";
const LIVE_TWO: &str =
    "select count(*) from projections.checkpoints where name = 'tally' and version = 2 and copy = 'live'";

#[tokio::test]
async fn a_new_version_is_complete_before_it_is_live_and_the_former_one_serves_meanwhile() {
    let events = SHORT_LOG + 5_000;
    let (log, former) = released(events).await;
    let two = Tally::version(2);
    let projection: Arc<dyn Projection> = two.clone();
    let unbuilt = install(&log.owner, std::slice::from_ref(&projection)).await.unwrap();
    assert_eq!(unbuilt.len(), 1, "the log is long");
    assert_eq!(log.number(LIVE_TWO).await, 0);

    // The new release runs already; its worker waits for the copy.
    let new = Process::start(&log, &two).await;
    let (progress, mut news) = tokio::sync::watch::channel(rebuild::Progress::default());
    let slow = Options { max_rate: Some(8_000), progress, ..Options::default() };
    let building = rebuild::build(&log.owner, &projection, slow);
    let serving = async {
        news.wait_for(|now| now.done > 0).await.unwrap();
        assert_eq!(new.positions.at("tally", 0), 0);
        log.grow(100).await;
        former.reaches(events + 100).await;
        assert_eq!(log.number(LIVE_TWO).await, 0, "not before it is complete");
        log.number(COUNTED_BY_ONE).await
    };
    let (built, served) = tokio::join!(building, serving);
    let built = built.unwrap();
    assert_eq!((built.version, built.switched, built.compared_with), (2, true, None));
    assert_eq!(served, (events + 100) / 5 * 4);

    new.reaches(events + 100).await;
    log.grow(50).await;
    new.reaches(events + 150).await;
    former.reaches(events + 150).await;
    assert_eq!(log.number(COUNTED_BY_TWO).await, (events + 150) / 5 * 4);
    assert_eq!(log.number(COUNTED_BY_ONE).await, (events + 150) / 5 * 4, "the former release goes on");
    let again = rebuild::build(&log.owner, &projection, Options::default()).await.unwrap();
    assert!(!again.switched, "one is enough");
    former.stop().await;
    new.stop().await;
}

#[tokio::test]
async fn two_processes_of_a_new_release_build_it_once() {
    let (log, former) = released(SHORT_LOG + 1_000).await;
    let projection: Arc<dyn Projection> = Tally::version(2);
    assert_eq!(install(&log.owner, std::slice::from_ref(&projection)).await.unwrap().len(), 1);
    let build = || rebuild::build(&log.owner, &projection, Options::default());
    let (one, other) = tokio::join!(build(), build());
    assert!(one.unwrap().switched ^ other.unwrap().switched);
    assert!(install(&log.owner, std::slice::from_ref(&projection)).await.unwrap().is_empty());
    former.stop().await;
}

#[tokio::test]
async fn the_difference_that_a_new_version_makes_is_told_before_it_is_live() {
    let (log, former) = released(2_000).await;
    sqlx::query("update tally_1.counts set events = events + 1 where stream_id = 'item-3'")
        .execute(&log.owner)
        .await
        .unwrap();
    let projection: Arc<dyn Projection> = Tally::version(2);
    let diff_only = Options { diff_only: true, ..Options::default() };
    let told = rebuild::rebuild(&log.owner, &projection, diff_only).await.unwrap();
    assert_eq!((told.compared_with, told.switched), (Some(1), false));
    let [counts, seen] = &told.tables[..] else { panic!("{told:#?}") };
    let shape = counts.shape.as_ref().unwrap();
    assert_eq!((&shape.only_other[..], &shape.only_first[..]), (&["since_two".to_owned()][..], &[][..]));
    assert_eq!((counts.different, counts.only_first, counts.only_other), (1, 0, 0));
    assert!(counts.examples[0].key.ends_with("| item-3"), "{counts:?}");
    assert!(seen.is_equal() && seen.rows == 1_600, "{seen:?}");
    assert_eq!(log.number(LIVE_TWO).await, 0);

    // Ahead of the deployment: the former version serves on, the new one is there when its release starts.
    let made = rebuild::rebuild(&log.owner, &projection, Options::default()).await.unwrap();
    assert!(made.switched && made.pause_ms.is_none());
    assert_eq!(log.number(COUNTED_BY_TWO).await, 1_600);
    log.grow(100).await;
    former.reaches(2_100).await;
    assert_eq!(log.number(COUNTED_BY_ONE).await, 1_681);
    former.stop().await;
}

#[tokio::test]
async fn a_new_version_parks_what_it_cannot_fold_and_goes_on() {
    // Three bad events of three streams among many; the builder meets the first two, catching up the last.
    let log = Log::new().await;
    let former = Tally::version(1);
    let projection: Arc<dyn Projection> = former.clone();
    install(&log.owner, &[projection]).await.unwrap();
    for events in [SHORT_LOG, 3_000] {
        log.grow(events).await;
        log.grow_with(1, UNREADABLE).await;
    }
    let process = Process::start(&log, &former).await;
    process.reaches(SHORT_LOG + 3_002).await;
    process.stop().await;

    let two = Tally::version(2);
    let projection: Arc<dyn Projection> = two.clone();
    let of_two = async || {
        let parked = parked::list(&log.owner).await.unwrap();
        parked.into_iter().filter(|event| event.version == 2).map(|event| event.position).collect::<Vec<_>>()
    };
    let unreadable = [SHORT_LOG + 1, SHORT_LOG + 3_002];
    let diff_only = Options { diff_only: true, ..Options::default() };
    let told = rebuild::rebuild(&log.owner, &projection, diff_only).await.unwrap();
    assert_eq!((told.compared_with, told.parked), (Some(1), 2));
    assert!(told.tables.iter().all(|table| table.differences() == 0), "both leave out the same: {told:#?}");
    assert_eq!(log.number("select count(*) from projections.parked where version = 2").await, 0, "discarded");

    let (progress, mut news) = tokio::sync::watch::channel(rebuild::Progress::default());
    let slow = Options { max_rate: Some(15_000), progress, ..Options::default() };
    let (built, ()) = tokio::join!(rebuild::build(&log.owner, &projection, slow), async {
        news.wait_for(|now| now.done > 0).await.unwrap();
        log.grow(2_999).await;
        log.grow_with(1, UNREADABLE).await;
    });
    let built = built.unwrap();
    assert!(built.switched, "{built:#?}");
    let new = Process::start(&log, &two).await;
    log.grow(50).await;
    new.reaches(SHORT_LOG + 6_052).await;
    let parked = of_two().await;
    assert!(parked.starts_with(&unreadable), "{parked:?}");
    assert_eq!(parked.len(), 3, "{parked:?}");
    new.stop().await;
    let verified = verify::verify(&log.owner, &projection).await.unwrap();
    assert!(verified.is_equal() && verified.parked == 3, "{verified:#?}");
}

#[tokio::test]
async fn a_version_before_the_former_one_is_removed() {
    let (log, former) = released(100).await;
    former.stop().await;
    for version in [2, 3] {
        let projection: Arc<dyn Projection> = Tally::version(version);
        assert!(rebuild::rebuild(&log.owner, &projection, Options::default()).await.unwrap().switched);
    }
    let versions: Vec<i32> = sqlx::query_scalar(
        "select distinct version from projections.checkpoints where name = 'tally' order by version",
    )
    .fetch_all(&log.owner)
    .await
    .unwrap();
    assert_eq!(versions, [2, 3]);
    assert_eq!(log.number("select count(*) from pg_namespace where nspname like 'tally%'").await, 2);
}
