//! Events and batches for the tests.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use event_log::append::{Appended, Batch, Head, KeyClaim, KeyKind, append, head, key_id};
use event_log::event::StoredEvent;
use migrations::Role;
use migrations::testing::{TestDatabase, fresh_database};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Partition of [`filled`].
pub(crate) const PARTITION: i16 = 1;

pub(crate) fn company(n: u128) -> Uuid {
    Uuid::from_u128(0x0191_0000_0000_7000_8000_0000_0000_0000 + n)
}

pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00.123456Z".parse().unwrap()
}

/// One event of the company's stream `item-<stream>`.
pub(crate) fn event(
    partition: i16,
    position: i64,
    company_id: Uuid,
    stream: i64,
    version: i64,
) -> StoredEvent {
    StoredEvent {
        partition,
        position,
        company_id,
        stream_type: Arc::from("stock_item"),
        stream_id: Arc::from(format!("item-{stream}")),
        version,
        event_id: Uuid::from_u128(
            (u128::from(partition.unsigned_abs()) << 64) | u128::from(position.unsigned_abs()),
        ),
        event_type: Arc::from("Received"),
        schema_version: 1,
        effective_at: noon(),
        recorded_at: noon(),
        payload: Arc::from(format!(
            "{{\"item\" : \"Чай №{stream}\",  \"quantity\":{version}, \"location\":\"MAIN\"}}"
        )),
        metadata: Arc::from("{\"actor\":\"system:test\"}"),
        meaning: event_log::event::Meaning::default(),
    }
}

/// A batch of `count` events of one stream on top of `expected`; the stream's versions are its positions.
pub(crate) fn batch(partition: i16, expected: Head, count: i64) -> Batch {
    let events = (expected.position + 1..=expected.position + count)
        .map(|position| event(partition, position, company(1), 1, position))
        .collect();
    Batch { partition, expected, events, keys: Vec::new(), recorded_at: noon() }
}

/// Appends on top of what is there.
pub(crate) async fn grow(conn: &mut PgConnection, partition: i16, count: i64) -> Head {
    let expected = head(conn, partition).await.unwrap();
    done(append(conn, &batch(partition, expected, count)).await.unwrap())
}

pub(crate) fn done(appended: Appended) -> Head {
    match appended {
        Appended::Done(head) => head,
        other => panic!("not appended: {other:?}"),
    }
}

pub(crate) fn claim(kind: KeyKind, key: &str, digest: &str) -> KeyClaim {
    KeyClaim {
        company_id: company(1),
        kind,
        key: key_id(&[key]),
        digest: key_id(&[digest]),
        answer: Some("{\"on_hand\": 1}".to_owned()),
    }
}

/// Ten batches of five events, one of each company, and the heads between them.
pub(crate) async fn filled() -> (TestDatabase, PgPool, Vec<Head>) {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 4).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let mut heads = vec![head(&mut conn, PARTITION).await.unwrap()];
    for number in 0..10 {
        let expected = heads[number].clone();
        let events = (1..=5)
            .map(|n| {
                event(
                    PARTITION,
                    expected.position + n,
                    company(n.unsigned_abs().into()),
                    n,
                    i64::try_from(number).unwrap() + 1,
                )
            })
            .collect();
        let batch = Batch { partition: PARTITION, expected, events, keys: Vec::new(), recorded_at: noon() };
        heads.push(done(append(&mut conn, &batch).await.unwrap()));
    }
    (database, pool, heads)
}

/// As the owner, with the triggers off.
pub(crate) async fn tamper(database: &TestDatabase, change: &str) {
    let change =
        format!("set session_replication_role = replica; {change}; set session_replication_role = origin");
    sqlx::raw_sql(&change).execute(database.owner()).await.unwrap();
}
