//! The feed, streams, pages, copies; and that a lost connection is never the end.

use event_log::LogError;
use event_log::append::{Batch, append, head};
use event_log::copy::copy;
use event_log::event::{StoredEvent, StreamKey};
use event_log::page::{self, Filter};
use event_log::read;
use migrations::Role;
use migrations::testing::{TestDatabase, fresh_database};
use sqlx::{PgConnection, PgPool};

use crate::support::{batch, company, done, event, grow, noon};

/// Three companies with two streams each, four events per stream, interleaved.
async fn filled(database: &TestDatabase) -> (PgPool, Vec<StoredEvent>) {
    let pool = database.pool(Role::Committer, 4).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let mut events = Vec::new();
    for version in 1..=4 {
        for stream in 1..=2 {
            for tenant in 1..=3 {
                let position = i64::try_from(events.len()).unwrap() + 1;
                events.push(event(0, position, company(tenant), stream, version));
            }
        }
    }
    let expected = head(&mut conn, 0).await.unwrap();
    let batch =
        Batch { partition: 0, expected, events: events.clone(), keys: Vec::new(), recorded_at: noon() };
    done(append(&mut conn, &batch).await.unwrap());
    (pool, events)
}

async fn all(pool: &PgPool, after: i64, up_to: i64) -> Result<Vec<StoredEvent>, LogError> {
    let mut copied = copy(pool, 0, after, up_to).await?;
    let mut events = Vec::new();
    while let Some(block) = copied.next().await? {
        events.extend(block);
    }
    Ok(events)
}

#[tokio::test]
async fn streams_come_in_the_asked_order_after_the_known_version_and_up_to_a_position() {
    let database = fresh_database().await;
    let (pool, events) = filled(&database).await;
    let mut conn = pool.acquire().await.unwrap();
    let key = |tenant, stream: i64| StreamKey {
        company_id: company(tenant),
        stream_type: "stock_item",
        stream_id: format!("item-{stream}").into(),
    };
    let asked = [(key(3, 2), 2), (key(1, 1), 0), (key(9, 9), 0)];
    let found = read::streams(&mut conn, 0, &asked, 18).await.unwrap();
    let wanted: Vec<_> = [18, 1, 7, 13].iter().map(|position| events[*position - 1_usize].clone()).collect();
    assert_eq!(found, wanted);
    let company_events = read::company(&mut conn, 0, company(2), &["stock_item"], 12).await.unwrap();
    assert_eq!(company_events.iter().map(|event| event.position).collect::<Vec<_>>(), [2, 5, 8, 11]);
    assert!(read::company(&mut conn, 0, company(2), &["product"], 12).await.unwrap().is_empty());
    assert_eq!(read::position_at(&mut conn, 0, noon()).await.unwrap(), 24);
    assert_eq!(read::position_at(&mut conn, 0, noon() - chrono::Duration::seconds(1)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_copy_gives_the_same_events_as_the_feed() {
    let database = fresh_database().await;
    let (pool, events) = filled(&database).await;
    assert_eq!(all(&pool, 0, 24).await.unwrap(), events);
    assert_eq!(all(&pool, 5, 9).await.unwrap(), events[5..9]);
    assert!(all(&pool, 24, 24).await.unwrap().is_empty());
    let projector = database.pool(Role::Projector, 2).await.unwrap();
    assert_eq!(all(&projector, 0, 1_000_000).await.unwrap(), events, "the projector sees every company");
}

#[tokio::test]
async fn a_page_shows_one_company_and_without_one_nothing() {
    let database = fresh_database().await;
    let (_, events) = filled(&database).await;
    let pool = database.pool(Role::Api, 1).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    let filter = Filter { company_id: company(2), limit: 100, ..Filter::default() };
    assert!(page::page(&mut transaction, &filter).await.unwrap().is_empty(), "no company is set");
    let seen: i64 =
        sqlx::query_scalar("select count(*) from log.events").fetch_one(&mut *transaction).await.unwrap();
    assert_eq!(seen, 0);

    see(&mut transaction, 2).await;
    let seen: i64 =
        sqlx::query_scalar("select count(*) from log.events").fetch_one(&mut *transaction).await.unwrap();
    assert_eq!(seen, 8);
    let foreign = Filter { company_id: company(1), ..filter.clone() };
    assert!(page::page(&mut transaction, &foreign).await.unwrap().is_empty());
    let newest = Filter { descending: true, after: Some(20), limit: 2, ..filter.clone() };
    let newest = page::page(&mut transaction, &newest).await.unwrap();
    assert_eq!(newest, [events[16].clone(), events[13].clone()]);
    let narrow = Filter {
        stream_type: Some("stock_item".to_owned()),
        stream_id: Some("item-2".to_owned()),
        event_types: vec!["Received".to_owned()],
        recorded_from: Some(noon()),
        effective_before: Some(noon() + chrono::Duration::seconds(1)),
        after: Some(5),
        ..filter.clone()
    };
    let narrow = page::page(&mut transaction, &narrow).await.unwrap();
    assert_eq!(narrow.iter().map(|event| event.position).collect::<Vec<_>>(), [11, 17, 23]);
    assert_eq!(page::newest(&mut transaction, company(2)).await.unwrap(), 23);
    drop(transaction);

    let mut later = pool.acquire().await.unwrap();
    assert!(
        page::page(&mut later, &filter).await.unwrap().is_empty(),
        "the company ends with its transaction"
    );
}

async fn see(conn: &mut PgConnection, tenant: u128) {
    let set = sqlx::query("select set_config('app.company_id', $1, true)").bind(company(tenant).to_string());
    set.execute(conn).await.unwrap();
}

#[tokio::test]
async fn a_hole_in_the_feed_is_an_error() {
    let database = fresh_database().await;
    let (pool, _) = filled(&database).await;
    sqlx::raw_sql(
        "alter table log.events_000000 disable trigger all; delete from log.events_000000 where position = 7",
    )
    .execute(database.owner())
    .await
    .unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let found = read::after(&mut conn, 0, 3, 10).await;
    assert!(matches!(found, Err(LogError::Gap { partition: 0, position: 7 })), "{found:?}");
}

/// The defect of stores whose reader takes a lost connection for the end of the stream.
#[tokio::test]
async fn a_copy_that_loses_its_connection_is_an_error_and_never_short() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 4).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    for _ in 0..12 {
        grow(&mut conn, 0, 5_000).await;
    }
    let mut copied = copy(&pool, 0, 0, 60_000).await.unwrap();
    let mut seen = copied.next().await.unwrap().unwrap().len();
    let killed: i64 = sqlx::query_scalar(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where datname = current_database() and query like 'copy%' and state = 'active'",
    )
    .fetch_one(database.owner())
    .await
    .unwrap();
    assert_eq!(killed, 1, "the copy was under way");
    let error = loop {
        match copied.next().await {
            Ok(Some(block)) => seen += block.len(),
            Ok(None) => panic!("a cut copy came to an end after {seen} events"),
            Err(error) => break error,
        }
    };
    assert!(seen < 60_000 && error.is_lost_connection(), "{error:?}");
    assert_eq!(all(&pool, 0, 60_000).await.unwrap().len(), 60_000, "the pool has no broken connection");

    drop(copy(&pool, 0, 0, 60_000).await.unwrap());
    assert_eq!(read::after(&mut pool.acquire().await.unwrap(), 0, 0, 100).await.unwrap().len(), 100);
}

#[tokio::test]
async fn a_feed_that_loses_its_connection_is_an_error() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    for _ in 0..4 {
        grow(&mut conn, 0, 5_000).await;
    }
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *conn).await.unwrap();
    let reading = tokio::spawn(async move { read::after(&mut conn, 0, 0, 20_000).await });
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    sqlx::query("select pg_terminate_backend($1)").bind(pid).execute(database.owner()).await.unwrap();
    match reading.await.unwrap() {
        Ok(events) => assert_eq!(events.len(), 20_000),
        Err(error) => assert!(error.is_lost_connection(), "{error:?}"),
    }
}

#[tokio::test]
async fn a_lost_connection_is_known_as_one() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 2).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let expected = head(&mut conn, 0).await.unwrap();
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *conn).await.unwrap();
    sqlx::query("select pg_terminate_backend($1)").bind(pid).execute(database.owner()).await.unwrap();
    let lost = append(&mut conn, &batch(0, expected, 1)).await.unwrap_err();
    assert!(lost.is_lost_connection(), "{lost:?}");
}
