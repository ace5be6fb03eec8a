//! Somebody with the owner's rights changes the log; verify names what.

use event_log::append::{Batch, Head, append, head};
use event_log::proof;
use event_log::verify::{Fault, Report, verify};
use migrations::Role;
use migrations::testing::{TestDatabase, fresh_database};
use sqlx::PgPool;

use crate::support::{company, done, event, noon};

const PARTITION: i16 = 1;

/// Ten batches of five events.
async fn filled() -> (TestDatabase, PgPool, Vec<Head>) {
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

async fn verified(pool: &PgPool) -> Report {
    verify(pool, PARTITION, &[], |_| {}).await.unwrap()
}

/// As the owner, with the triggers off.
async fn tamper(database: &TestDatabase, change: &str) {
    let change =
        format!("set session_replication_role = replica; {change}; set session_replication_role = origin");
    sqlx::raw_sql(&change).execute(database.owner()).await.unwrap();
}

#[tokio::test]
async fn an_untouched_log_holds() {
    let (_database, pool, heads) = filled().await;
    let mut reached = 0;
    let report = verify(&pool, PARTITION, &heads[1..], |position| reached = position).await.unwrap();
    assert_eq!((report.fault, report.events, reached), (None, 50, 50));
    assert_eq!(report.head, heads[10]);
    let empty = verify(&pool, 0, &[], |_| {}).await.unwrap();
    assert_eq!((empty.fault, empty.events), (None, 0));
}

#[tokio::test]
async fn a_proof_leads_from_one_event_to_the_head_of_its_batch() {
    let (database, pool, heads) = filled().await;
    let mut conn = pool.acquire().await.unwrap();
    for position in [1, 23, 50] {
        let proof = proof::proof(&mut conn, PARTITION, position).await.unwrap().unwrap();
        assert!(proof.holds() && heads.contains(&proof.head) && proof.event.position == position);
        let mut other = proof.clone();
        other.event.payload = "{}".into();
        assert!(!other.holds());
    }
    assert_eq!(proof::proof(&mut conn, PARTITION, 51).await.unwrap(), None);
    tamper(&database, "update log.events set payload = '{}' where partition = 1 and position = 24").await;
    assert!(!proof::proof(&mut conn, PARTITION, 23).await.unwrap().unwrap().holds());
}

#[tokio::test]
async fn an_altered_event_is_named_whichever_column_it_is() {
    for change in [
        "payload = replace(payload::text, ' : ', ':  ')::json",
        "metadata = '{\"actor\":\"user:mallory\"}'",
        "company_id = gen_random_uuid()",
        "stream_id = stream_id || ' '",
        "stream_type = 'product'",
        "version = version + 1000",
        "event_id = gen_random_uuid()",
        "event_type = 'Sold'",
        "schema_version = 2",
        "effective_at = effective_at + interval '1 microsecond'",
        "recorded_at = recorded_at - interval '1 microsecond'",
    ] {
        let (database, pool, _) = filled().await;
        tamper(&database, &format!("update log.events set {change} where partition = 1 and position = 23"))
            .await;
        let report = verified(&pool).await;
        let Some(Fault::Altered(event)) = report.fault else { panic!("{change}: {report:?}") };
        assert_eq!((event.position, report.head.batch), (23, 4), "{change}");
    }
}

#[tokio::test]
async fn a_missing_event_is_named() {
    for position in [1, 23, 50] {
        let (database, pool, _) = filled().await;
        tamper(&database, &format!("delete from log.events where partition = 1 and position = {position}"))
            .await;
        let batch = (position + 4) / 5;
        assert_eq!(verified(&pool).await.fault, Some(Fault::Missing { position, batch }));
    }
}

#[tokio::test]
async fn an_inserted_event_is_named() {
    for place in [0, 51] {
        let (database, pool, _) = filled().await;
        let copy = format!(
            "insert into log.events (partition, position, company_id, stream_type, stream_id, version, event_id,
                event_type, schema_version, effective_at, recorded_at, payload, metadata)
             select partition, {place}, company_id, stream_type, stream_id, 11, gen_random_uuid(),
                event_type, schema_version, effective_at, recorded_at, payload, metadata
             from log.events where partition = 1 and position = 50"
        );
        tamper(&database, &copy).await;
        let report = verified(&pool).await;
        let Some(Fault::Inserted(event)) = report.fault else { panic!("{place}: {report:?}") };
        assert_eq!(event.position, place);
    }
}

#[tokio::test]
async fn a_changed_batch_or_head_is_named() {
    for (change, fault) in [
        (
            "update log.log_batch set hash = sha256('x') where partition = 1 and batch = 4",
            "batch 4: its events do not give its hash",
        ),
        (
            "update log.log_batch set marks = marks || marks where partition = 1 and batch = 4",
            "batch 4: its row was altered",
        ),
        ("delete from log.log_batch where partition = 1 and batch = 4", "batch 4: its row is missing"),
        ("delete from log.log_batch where partition = 1 and batch = 10", "batch 10: its row is missing"),
        (
            "update log.log_head set hash = sha256('x') where partition = 1",
            "the head row does not agree with the last batch",
        ),
        (
            "update log.log_head h set position = 45, batch = 9, hash = b.hash from log.log_batch b
             where h.partition = 1 and b.partition = 1 and b.batch = 9",
            "the head row does not agree with the last batch",
        ),
    ] {
        let (database, pool, _) = filled().await;
        tamper(&database, change).await;
        let found = verified(&pool).await.fault.map(|fault| fault.to_string());
        assert_eq!(found.as_deref(), Some(fault), "{change}");
    }
}

#[tokio::test]
async fn a_rewritten_tail_does_not_pass_a_checkpoint_kept_elsewhere() {
    let (database, pool, heads) = filled().await;
    tamper(
        &database,
        "delete from log.events where partition = 1 and position > 45;
         delete from log.log_batch where partition = 1 and batch > 9;
         update log.log_head h set position = 45, batch = 9, hash = b.hash from log.log_batch b
         where h.partition = 1 and b.partition = 1 and b.batch = 9",
    )
    .await;
    assert_eq!(verified(&pool).await.fault, None, "the chain alone cannot tell");
    let cut = verify(&pool, PARTITION, &heads[10..], |_| {}).await.unwrap();
    assert_eq!(cut.fault, Some(Fault::Checkpoint { batch: 10 }));
    let expected = head(&mut pool.acquire().await.unwrap(), PARTITION).await.unwrap();
    let mut other = crate::support::batch(PARTITION, expected, 1);
    other.events[0] = event(PARTITION, 46, company(1), 1, 10);
    done(append(&mut pool.acquire().await.unwrap(), &other).await.unwrap());
    let rewritten = verify(&pool, PARTITION, &heads[10..], |_| {}).await.unwrap();
    assert_eq!(rewritten.fault, Some(Fault::Checkpoint { batch: 10 }));
}
