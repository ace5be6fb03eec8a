//! Leases: one holder at a time, a new epoch for each, even shares for all who come.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use migrations::Role;
use migrations::testing::{TestDatabase, fresh_database};
use projections::lease::sharing::{Shares, Sharing};
use projections::lease::{Lease, Leases};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const SHORT: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_secs(30);

async fn pool(database: &TestDatabase) -> PgPool {
    database.pool(Role::Projector, 4).await.unwrap()
}

fn leases(pool: &PgPool, number: u128) -> Leases {
    Leases::new(pool.clone(), Uuid::from_u128(number), &format!("process {number}"))
}

async fn claim_in_time(leases: &Leases, partition: i16) -> Lease {
    let begun = Instant::now();
    loop {
        if let Some(lease) = leases.claim("work", partition).await.unwrap() {
            return lease;
        }
        assert!(begun.elapsed() < PATIENCE, "never free");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_is_released() {
    let database = fresh_database().await;
    let pool = pool(&database).await;
    let (hers, his) = (leases(&pool, 1), leases(&pool, 2));
    let lease = hers.claim("work", 0).await.unwrap().unwrap();
    assert_eq!(lease.epoch, 1);
    assert_eq!(his.claim("work", 0).await.unwrap(), None);
    assert_eq!(his.claim("work", 1).await.unwrap().unwrap().epoch, 1, "another partition is another lease");
    hers.release(&lease).await.unwrap();
    let next = his.claim("work", 0).await.unwrap().unwrap();
    assert_eq!(next.epoch, 2);
    assert!(!hers.renew(&lease).await.unwrap());
    hers.release(&lease).await.unwrap();
    assert!(his.renew(&next).await.unwrap(), "who has lost a lease cannot release it");
}

#[tokio::test]
async fn a_silent_holder_is_replaced_and_its_writes_are_refused() {
    let database = fresh_database().await;
    let pool = pool(&database).await;
    let (silent, next) = (leases(&pool, 1).lasting(SHORT), leases(&pool, 2));
    let old = silent.claim("work", 0).await.unwrap().unwrap();
    let mut tx = pool.begin().await.unwrap();
    assert!(old.is_held(&mut tx).await.unwrap());
    tx.commit().await.unwrap();

    let new = claim_in_time(&next, 0).await;
    assert_eq!(new.epoch, old.epoch + 1);
    let mut tx = pool.begin().await.unwrap();
    assert!(!old.is_held(&mut tx).await.unwrap());
    assert!(new.is_held(&mut tx).await.unwrap());
    tx.rollback().await.unwrap();
    assert!(!silent.renew(&old).await.unwrap());
}

#[tokio::test]
async fn a_holder_whose_lease_ran_out_goes_on_where_nobody_came() {
    let database = fresh_database().await;
    let pool = pool(&database).await;
    let leases = leases(&pool, 1).lasting(Duration::ZERO);
    let lease = leases.claim("work", 0).await.unwrap().unwrap();
    assert!(leases.renew(&lease).await.unwrap());
    assert_eq!(leases.claim("work", 0).await.unwrap().unwrap().epoch, 2, "a claim is always a new epoch");
    assert!(!leases.renew(&lease).await.unwrap());
}

#[tokio::test]
async fn nobody_takes_over_while_a_fenced_transaction_is_under_way() {
    let database = fresh_database().await;
    let pool = pool(&database).await;
    let (slow, next) = (leases(&pool, 1).lasting(Duration::ZERO), leases(&pool, 2));
    let lease = slow.claim("work", 0).await.unwrap().unwrap();
    let mut tx = pool.begin().await.unwrap();
    assert!(lease.is_held(&mut tx).await.unwrap());
    let claiming = tokio::spawn(async move { next.claim("work", 0).await });
    let begun = Instant::now();
    while waiting_for_a_lock(&database).await == 0 {
        assert!(begun.elapsed() < PATIENCE, "the claim does not wait");
    }
    assert!(!claiming.is_finished());
    tx.commit().await.unwrap();
    assert_eq!(claiming.await.unwrap().unwrap().unwrap().epoch, 2);
}

async fn waiting_for_a_lock(database: &TestDatabase) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    )
    .fetch_one(database.owner())
    .await
    .unwrap()
}

#[tokio::test]
async fn a_kept_lease_outlives_its_time_and_is_free_when_its_keeper_stops() {
    let database = fresh_database().await;
    let pool = pool(&database).await;
    let (keeper, other) = (leases(&pool, 1).lasting(Duration::from_secs(2)), leases(&pool, 2));
    let lease = keeper.claim("work", 0).await.unwrap().unwrap();
    let first_end = ends_at(&pool).await;
    let stop = CancellationToken::new();
    let keeping = tokio::spawn({
        let (keeper, lease, stop) = (keeper.clone(), lease.clone(), stop.clone());
        async move { keeper.keep(&lease, stop).await }
    });
    loop {
        assert_eq!(other.claim("work", 0).await.unwrap(), None);
        let over: bool = sqlx::query_scalar("select clock_timestamp() > $1 + interval '0.2 s'")
            .bind(first_end)
            .fetch_one(&pool)
            .await
            .unwrap();
        if over {
            break;
        }
    }
    stop.cancel();
    keeping.await.unwrap();
    let next = other.claim("work", 0).await.unwrap().unwrap();
    assert_eq!(next.epoch, 2);

    let stop = CancellationToken::new();
    keeper.keep(&lease, stop.clone()).await;
    assert!(stop.is_cancelled(), "whoever keeps a lost lease is told");
}

async fn ends_at(pool: &PgPool) -> chrono::DateTime<chrono::Utc> {
    sqlx::query_scalar("select expires_at from projections.leases where name = 'work' and partition = 0")
        .fetch_one(pool)
        .await
        .unwrap()
}

/// Steps of several processes, one after the other.
async fn steps(processes: &[Sharing]) -> Vec<Shares> {
    let mut shares = Vec::new();
    for process in processes {
        shares.push(process.step().await.unwrap());
    }
    shares
}

/// Steps, with what is surplus released as a worker would, until nothing changes hands any more.
async fn settle(pool: &PgPool, processes: &[Sharing]) -> Vec<Shares> {
    let begun = Instant::now();
    steps(processes).await;
    loop {
        let shares = steps(processes).await;
        let releasing = leases(pool, 0);
        for lease in shares.iter().flat_map(|share| &share.surplus) {
            releasing.release(lease).await.unwrap();
        }
        if shares.iter().all(|share| share.surplus.is_empty() && share.free == 0) {
            return steps(processes).await;
        }
        assert!(begun.elapsed() < PATIENCE, "never settled: {shares:?}");
    }
}

fn process(pool: &PgPool, number: u128, time: Duration) -> Sharing {
    let names: Vec<Arc<str>> = ["a_1", "b_1", "c_1", "d_1", "e_1", "f_1"].map(Arc::from).to_vec();
    Sharing::new(leases(pool, number).lasting(time), names, 4)
}

fn counts(shares: &[Shares]) -> Vec<usize> {
    let mut counts: Vec<usize> = shares.iter().map(|share| share.held.len()).collect();
    counts.sort_unstable();
    counts
}

#[tokio::test]
async fn work_is_shared_evenly_as_processes_come_leave_and_die() {
    let database = fresh_database().await;
    let pool = pool(&database).await;
    let long = Duration::from_mins(1);
    let mut processes = vec![process(&pool, 1, long)];
    assert_eq!(counts(&settle(&pool, &processes).await), [24]);
    processes.extend((2..=4).map(|number| process(&pool, number, long)));
    let shares = settle(&pool, &processes).await;
    assert_eq!(counts(&shares), [6; 4]);
    let places: BTreeSet<_> = shares
        .iter()
        .flat_map(|share| &share.held)
        .map(|lease| (lease.name.clone(), lease.partition))
        .collect();
    assert_eq!(places.len(), 24, "nothing is held twice");

    processes.pop().unwrap().leave().await.unwrap();
    assert_eq!(counts(&settle(&pool, &processes).await), [8; 3]);

    // One that dies says nothing: what it had is free when its time is over.
    sqlx::query("update projections.leases set expires_at = clock_timestamp() where holder = $1")
        .bind(Uuid::from_u128(1))
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("update projections.lease_takers set expires_at = clock_timestamp() where holder = $1")
        .bind(Uuid::from_u128(1))
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(counts(&settle(&pool, &processes[1..]).await), [12; 2]);
}
