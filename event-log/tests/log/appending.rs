//! One batch, one round trip: all of it or nothing.

use event_log::LogError;
use event_log::append::{Appended, KeyKind, append, head, key_id, partitions, seal};
use event_log::{keys, read, snapshot};
use migrations::Role;
use migrations::testing::fresh_database;
use sqlx::Connection;

use crate::support::{batch, claim, company, done, event, grow, noon};

#[tokio::test]
async fn a_batch_is_read_back_as_it_was_appended() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(partitions(&mut conn).await.unwrap(), 4);
    let start = head(&mut conn, 2).await.unwrap();
    let batch = batch(2, start, 3);
    let stands = done(append(&mut conn, &batch).await.unwrap());
    assert_eq!((stands.position, stands.batch), (3, 1));
    assert_eq!(stands, seal(&batch).after);
    assert_eq!(head(&mut conn, 2).await.unwrap(), stands);
    assert_eq!(read::after(&mut conn, 2, 0, 10).await.unwrap(), batch.events);
    assert!(matches!(head(&mut conn, 9).await, Err(LogError::UnknownPartition(9))));
}

#[tokio::test]
async fn a_stale_batch_writes_nothing_and_is_told_where_the_head_stands() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let start = head(&mut conn, 0).await.unwrap();
    let stands = grow(&mut conn, 0, 2).await;
    let mut late = batch(0, start, 1);
    late.events[0].payload = "{}".into();
    late.keys.push((claim(KeyKind::Request, "late", "body"), 1));
    let Appended::Stale(told) = append(&mut conn, &late).await.unwrap() else { panic!("not stale") };
    assert_eq!(told, stands);
    assert_eq!(head(&mut conn, 0).await.unwrap(), stands);
    assert!(
        keys::lookup(&mut conn, 0, &[(company(1), KeyKind::Request, key_id(&["late"]))])
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_batch_whose_acknowledgement_was_lost_is_done_when_tried_again() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let batch = batch(0, head(&mut conn, 0).await.unwrap(), 2);
    let first = done(append(&mut conn, &batch).await.unwrap());
    assert_eq!(done(append(&mut conn, &batch).await.unwrap()), first);
    assert_eq!(read::after(&mut conn, 0, 0, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_taken_key_stops_the_whole_batch_and_answers_what_it_stands_for() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let mut first = batch(1, head(&mut conn, 1).await.unwrap(), 1);
    first.keys.push((claim(KeyKind::Request, "k", "body"), 1));
    let stands = done(append(&mut conn, &first).await.unwrap());
    let mut second = batch(1, stands.clone(), 1);
    second.keys.push((claim(KeyKind::Request, "k", "other body"), 2));
    second.keys.push((claim(KeyKind::External, "k", "body"), 2));
    let Appended::KeysTaken(taken) = append(&mut conn, &second).await.unwrap() else { panic!("not taken") };
    assert_eq!(taken.len(), 1, "kinds never meet");
    assert_eq!(taken[0].digest, key_id(&["body"]));
    assert_eq!((taken[0].position, taken[0].recorded_at), (1, noon()));
    assert_eq!(taken[0].answer.as_deref(), Some("{\"on_hand\": 1}"));
    assert_eq!(head(&mut conn, 1).await.unwrap(), stands);
}

#[tokio::test]
async fn a_batch_that_claims_a_key_twice_is_a_mistake() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let mut twice = batch(1, head(&mut conn, 1).await.unwrap(), 1);
    twice.keys.push((claim(KeyKind::Request, "a", "x"), 1));
    twice.keys.push((claim(KeyKind::Request, "a", "y"), 1));
    assert!(matches!(append(&mut conn, &twice).await, Err(LogError::KeyTwice(_))));
}

#[tokio::test]
async fn request_keys_expire_and_keys_of_outside_facts_stay() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let mut only_keys = batch(1, head(&mut conn, 1).await.unwrap(), 0);
    only_keys.keys.push((claim(KeyKind::Request, "k", "b"), 0));
    only_keys.keys.push((claim(KeyKind::External, "k", "b"), 0));
    let stands = done(append(&mut conn, &only_keys).await.unwrap());
    assert_eq!((stands.position, stands.batch), (0, 0), "a batch without events leaves the head where it is");
    assert_eq!(keys::expire(&mut conn, noon()).await.unwrap(), 0);
    assert_eq!(keys::expire(&mut conn, noon() + chrono::Duration::days(8)).await.unwrap(), 1);
    let wanted = [KeyKind::Request, KeyKind::External].map(|kind| (company(1), kind, key_id(&["k"])));
    let left = keys::lookup(&mut conn, 1, &wanted).await.unwrap();
    assert_eq!(left.iter().map(|key| key.kind).collect::<Vec<_>>(), [KeyKind::External]);
}

#[tokio::test]
async fn of_two_writers_on_one_head_one_is_done_and_one_is_stale() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 8).await.unwrap();
    for _ in 0..20 {
        let expected = head(&mut pool.acquire().await.unwrap(), 0).await.unwrap();
        let writers = (0..4).map(|writer| {
            let (pool, expected) = (pool.clone(), expected.clone());
            async move {
                let mut batch = batch(0, expected, 3);
                batch.events[0].metadata = format!("{{\"writer\":{writer}}}").into();
                append(&mut pool.acquire().await.unwrap(), &batch).await.unwrap()
            }
        });
        let outcomes = futures::future::join_all(writers).await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Appended::Done(_))).count();
        let stale = outcomes.iter().filter(|outcome| matches!(outcome, Appended::Stale(_))).count();
        assert_eq!((done, stale), (1, 3));
    }
    let all = read::after(&mut pool.acquire().await.unwrap(), 0, 0, 1000).await.unwrap();
    assert_eq!(all.len(), 60);
}

/// The defect of stores that number events with a sequence: a slow writer's event becomes visible behind a reader.
#[tokio::test]
async fn a_reader_never_passes_a_slow_writer_and_a_rollback_leaves_no_hole() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 8).await.unwrap();
    let mut slow = pool.acquire().await.unwrap();
    let expected = head(&mut slow, 0).await.unwrap();
    let mut open = slow.begin().await.unwrap();
    done(append(&mut open, &batch(0, expected.clone(), 2)).await.unwrap());

    let quick = tokio::spawn({
        let (pool, expected) = (pool.clone(), expected.clone());
        async move { append(&mut pool.acquire().await.unwrap(), &batch(0, expected, 1)).await.unwrap() }
    });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(!quick.is_finished(), "the second writer waits for the first");
    assert!(read::after(&mut pool.acquire().await.unwrap(), 0, 0, 10).await.unwrap().is_empty());
    open.rollback().await.unwrap();
    assert_eq!(done(quick.await.unwrap()).position, 1);
    assert_eq!(read::after(&mut pool.acquire().await.unwrap(), 0, 0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn children_are_made_ahead_of_the_positions() {
    let database = fresh_database().await;
    sqlx::raw_sql("update log.log_head set position = 1499999 where partition = 0")
        .execute(database.owner())
        .await
        .unwrap();
    let children = "select count(*) from pg_inherits where inhparent = 'log.events'::regclass";
    let count =
        || async { sqlx::query_scalar::<_, i64>(children).fetch_one(database.owner()).await.unwrap() };
    assert_eq!(count().await, 2);
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    grow(&mut conn, 0, 3).await;
    assert_eq!(count().await, 3);
    sqlx::raw_sql("update log.log_head set position = 1999998 where partition = 0")
        .execute(database.owner())
        .await
        .unwrap();
    grow(&mut conn, 0, 4).await;
    let across = read::after(&mut conn, 0, 1_999_998, 10).await.unwrap();
    assert_eq!(
        across.iter().map(|event| event.position).collect::<Vec<_>>(),
        [1_999_999, 2_000_000, 2_000_001, 2_000_002]
    );
    let guards = "select count(*) from pg_index i join pg_class c on c.oid = i.indrelid
        where c.relname = 'events_000002' and i.indisunique";
    assert_eq!(sqlx::query_scalar::<_, i64>(guards).fetch_one(database.owner()).await.unwrap(), 2);
}

#[tokio::test]
async fn the_index_refuses_a_version_twice_and_nothing_of_the_batch_stays() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let mut broken = batch(0, head(&mut conn, 0).await.unwrap(), 2);
    broken.events[1] = event(0, 2, company(1), 1, 1);
    assert!(matches!(append(&mut conn, &broken).await, Err(LogError::Database(_))));
    assert_eq!(head(&mut conn, 0).await.unwrap().position, 0);
    assert!(read::after(&mut conn, 0, 0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_snapshot_of_another_shape_is_not_read() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let stream = event_log::event::StreamKey {
        company_id: company(1),
        stream_type: "stock_item",
        stream_id: "item-1".into(),
    };
    let taken = |version| snapshot::Snapshot {
        stream: stream.clone(),
        version,
        position: version,
        state: format!("{{\"version\": {version}}}"),
    };
    let (old, new) = (key_id(&["old shape"]), key_id(&["new shape"]));
    snapshot::save(&mut conn, 1, old, &[taken(7), taken(9)]).await.unwrap();
    snapshot::save(&mut conn, 1, old, &[taken(8)]).await.unwrap();
    assert_eq!(snapshot::load(&mut conn, 1, std::slice::from_ref(&stream), old).await.unwrap(), [taken(9)]);
    assert!(snapshot::load(&mut conn, 1, std::slice::from_ref(&stream), new).await.unwrap().is_empty());
    snapshot::save(&mut conn, 1, new, &[taken(5)]).await.unwrap();
    assert_eq!(snapshot::load(&mut conn, 1, std::slice::from_ref(&stream), new).await.unwrap(), [taken(5)]);
}
