//! Processes that append to one partition take turns; the head alone decides.

use event_log::append::{Appended, append, append_sealed, append_unless_turn, head, seal};
use event_log::turn;
use migrations::Role;
use migrations::testing::fresh_database;

use crate::support::{batch, done};

#[tokio::test]
async fn whoever_has_the_turn_appends_and_others_are_told_to_wait() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 4).await.unwrap();
    let (mut turns, mut own) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let mut other = pool.acquire().await.unwrap();
    let start = head(&mut own, 0).await.unwrap();
    assert!(turn::begin(&mut turns, 0).await.unwrap());

    let late = batch(0, start.clone(), 1);
    let Appended::Stale(told) = append_unless_turn(&mut other, &late, &seal(&late)).await.unwrap() else {
        panic!("somebody else has the turn");
    };
    assert_eq!(told, start, "nothing was written");
    let elsewhere = batch(1, head(&mut other, 1).await.unwrap(), 1);
    done(append_unless_turn(&mut other, &elsewhere, &seal(&elsewhere)).await.unwrap());

    let mine = batch(0, start, 2);
    let stands = done(append_sealed(&mut own, &mine, &seal(&mine)).await.unwrap());
    turn::end(&mut turns).await.unwrap();
    let next = batch(0, stands, 1);
    assert_eq!(done(append_unless_turn(&mut other, &next, &seal(&next)).await.unwrap()).position, 3);
}

#[tokio::test]
async fn a_turn_waits_for_the_one_before_it() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 4).await.unwrap();
    let (mut one, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    assert!(turn::begin(&mut one, 0).await.unwrap());
    let (began, ()) = tokio::join!(turn::begin(&mut other, 0), async {
        let waits = "select exists (select from pg_locks where locktype = 'advisory' and not granted)";
        while !sqlx::query_scalar::<_, bool>(waits).fetch_one(database.owner()).await.unwrap() {}
        turn::end(&mut one).await.unwrap();
    });
    assert!(began.unwrap());
}

#[tokio::test]
async fn a_holder_that_falls_silent_loses_its_turn() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 4).await.unwrap();
    let (mut silent, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    assert!(turn::begin(&mut silent, 0).await.unwrap());
    while !turn::begin(&mut other, 0).await.unwrap() {}
    let mine = batch(0, head(&mut other, 0).await.unwrap(), 1);
    turn::end(&mut other).await.unwrap();
    done(append(&mut other, &mine).await.unwrap());
    assert!(turn::end(&mut silent).await.is_err(), "its session was ended");
}

#[tokio::test]
async fn reads_within_a_turn_wait_as_long_as_others() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 1).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let patience = "select current_setting('lock_timeout')";
    let before: String = sqlx::query_scalar(patience).fetch_one(&mut *conn).await.unwrap();
    assert!(turn::begin(&mut conn, 0).await.unwrap());
    let within: String = sqlx::query_scalar(patience).fetch_one(&mut *conn).await.unwrap();
    assert_eq!(within, before);
}
