//! Rebuilds while the workers of several processes fold, and while events are parked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::DateTime;
use event_log::archive::{self, Archive};
use migrations::testing::small_children;
use projections::compare::TableComparison;
use projections::parked::list;
use projections::parked::refold::{DecideError, Fate, decide};
use projections::rebuild::{Options, Progress, Rebuild, rebuild, rollback};
use projections::verify::verify_across;
use tokio::sync::watch;

use crate::support::{Apart, HERS, HIS, Ledger, Process, World, until};

async fn rebuilt(world: &World) -> Rebuild {
    let done = rebuild(world.database.owner(), &world.projection(), Options::default()).await.unwrap();
    assert!(done.switched, "{done:#?}");
    done
}

fn equal(rebuilt: &Rebuild) -> bool {
    rebuilt.tables.iter().all(TableComparison::is_equal)
}

/// Who holds the live copy's partitions, and how often that has changed.
async fn held(world: &World) -> Vec<(Option<String>, Option<i64>)> {
    let status = projections::status::read(world.database.owner()).await.unwrap();
    status.into_iter().filter(|row| row.copy == "live").map(|row| (row.holder, row.epoch)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_of_other_processes_go_on_from_the_new_copy_under_their_leases() {
    let world = Arc::new(World::new().await);
    let (one, other) = (world.process().await, world.process().await);
    let share = async |process: &Process| {
        held(&world).await.iter().filter(|(holder, _)| holder.as_ref() == Some(&process.name)).count()
    };
    until("two share", async || share(&one).await == 2 && share(&other).await == 2).await;
    let done = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (world, done) = (Arc::clone(&world), Arc::clone(&done));
        async move {
            let mut heads = [0; 4];
            // A copy that is being made must be able to catch up with the live one.
            let mut pace = tokio::time::interval(Duration::from_millis(50));
            while !done.load(Ordering::SeqCst) {
                pace.tick().await;
                for (partition, head) in (0..).zip(&mut heads) {
                    *head = world.append_many(partition, 10).await;
                }
                let enough = heads.iter().sum::<i64>() - 200;
                until("the read model follows", async || world.counted().await >= enough).await;
            }
            heads
        }
    });
    let before = held(&world).await;
    for _ in 0..3 {
        until("there is something to fold", async || world.counted().await > 400).await;
        assert!(equal(&rebuilt(&world).await));
        assert!(rollback(world.database.owner(), &world.projection(), &Archive::default()).await.unwrap());
        // Wrong rows in the live copy: nobody may carry them on.
        let spoil = "update ledger_1.sums set events = events + 1000 where day = 0";
        sqlx::query(spoil).execute(world.database.owner()).await.unwrap();
        assert!(!equal(&rebuilt(&world).await));
    }
    done.store(true, Ordering::SeqCst);
    let heads = writing.await.unwrap();
    for (partition, head) in (0..).zip(heads) {
        one.reaches(partition, head).await;
        other.reaches(partition, head).await;
    }
    assert_eq!(held(&world).await, before, "nobody had to take anything over");
    assert_eq!(world.counted().await, heads.iter().sum::<i64>(), "every event counts once");
    assert!(world.is_in_order().await);
    one.stop().await;
    other.stop().await;
    assert!(world.verified().await.is_equal());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_slept_over_a_rebuild_writes_nothing_into_the_new_copy_when_it_was_replaced() {
    let world = Arc::new(World::new().await);
    let (apart, slow_ledger) = (Apart::new(), Arc::new(Ledger::default()));
    let slow = apart.process(&world, slow_ledger.clone()).await;
    slow.reaches(0, world.append_many(0, 20).await).await;
    slow_ledger.gate.shut();
    let head = world.append_many(0, 20).await;
    until("it stands still with the next block", async || slow_ledger.gate.waiting() == 1).await;
    sqlx::query("delete from ledger_1.entries").execute(world.database.owner()).await.unwrap();
    assert!(!equal(&rebuilt(&world).await), "its lease is no hindrance");

    let next = world.process().await;
    next.reaches(0, head).await;
    assert_eq!(world.counted().await, 40);
    slow_ledger.gate.open();
    world.goes_on_with(slow, next, 120).await;
}

/// Two companies' streams, hers with an event that cannot be folded, and a process that has come to the end.
async fn with_a_bad_event() -> (World, Process, i64) {
    let world = World::new().await;
    world.append_many(0, 3_000).await;
    world.append(0, &[(HERS, "cup", "{}"), (HERS, "cup", r#""heavy""#), (HIS, "cup", "{}")]).await;
    let head = world.append(0, &[(HERS, "cup", "{}"), (HIS, "cup", "{}")]).await;
    let process = world.process().await;
    process.reaches(0, head).await;
    let id = list(world.database.owner()).await.unwrap()[0].id;
    (world, process, id)
}

#[tokio::test]
async fn a_rebuild_leaves_out_what_is_parked_and_a_retry_mends_the_new_copy() {
    let (world, process, id) = with_a_bad_event().await;
    let done = rebuilt(&world).await;
    assert!(equal(&done), "{done:#?}");
    assert_eq!((done.parked, done.skipped), (1, 0));
    let head = world.append(0, &[(HERS, "cup", "{}"), (HIS, "cup", "{}")]).await;
    process.reaches(0, head).await;
    assert_eq!(world.versions(HERS, "cup").await, [1]);
    assert_eq!(world.versions(HIS, "cup").await, [1, 2, 3]);

    world.ledger.mended.store(true, Ordering::SeqCst);
    let owner = world.database.owner();
    let retried =
        decide(owner, world.ledger.as_ref(), &Archive::default(), Some(id), Fate::Retry).await.unwrap();
    assert_eq!(retried.still_parked, 0);
    assert_eq!(world.versions(HERS, "cup").await, [1, 2, 3, 4]);
    assert!(
        !rollback(owner, &world.projection(), &Archive::default()).await.unwrap(),
        "the former copy lacks them and is gone"
    );
    process.reaches(0, world.append(0, &[(HERS, "cup", "{}")]).await).await;
    process.stop().await;
    let verified = world.verified().await;
    assert!(verified.is_equal() && verified.parked == 0, "{verified:?}");
}

#[tokio::test]
async fn parked_events_are_not_decided_on_during_a_rebuild_and_a_half_made_copy_goes_when_they_are() {
    let (world, process, id) = with_a_bad_event().await;
    let (owner, projection) = (world.database.owner(), world.projection());
    let (progress, mut news) = watch::channel(Progress::default());
    let slow = Options { max_rate: Some(1_000), progress, ..Options::default() };
    tokio::select! {
        done = rebuild(owner, &projection, slow) => panic!("it was too fast: {done:?}"),
        () = async {
            news.wait_for(|now| now.done > 0).await.unwrap();
            let refused = decide(owner, world.ledger.as_ref(), &Archive::default(), Some(id), Fate::Skip).await;
            assert!(matches!(refused, Err(DecideError::Rebuilding("ledger"))), "{refused:?}");
        } => {}
    }
    let skipped = loop {
        // The threads of the rebuild are still ending.
        match decide(owner, world.ledger.as_ref(), &Archive::default(), Some(id), Fate::Skip).await {
            Err(DecideError::Rebuilding(_)) => tokio::task::yield_now().await,
            decided => break decided.unwrap(),
        }
    };
    assert_eq!(skipped.still_parked, 0);
    let noted = projections::status::rebuilds(owner).await.unwrap();
    assert_eq!(noted[0].outcome.as_deref(), Some("discarded"));
    let done = rebuilt(&world).await;
    assert!(equal(&done), "{done:#?}");
    assert_eq!((done.parked, done.skipped), (0, 1));
    assert_eq!(world.versions(HERS, "cup").await, [1, 3]);
    process.stop().await;
}

#[tokio::test]
async fn a_company_is_folded_anew_across_what_was_archived_meanwhile() {
    let world = World::new().await;
    let owner = world.database.owner();
    small_children(owner, 20).await.unwrap();
    world.append(0, &[(HERS, "cup", "{}"), (HERS, "cup", r#""heavy""#), (HIS, "cup", "{}")]).await;
    let process = world.process().await;
    for partition in 0..4 {
        process.reaches(partition, world.append_many(partition, 40).await).await;
    }
    process.reaches(0, world.append(0, &[(HERS, "cup", "{}")]).await).await;
    let folder = tempfile::tempdir().unwrap();
    let mut conn = owner.acquire().await.unwrap();
    let sealed = archive::oldest(&mut conn).await.unwrap().unwrap();
    let mut ranges = Vec::new();
    for partition in 0..4 {
        ranges.push(archive::write(owner, folder.path(), partition, (1, sealed.last)).await.unwrap().0);
    }
    archive::detach(&mut conn, &sealed, &ranges, &["stock_item"], DateTime::UNIX_EPOCH).await.unwrap();

    world.ledger.mended.store(true, Ordering::SeqCst);
    let ledger = world.ledger.as_ref();
    let refused = decide(owner, ledger, &Archive::default(), None, Fate::Retry).await.unwrap_err();
    assert!(refused.to_string().contains("the log could not be read"), "{refused}");
    assert_eq!(world.versions(HERS, "cup").await, [1], "nothing has changed");
    let archive = Archive::at(Some(folder.path().to_owned()));
    let retried = decide(owner, ledger, &archive, None, Fate::Retry).await.unwrap();
    assert_eq!((retried.events, retried.still_parked), (1, 0));
    assert_eq!(world.versions(HERS, "cup").await, [1, 2, 3]);
    assert_eq!(world.counted().await, 3 + 4 * 40 + 1);
    process.reaches(0, world.append(0, &[(HERS, "cup", "{}")]).await).await;
    process.stop().await;
    let verified = verify_across(owner, &world.projection(), &archive).await.unwrap();
    assert!(verified.is_equal() && verified.parked == 0, "{verified:?}");
}
