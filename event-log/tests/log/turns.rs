//! Processes that append to one partition take turns; the head alone decides.

use event_log::append::{Appended, KeyKind, append, append_in_turn, append_unless_turn, head, seal};
use event_log::turn;
use migrations::Role;
use migrations::testing::{TestDatabase, fresh_database};
use sqlx::PgConnection;

use crate::support::{batch, claim, done};

const LIMIT: i64 = 100;

#[tokio::test]
async fn whoever_has_the_turn_appends_and_others_are_told_to_wait() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let (mut own, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let start = head(&mut own, 0).await.unwrap();
    turn::take(&mut own, 0, 0, LIMIT).await.unwrap().expect("nobody has it");

    let late = batch(0, start.clone(), 1);
    let Appended::Stale(told) = append_unless_turn(&mut other, &late, &seal(&late)).await.unwrap() else {
        panic!("somebody else has the turn");
    };
    assert_eq!(told, start, "nothing was written");
    let elsewhere = batch(1, head(&mut other, 1).await.unwrap(), 1);
    done(append_unless_turn(&mut other, &elsewhere, &seal(&elsewhere)).await.unwrap());

    let mine = batch(0, start, 2);
    let stands = done(append_in_turn(&mut own, &mine, &seal(&mine)).await.unwrap());
    let next = batch(0, stands, 1);
    assert_eq!(done(append_unless_turn(&mut other, &next, &seal(&next)).await.unwrap()).position, 3);
}

#[tokio::test]
async fn a_turn_waits_for_the_one_before_it_and_begins_with_what_that_appended() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let (mut one, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let first = turn::take(&mut one, 0, 0, LIMIT).await.unwrap().unwrap();
    assert_eq!(first.events.unwrap(), []);
    let mine = batch(0, first.head, 3);
    let (tail, stands) = tokio::join!(turn::take(&mut other, 0, 0, LIMIT), async {
        until_somebody_waits(&database).await;
        done(append_in_turn(&mut one, &mine, &seal(&mine)).await.unwrap())
    });
    let tail = tail.unwrap().unwrap();
    assert_eq!(tail.head, stands);
    let events = tail.events.unwrap();
    assert_eq!(events.iter().map(|event| event.event_id).collect::<Vec<_>>(), ids(&mine));
    turn::end(&mut other, 0).await.unwrap();
    let known = turn::take(&mut one, 0, 1, LIMIT).await.unwrap().unwrap();
    assert_eq!(known.events.unwrap().len(), 2, "only what is not known");
    turn::end(&mut one, 0).await.unwrap();
    let many = turn::take(&mut one, 0, 0, 2).await.unwrap().unwrap();
    assert!(many.events.is_none(), "more than was asked for");
    assert_eq!(many.head, stands);
}

#[tokio::test]
async fn a_turn_goes_on_while_keys_are_taken_and_ends_where_the_head_has_moved() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let (mut own, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let mut first = batch(0, head(&mut own, 0).await.unwrap(), 1);
    first.keys = vec![(claim(KeyKind::Request, "k", "digest"), 1)];
    let stands = done(append(&mut own, &first).await.unwrap());

    turn::take(&mut own, 0, 1, LIMIT).await.unwrap().unwrap();
    let mut again = batch(0, stands.clone(), 1);
    again.keys = vec![(claim(KeyKind::Request, "k", "digest"), 2)];
    let Appended::KeysTaken(_) = append_in_turn(&mut own, &again, &seal(&again)).await.unwrap() else {
        panic!("the key was used");
    };
    let (late, behind) = (batch(0, stands.clone(), 1), batch(0, stands, 2));
    let refused = append_unless_turn(&mut other, &late, &seal(&late)).await.unwrap();
    assert!(matches!(refused, Appended::Stale(_)), "the turn goes on");

    let stands = done(append(&mut other, &late).await.unwrap());
    let stale = append_in_turn(&mut own, &behind, &seal(&behind)).await.unwrap();
    assert!(matches!(stale, Appended::Stale(_)));
    let next = batch(0, stands, 1);
    done(append_unless_turn(&mut other, &next, &seal(&next)).await.unwrap());
}

#[tokio::test]
async fn a_holder_that_falls_silent_loses_its_turn() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let (mut silent, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    turn::take(&mut silent, 0, 0, LIMIT).await.unwrap().unwrap();
    let tail = loop {
        if let Some(tail) = turn::take(&mut other, 0, 0, LIMIT).await.unwrap() {
            break tail;
        }
    };
    let mine = batch(0, tail.head, 1);
    done(append_in_turn(&mut other, &mine, &seal(&mine)).await.unwrap());
    assert!(turn::end(&mut silent, 0).await.is_err(), "its session was ended");
}

#[tokio::test]
async fn a_turn_leaves_no_setting_behind() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 1).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let before = settings(&mut conn).await;
    turn::take(&mut conn, 0, 0, LIMIT).await.unwrap().unwrap();
    let (lock, _) = settings(&mut conn).await;
    assert_eq!(lock, before.0, "reads within a turn wait as long as others");
    turn::end(&mut conn, 0).await.unwrap();
    assert_eq!(settings(&mut conn).await, before);
}

async fn settings(conn: &mut PgConnection) -> (String, String) {
    sqlx::query_as("select current_setting('lock_timeout'), current_setting('idle_session_timeout')")
        .fetch_one(conn)
        .await
        .unwrap()
}

async fn until_somebody_waits(database: &TestDatabase) {
    let waits = "select exists (select from pg_locks where locktype = 'advisory' and not granted)";
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(database.owner()).await.unwrap() {}
}

fn ids(batch: &event_log::append::Batch) -> Vec<uuid::Uuid> {
    batch.events.iter().map(|event| event.event_id).collect()
}
