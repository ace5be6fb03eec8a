//! A run that ends early is taken up, and nothing is written twice.

use std::sync::Arc;
use std::time::Duration;

use projections::compare::TableComparison;
use projections::install::install;
use projections::projection::{Projection, ProjectionError};
use projections::rebuild::{self, Options, Progress, Stage};
use projections::status;
use tokio::sync::watch;

use crate::log::Log;
use crate::tally::{Process, Tally};

/// A live copy of so many events, and nobody who folds on.
async fn with_events(events: i64) -> (Log, Arc<Tally>, Arc<dyn Projection>) {
    let log = Log::new().await;
    let tally = Tally::version(1);
    let projection: Arc<dyn Projection> = tally.clone();
    install(&log.owner, std::slice::from_ref(&projection)).await.unwrap();
    log.grow(events).await;
    let process = Process::start(&log, &tally).await;
    process.reaches(events).await;
    process.stop().await;
    (log, tally, projection)
}

const WRITTEN: &str = "select coalesce(max(written), 0)::bigint from projections.loads where copy = 'next'";

#[tokio::test]
async fn a_load_that_fails_again_and_again_goes_on_and_writes_every_row_once() {
    let (log, tally, projection) = with_events(16_000).await;
    let mut written = Vec::new();
    for fails_at in [5_000, 9_000, 12_500, 15_999] {
        tally.fail_at(fails_at);
        let failed = rebuild::rebuild(&log.owner, &projection, Options::default()).await.unwrap_err();
        assert!(failed.to_string().contains("a failure of the test"), "{failed}");
        written.push(log.number(WRITTEN).await);
        let seen = log.number("select count(*) from tally_1__next.seen").await;
        assert_eq!(seen, written.last().unwrap() - written.last().unwrap() / 5, "rows up to what is noted");
        assert_eq!(log.number("select count(*) from tally_1__next.counts").await, 0);
    }
    assert!(written[0] > 0 && written.is_sorted() && written[0] < written[3], "{written:?}");
    let noted = status::rebuilds(&log.owner).await.unwrap();
    assert!(noted[0].outcome.as_ref().unwrap().contains("a failure of the test"), "{noted:?}");
    assert!(!noted[0].running);

    tally.fail_at(i64::MAX);
    let done = rebuild::rebuild(&log.owner, &projection, Options::default()).await.unwrap();
    assert!(done.switched && done.tables.iter().all(TableComparison::is_equal), "{done:#?}");
    assert_eq!(log.number("select count(*) from tally_1.seen").await, 12_800);
    assert_eq!(log.number("select sum(events)::bigint from tally_1.counts").await, 12_800);
    let noted = status::rebuilds(&log.owner).await.unwrap();
    let (outcome, differences) = (noted[0].outcome.as_deref(), noted[0].differences);
    assert_eq!((outcome, differences, noted[0].stage.as_str()), (Some("switched"), Some(0), "done"));
    assert!(noted[0].pause_ms.is_some());
}

#[tokio::test]
async fn a_caller_who_leaves_stops_the_work_and_the_next_one_goes_on_with_it() {
    let (log, _, projection) = with_events(16_000).await;
    let (progress, mut news) = watch::channel(Progress::default());
    let slow = Options { max_rate: Some(8_000), progress, ..Options::default() };
    tokio::select! {
        done = rebuild::rebuild(&log.owner, &projection, slow) => panic!("it was too fast: {done:?}"),
        () = async {
            while log.number(WRITTEN).await == 0 {
                news.changed().await.unwrap();
            }
        } => {}
    }
    let told = *news.borrow();
    assert_eq!((told.stage, told.total), (Stage::Loading, 16_000));
    assert!(told.done < told.total && told.per_second <= 8_100, "{told:?}");
    assert!(told.remaining().is_some_and(|left| left <= Duration::from_secs(4)), "{told:?}");
    let written = log.number(WRITTEN).await;
    let done = loop {
        // The threads of the first run are still ending.
        match rebuild::rebuild(&log.owner, &projection, Options::default()).await {
            Err(ProjectionError::UnderWay(_)) => tokio::task::yield_now().await,
            done => break done.unwrap(),
        }
    };
    assert!(written > 0);
    assert!(done.switched && done.tables.iter().all(TableComparison::is_equal), "{done:#?}");
}

#[tokio::test]
async fn a_copy_that_other_code_began_is_begun_afresh() {
    let (log, tally, projection) = with_events(6_000).await;
    tally.fail_at(5_900);
    rebuild::rebuild(&log.owner, &projection, Options::default()).await.unwrap_err();
    assert!(log.number(WRITTEN).await > 0);
    // Rows that the other code would have made.
    let spoil = "update projections.rebuilds set fingerprint = 'other'; delete from tally_1__next.seen";
    sqlx::raw_sql(spoil).execute(&log.owner).await.unwrap();
    tally.fail_at(i64::MAX);
    let done = rebuild::rebuild(&log.owner, &projection, Options::default()).await.unwrap();
    assert!(done.tables.iter().all(TableComparison::is_equal), "{done:#?}");
}

#[tokio::test]
async fn the_rate_is_held() {
    let (log, _, projection) = with_events(6_000).await;
    let begun = std::time::Instant::now();
    let options = Options { diff_only: true, max_rate: Some(6_000), ..Options::default() };
    rebuild::rebuild(&log.owner, &projection, options).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(990), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn two_rebuilds_of_one_read_model_do_not_meet() {
    let (log, _, projection) = with_events(6_000).await;
    let (progress, mut news) = watch::channel(Progress::default());
    let slow = Options { diff_only: true, max_rate: Some(3_000), progress, ..Options::default() };
    let (first, second) = tokio::join!(rebuild::rebuild(&log.owner, &projection, slow), async {
        news.wait_for(|now| now.done > 0).await.unwrap();
        let noted = status::rebuilds(&log.owner).await.unwrap();
        let second = rebuild::rebuild(&log.owner, &projection, Options::default()).await;
        (noted, second)
    });
    let (noted, second) = second;
    assert!(noted[0].running && noted[0].finished_at.is_none(), "{noted:?}");
    assert!(matches!(second, Err(ProjectionError::UnderWay(_))), "{second:?}");
    assert!(!first.unwrap().switched);
}
