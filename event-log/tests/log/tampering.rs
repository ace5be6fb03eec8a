//! Somebody with the owner's rights changes the log; verify names what.

use event_log::append::{Batch, Head, append, head};
use event_log::archive::Archive;
use event_log::checkpoint::{Tip, tip_at};
use event_log::read;
use event_log::verify::{Fault, Report, verify, verify_all, verify_part};
use sqlx::PgPool;

use crate::support::{PARTITION, company, done, event, filled, noon, tamper};

async fn verified(pool: &PgPool) -> Report {
    verify(pool, PARTITION, &[]).await.unwrap()
}

/// Checkpoints of every batch, as if each had been kept.
async fn tips(pool: &PgPool, heads: &[Head]) -> Vec<Tip> {
    let mut conn = pool.acquire().await.unwrap();
    let mut tips = Vec::new();
    for head in heads {
        tips.push(tip_at(&mut conn, PARTITION, head).await.unwrap());
    }
    tips
}

#[tokio::test]
async fn an_untouched_log_holds_and_passes_through_every_checkpoint() {
    let (_database, pool, heads) = filled().await;
    let tips = tips(&pool, &heads).await;
    let report = verify(&pool, PARTITION, &tips).await.unwrap();
    assert_eq!((report.fault, report.events, report.is_complete), (None, 50, true));
    assert_eq!(report.head, heads[10]);
    let all = verify_all(&pool, &Archive::default(), 4, &tips).await.unwrap();
    let seen: Vec<_> = all.iter().map(|report| (report.partition, report.events, &report.fault)).collect();
    assert_eq!(seen, [(0, 0, &None), (1, 50, &None), (2, 0, &None), (3, 0, &None)]);
}

#[tokio::test]
async fn a_log_is_verified_in_parts_that_follow_each_other() {
    let (database, pool, heads) = filled().await;
    let part = verify_part(&pool, &Archive::default(), PARTITION, 4).await.unwrap().unwrap();
    assert_eq!((part.from, part.head, part.events), (heads[4].clone(), heads[10].clone(), 30));
    assert_eq!((part.fault, part.is_complete), (None, true));
    let at_the_end = verify_part(&pool, &Archive::default(), PARTITION, 10).await.unwrap().unwrap();
    assert_eq!((at_the_end.events, at_the_end.fault, at_the_end.is_complete), (0, None, true));
    assert_eq!(verify_part(&pool, &Archive::default(), PARTITION, 11).await.unwrap(), None);

    tamper(&database, "update log.events set payload = '{}' where partition = 1 and position = 23").await;
    assert_eq!(verify_part(&pool, &Archive::default(), PARTITION, 5).await.unwrap().unwrap().fault, None);
    let part = verify_part(&pool, &Archive::default(), PARTITION, 4).await.unwrap().unwrap();
    assert!(matches!(part.fault, Some(Fault::Altered(event)) if event.position == 23));
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

/// Cuts the last batch off, and lets the head say that it never was.
const CUT: &str = "delete from log.events where partition = 1 and position > 45;
     delete from log.log_batch where partition = 1 and batch > 9;
     update log.log_head h set position = 45, batch = 9, hash = b.hash from log.log_batch b
     where h.partition = 1 and b.partition = 1 and b.batch = 9";

#[tokio::test]
async fn a_tail_that_was_cut_off_or_written_anew_does_not_pass_a_checkpoint_kept_elsewhere() {
    let (database, pool, heads) = filled().await;
    let kept = tips(&pool, &heads[10..]).await;
    tamper(&database, CUT).await;
    assert_eq!(verified(&pool).await.fault, None, "the chain alone cannot tell");
    let cut = verify(&pool, PARTITION, &kept).await.unwrap();
    assert_eq!(cut.fault, Some(Fault::CutOff { batch: 9, checkpoint: 10, position: 50 }));
    let expected = head(&mut pool.acquire().await.unwrap(), PARTITION).await.unwrap();
    let mut other = crate::support::batch(PARTITION, expected, 1);
    other.events[0] = event(PARTITION, 46, company(1), 1, 10);
    done(append(&mut pool.acquire().await.unwrap(), &other).await.unwrap());
    let rewritten = verify(&pool, PARTITION, &kept).await.unwrap();
    assert_eq!(rewritten.fault, Some(Fault::Checkpoint { batch: 10 }));
}

#[tokio::test]
async fn a_log_that_was_put_in_another_order_does_not_pass_a_checkpoint_kept_elsewhere() {
    let (database, pool, heads) = filled().await;
    let kept = tips(&pool, &heads[10..]).await;
    let mut conn = pool.acquire().await.unwrap();
    let mut last = read::after(&mut conn, PARTITION, 45, 5).await.unwrap();
    // Somebody with all rights writes the last batch anew, its events the other way round: a chain without a fault.
    last.reverse();
    for (event, position) in last.iter_mut().zip(46..) {
        event.position = position;
    }
    tamper(&database, CUT).await;
    let batch = Batch {
        partition: PARTITION,
        expected: heads[9].clone(),
        events: last,
        keys: Vec::new(),
        recorded_at: noon(),
    };
    done(append(&mut conn, &batch).await.unwrap());
    assert_eq!(verified(&pool).await.fault, None, "the chain alone cannot tell");
    let reordered = verify(&pool, PARTITION, &kept).await.unwrap();
    assert_eq!(reordered.fault, Some(Fault::Checkpoint { batch: 10 }));
}
