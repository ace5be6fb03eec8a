//! Several processes fold one log: shared evenly, and never by two at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Apart, Ledger, World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_come_and_go_while_events_flow_and_each_counts_once() {
    let world = Arc::new(World::new().await);
    let done = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (world, done) = (Arc::clone(&world), Arc::clone(&done));
        async move {
            let mut heads = [0; 4];
            while !done.load(Ordering::SeqCst) {
                for (partition, head) in (0..).zip(&mut heads) {
                    *head = world.append_many(partition, 10).await;
                }
                let enough = heads.iter().sum::<i64>() - 200;
                until("the read model follows", async || world.counted().await >= enough).await;
            }
            heads
        }
    });
    let held = async |name: &str| world.holders().await.iter().filter(|holder| *holder == name).count();
    let first = world.process().await;
    until("one process holds everything", async || held(&first.name).await == 4).await;
    let second = world.process().await;
    until("two share", async || held(&first.name).await == 2 && held(&second.name).await == 2).await;
    let third = world.process().await;
    until("three share", async || held(&third.name).await >= 1).await;
    first.stop().await;
    until("two share again", async || held(&second.name).await == 2 && held(&third.name).await == 2).await;
    done.store(true, Ordering::SeqCst);
    let heads = writing.await.unwrap();
    for (partition, head) in (0..).zip(heads) {
        second.reaches(partition, head).await;
        third.reaches(partition, head).await;
    }
    assert_eq!(world.counted().await, heads.iter().sum::<i64>());
    assert!(world.is_in_order().await);
    second.stop().await;
    third.stop().await;
    assert!(world.verified().await.is_equal());
    assert_eq!(world.holders().await, [""; 4], "whoever stops releases everything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stood_still_with_a_block_in_its_hand_is_refused() {
    let world = Arc::new(World::new().await);
    let (apart, slow_ledger) = (Apart::new(), Arc::new(Ledger::default()));
    let slow = apart.process(&world, slow_ledger.clone()).await;
    slow.reaches(0, world.append_many(0, 20).await).await;
    slow_ledger.gate.shut();
    let head = world.append_many(0, 20).await;
    until("it stands still with the next block", async || slow_ledger.gate.waiting() == 1).await;

    let next = world.process().await;
    next.reaches(0, head).await;
    next.reaches(0, world.append_many(0, 20).await).await;
    assert_eq!(world.holders().await, vec![next.name.clone(); 4]);
    assert_eq!(world.counted().await, 60);

    slow_ledger.gate.open();
    world.goes_on_with(slow, next, 140).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_holder_that_falls_silent_in_the_middle_of_a_transaction_does_not_keep_its_successor_out() {
    let world = World::new().await;
    let head = world.append_many(0, 20).await;
    // As a worker leaves it when its process is stopped: the checkpoint has moved, nothing more comes.
    let mut silent = world.database.owner().begin().await.unwrap();
    sqlx::raw_sql(
        "set local idle_in_transaction_session_timeout = '5s';
         update projections.checkpoints set position = 20 where name = 'ledger' and partition = 0",
    )
    .execute(&mut *silent)
    .await
    .unwrap();
    let process = world.process().await;
    process.reaches(0, head).await;
    assert_eq!(world.counted().await, 20);
    assert!(sqlx::query("select 1").execute(&mut *silent).await.is_err(), "its session has ended");
    process.stop().await;
}
