//! What readers and folding notice of a switch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use event_log::archive::Archive;
use migrations::Role;
use projections::compare::TableComparison;
use projections::install::install;
use projections::projection::Projection;
use projections::rebuild::{self, Options};
use projections::tenant;
use sqlx::PgPool;

use crate::log::Log;
use crate::tally::{HERS, PATIENCE, Process, Tally};

/// How many events were counted, in two statements of one snapshot, as a list and its total are.
async fn read(reads: &PgPool) -> Result<(i64, i64), sqlx::Error> {
    let mut tx = tenant::begin(reads, HERS).await?;
    let counted = sqlx::query_scalar("select sum(events)::bigint from tally_1.counts where company_id = $1")
        .bind(HERS)
        .fetch_one(&mut *tx)
        .await?;
    let seen = sqlx::query_scalar("select count(*) from tally_1.seen where company_id = $1")
        .bind(HERS)
        .fetch_one(&mut *tx)
        .await?;
    Ok((counted, seen))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_notice_nothing_of_rebuilds_and_rollbacks_while_the_log_grows() {
    let log = Arc::new(Log::new().await);
    let tally = Tally::version(1);
    let projection: Arc<dyn Projection> = tally.clone();
    install(&log.owner, std::slice::from_ref(&projection)).await.unwrap();
    let process = Process::start(&log, &tally).await;
    log.grow(3_000).await;
    process.reaches(3_000).await;
    let reads = log.database.pool(Role::Api, 4).await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (reads, over) = (reads.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let (mut last, mut count) = (0, 0_u32);
                while !over.load(Ordering::Relaxed) {
                    let (counted, seen) = read(&reads).await.expect("no read fails");
                    assert_eq!(counted, seen, "two tables of one snapshot");
                    assert!(counted >= last, "what was read is never taken back: {last}, then {counted}");
                    (last, count) = (counted, count + 1);
                }
                count
            })
        })
        .collect();
    let writer = tokio::spawn({
        let (log, over, positions) = (Arc::clone(&log), Arc::clone(&over), process.positions.clone());
        async move {
            let mut head = 3_000;
            while !over.load(Ordering::Relaxed) {
                log.grow(20).await;
                head += 20;
                positions.wait(&["tally"], 0, head, PATIENCE).await.unwrap();
            }
        }
    });
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let done = rebuild::rebuild(&log.owner, &projection, Options::default()).await.unwrap();
        assert!(done.switched && done.tables.iter().all(TableComparison::is_equal), "{done:#?}");
        pauses.push(done.pause_ms.unwrap());
        assert!(rebuild::rollback(&log.owner, &projection, &Archive::default()).await.unwrap());
    }
    over.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    for reader in readers {
        assert!(reader.await.unwrap() > 20);
    }
    let head = log.number("select position from log.log_head where partition = 0").await;
    process.reaches(head).await;
    process.stop().await;
    assert_eq!(read(&reads).await.unwrap().0, head - head / 5);
    assert!(pauses.iter().all(|pause| *pause < 1_000), "{pauses:?}");
}

#[tokio::test]
async fn the_former_copy_comes_back_up_to_date() {
    let log = Log::new().await;
    let tally = Tally::version(1);
    let projection: Arc<dyn Projection> = tally.clone();
    install(&log.owner, std::slice::from_ref(&projection)).await.unwrap();
    assert!(
        !rebuild::rollback(&log.owner, &projection, &Archive::default()).await.unwrap(),
        "there is none yet"
    );
    let process = Process::start(&log, &tally).await;
    log.grow(500).await;
    process.reaches(500).await;
    sqlx::query("delete from tally_1.seen where position < 10").execute(&log.owner).await.unwrap();
    assert!(rebuild::rebuild(&log.owner, &projection, Options::default()).await.unwrap().switched);
    assert_eq!(log.number("select count(*) from tally_1.seen").await, 400);
    log.grow(500).await;
    process.reaches(1_000).await;
    assert!(rebuild::rollback(&log.owner, &projection, &Archive::default()).await.unwrap());
    let spoilt = log.number("select count(*) from tally_1.seen").await;
    assert_eq!(spoilt, 800 - 8, "the former copy as it was, and what it missed");
    log.grow(10).await;
    process.reaches(1_010).await;
    assert_eq!(log.number("select count(*) from tally_1.seen").await, 808 - 8);
    assert!(
        rebuild::rollback(&log.owner, &projection, &Archive::default()).await.unwrap(),
        "and once more to the other"
    );
    assert_eq!(log.number("select count(*) from tally_1.seen").await, 808);
    process.stop().await;
}

#[tokio::test]
async fn a_copy_that_is_held_is_waited_for_and_folding_is_not_stopped_for_long() {
    let log = Log::new().await;
    let tally = Tally::version(1);
    let projection: Arc<dyn Projection> = tally.clone();
    install(&log.owner, std::slice::from_ref(&projection)).await.unwrap();
    let process = Process::start(&log, &tally).await;
    log.grow(200).await;
    process.reaches(200).await;
    // A long fold, in the middle of its transaction.
    let mut fold = log.owner.begin().await.unwrap();
    sqlx::query("select from projections.checkpoints where name = 'tally' and partition = 2 for update")
        .execute(&mut *fold)
        .await
        .unwrap();
    let held = async {
        let waiting = "select count(*) from pg_stat_activity
            where application_name = 'stocktrail_rebuild' and wait_event_type = 'Lock' and datname = current_database()";
        while log.number(waiting).await == 0 {
            tokio::task::yield_now().await;
        }
        fold.rollback().await.unwrap();
    };
    let (done, ()) = tokio::join!(rebuild::rebuild(&log.owner, &projection, Options::default()), held);
    assert!(done.unwrap().switched);
    process.stop().await;
}
