//! A process that is stopped for longer than its leases last, and goes on as if nothing had been.
//!
//! `STOCKTRAIL_STOP_ROUNDS=20 STOCKTRAIL_STOP_SECONDS=60` is the long form; otherwise once, for as long as it takes until
//! another process has taken over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::PgPool;

use crate::load::Load;
use crate::server::Server;
use crate::town::{TAKE_OVER, Town, holders, leases, until_held_by, until_shared};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_holder_is_replaced_in_time_and_refused_by_the_epoch_when_it_goes_on() {
    let town = Town::found().await;
    let api = town.start("api").await;
    let load = Load::begin(&api.url).await;
    let workers = [town.start("worker").await, town.start("worker").await];
    let stop = AtomicBool::new(false);
    let rounds = setting("STOCKTRAIL_STOP_ROUNDS", 1);
    let trouble = async {
        for round in 0..rounds {
            let (victim, other) = if round % 2 == 0 { (0, 1) } else { (1, 0) };
            let (took, writes) =
                stop_and_go_on(&town, &load, &api, (&workers[victim], &workers[other])).await;
            println!("taken over after {took:?}, {writes} writes refused");
        }
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(load.run_by(4, &api.url, &stop), trouble);
    load.settle(&api.url).await;
    town.is_sound(&api, &load).await;
    for worker in workers {
        worker.stop();
    }
    api.stop();
}

/// Stops one of the two (the victim, unless it folds nothing of the partition that is written) while some of its workers
/// wait for blocks of the log, which they then have in their hands when they go on. Answers how long the other took to
/// take over, and how many writes were refused.
async fn stop_and_go_on(
    town: &Town,
    load: &Load,
    api: &Server,
    (victim, other): (&Server, &Server),
) -> (Duration, f64) {
    until_shared(load, api, &[(victim.pid(), leases() / 2), (other.pid(), leases() / 2)]).await;
    let owner = town.database.owner();
    let partition: i64 =
        sqlx::query_scalar("select partition::bigint from log.log_head order by position desc limit 1")
            .fetch_one(owner)
            .await
            .unwrap();
    let held = holders(load, api).await;
    let folds =
        |server: &Server| held.iter().any(|(place, pid)| place.1 == partition && *pid == server.pid());
    let (victim, other) = if folds(victim) { (victim, other) } else { (other, victim) };
    let refused = victim.metric("stocktrail_projection_refused_total").await;
    // Readers of the log must look at every child of its table, writers only at the one that they write: never the newest,
    // which is made ahead of need.
    let newest: String = sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'log.events'::regclass order by 1 desc limit 1",
    )
    .fetch_one(owner)
    .await
    .unwrap();
    let mut lock = owner.begin().await.unwrap();
    let locks = format!("lock table {newest} in access exclusive mode");
    sqlx::raw_sql(&locks).execute(&mut *lock).await.unwrap();
    let (begun, active) = (Instant::now(), load.acknowledged.lock().unwrap().len());
    let readers = i64::try_from(leases() / 4).unwrap();
    while waiting_readers(owner).await < readers {
        let news = load.acknowledged.lock().unwrap().len() - active;
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody waits for the log after {news} commands");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    victim.halt();
    let halted = Instant::now();
    lock.rollback().await.unwrap();
    until_held_by(load, api, &[other.pid()]).await;
    let took = halted.elapsed();
    assert!(took <= TAKE_OVER, "taken over after {took:?}");
    let pause = Duration::from_secs(setting("STOCKTRAIL_STOP_SECONDS", 0));
    tokio::time::sleep(pause.saturating_sub(halted.elapsed())).await;
    victim.go_on();
    let begun = Instant::now();
    loop {
        let now = victim.metric("stocktrail_projection_refused_total").await;
        if now > refused {
            return (took, now - refused);
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing was refused: {}", victim.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Read models that wait for the log: one for each, since all events are of one partition.
async fn waiting_readers(owner: &PgPool) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_stat_activity
         where datname = current_database() and application_name = 'stocktrail_projector'
           and wait_event_type = 'Lock' and query like '%from log.events where partition%'",
    )
    .fetch_one(owner)
    .await
    .unwrap()
}
