//! Ranges that leave the database: written, checked, read across, and never missed silently.

use event_log::LogError;
use event_log::append::{append, head};
use event_log::archive::{self, Archive, Events, Range, Sealed};
use event_log::checkpoint::tip_at;
use event_log::event::{StoredEvent, StreamKey};
use event_log::verify::{Fault, verify_across, verify_all, verify_part};
use event_log::{read, snapshot};
use migrations::testing::{TestDatabase, fresh_database, small_children};
use sqlx::PgPool;
use tempfile::TempDir;

use crate::support::{batch, company, done, event, noon, tamper};

/// Positions of a child.
const CHILD: i64 = 60;

/// A log whose partitions end in the second child, and all events of partition 0.
async fn long_log() -> (TestDatabase, PgPool, Vec<StoredEvent>) {
    let database = fresh_database().await;
    let owner = database.owner().clone();
    small_children(&owner, CHILD).await.unwrap();
    let mut conn = owner.acquire().await.unwrap();
    let mut all = Vec::new();
    for partition in 0..4 {
        let mut at = head(&mut conn, partition).await.unwrap();
        for (number, size) in [7, 30, 20, 10, 25].into_iter().enumerate() {
            let mut batch = batch(partition, at, size);
            for (place, event) in batch.events.iter_mut().enumerate() {
                *event = mixed(event, number, place);
            }
            if partition == 0 {
                all.extend(batch.events.iter().cloned());
            }
            at = done(append(&mut conn, &batch).await.unwrap());
        }
    }
    (database, owner, all)
}

/// Every fifth event is about a product and stays; payloads are as odd as JSON can be.
fn mixed(from: &StoredEvent, batch: usize, place: usize) -> StoredEvent {
    let stays = from.position % 5 == 0;
    let version = if stays { from.position / 5 } else { from.position - from.position / 5 };
    let mut made = event(from.partition, from.position, company(1), 1, version);
    if stays {
        made.stream_type = std::sync::Arc::from("product");
    }
    if place.is_multiple_of(3) {
        made.payload = std::sync::Arc::from(format!(" {{\"batch\" :\n{batch}, \"tea\": \"Чай\\u0000\"}} "));
    }
    made
}

/// The one range that is sealed, in files of a new folder.
async fn write_all(owner: &PgPool) -> (TempDir, Sealed, Vec<Range>) {
    let folder = tempfile::tempdir().unwrap();
    let mut conn = owner.acquire().await.unwrap();
    let sealed = archive::oldest(&mut conn).await.unwrap().unwrap();
    assert_eq!((sealed.first, sealed.last), (0, CHILD - 1));
    let mut ranges = Vec::new();
    for partition in 0..4 {
        let (range, manifest) =
            archive::write(owner, folder.path(), partition, (1, sealed.last)).await.unwrap();
        assert_eq!((range.first, range.last), (1, 67), "the file ends with a batch");
        assert_eq!((manifest.first_batch, manifest.last_batch), (1, 4));
        assert_eq!(archive::check(owner, folder.path(), &range).await.unwrap(), 67);
        ranges.push(range);
    }
    (folder, sealed, ranges)
}

async fn collect(
    owner: &PgPool,
    archive: &Archive,
    after: i64,
    up_to: i64,
) -> Result<Vec<StoredEvent>, LogError> {
    let mut events = Events::open(owner, archive, 0, (after, up_to)).await?;
    let mut all = Vec::new();
    while let Some(block) = events.next().await? {
        assert!(!block.is_empty());
        all.extend(block);
    }
    Ok(all)
}

#[tokio::test]
async fn a_range_that_left_is_read_as_if_it_had_stayed() {
    let (_database, owner, all) = long_log().await;
    let (folder, sealed, ranges) = write_all(&owner).await;
    let mut conn = owner.acquire().await.unwrap();
    archive::detach(&mut conn, &sealed, &ranges, &["stock_item"], noon()).await.unwrap();
    let live: Vec<(String, i64)> = sqlx::query_as(
        "select stream_type, position from log.events where partition = 0 and position <= $1 order by position",
    )
    .bind(sealed.last)
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    assert_eq!(live.len(), 11, "what stays: {live:?}");
    assert!(live.iter().all(|(stream_type, position)| stream_type == "product" && position % 5 == 0));

    let known = Archive::at(Some(folder.path().to_owned()));
    assert_eq!(collect(&owner, &known, 0, i64::MAX).await.unwrap(), all);
    for (after, up_to) in [(9, 30), (58, 70), (80, i64::MAX), (0, 1)] {
        let expected: Vec<_> =
            all.iter().filter(|event| event.position > after && event.position <= up_to).cloned().collect();
        assert_eq!(collect(&owner, &known, after, up_to).await.unwrap(), expected, "{after} to {up_to}");
    }
    assert_eq!(archive::gone_until(&mut conn).await.unwrap(), sealed.last);
    let next = archive::oldest(&mut conn).await.unwrap().unwrap_err();
    assert_eq!((next.position, next.last), (92, 2 * CHILD - 1));

    // Appends go on, and the child that came back refuses changes as ever.
    let expected = head(&mut conn, 0).await.unwrap();
    done(append(&mut conn, &batch(0, expected, 3)).await.unwrap());
    sqlx::query("delete from log.events where position < 60").execute(&owner).await.unwrap_err();
    sqlx::query("delete from log.events_000000").execute(&owner).await.unwrap_err();
}

#[tokio::test]
async fn who_does_not_know_the_archive_is_told_so() {
    let (_database, owner, all) = long_log().await;
    let (folder, sealed, ranges) = write_all(&owner).await;
    let mut conn = owner.acquire().await.unwrap();
    let stream = StreamKey {
        company_id: company(1),
        stream_type: "stock_item",
        stream_id: std::sync::Arc::from("item-1"),
    };
    let whole = read::streams(&mut conn, 0, &[(stream.clone(), 0)], i64::MAX).await.unwrap();
    archive::detach(&mut conn, &sealed, &ranges, &["stock_item"], noon()).await.unwrap();

    let archived = |error: &LogError| matches!(error, LogError::Archived { partition: 0, .. });
    assert!(archived(&collect(&owner, &Archive::default(), 0, i64::MAX).await.unwrap_err()));
    assert!(archived(&read::after(&mut conn, 0, 0, 10).await.unwrap_err()));
    assert!(archived(&read::streams(&mut conn, 0, &[(stream.clone(), 0)], i64::MAX).await.unwrap_err()));
    assert_eq!(read::at(&mut conn, 0, 1).await.unwrap(), None);
    let last = whole.iter().rposition(|event| event.position <= sealed.last).unwrap();
    let version = whole[last].version;
    let live = read::streams(&mut conn, 0, &[(stream.clone(), version)], i64::MAX).await.unwrap();
    assert_eq!(live, whole[last + 1..]);
    assert_eq!(read::after(&mut conn, 0, sealed.last, 10).await.unwrap()[0].position, CHILD);

    // A stream whose snapshot is of another shape cannot be folded again.
    let (old, new) = (snapshot::fingerprint("stock_item", "1"), snapshot::fingerprint("stock_item", "2"));
    let saved =
        snapshot::Snapshot { stream: stream.clone(), version, position: sealed.last, state: "{}".to_owned() };
    snapshot::save(&mut conn, 0, old, std::slice::from_ref(&saved)).await.unwrap();
    assert_eq!(snapshot::load(&mut conn, 0, std::slice::from_ref(&stream), old).await.unwrap(), [saved]);
    assert!(archived(&snapshot::load(&mut conn, 0, &[stream], new).await.unwrap_err()));

    let known = Archive::at(Some(folder.path().to_owned()));
    std::fs::remove_file(folder.path().join(&ranges[0].file)).unwrap();
    let missing = collect(&owner, &known, 0, i64::MAX).await.unwrap_err();
    assert!(matches!(missing, LogError::ArchiveFile { .. }), "{missing}");
    assert_eq!(collect(&owner, &known, 67, i64::MAX).await.unwrap(), all[67..]);
}

#[tokio::test]
async fn the_chain_is_verified_across_files_and_database() {
    let (database, owner, _all) = long_log().await;
    let before = verify_all(&owner, &Archive::default(), 4, &[]).await.unwrap();
    assert!(before.iter().all(|report| report.fault.is_none() && report.events == 92), "{before:?}");
    let mut conn = owner.acquire().await.unwrap();
    let mut kept = Vec::new();
    for report in &before {
        kept.push(tip_at(&mut conn, report.partition, &report.head).await.unwrap());
    }
    let (folder, sealed, ranges) = write_all(&owner).await;
    archive::detach(&mut conn, &sealed, &ranges, &["stock_item"], noon()).await.unwrap();

    let known = Archive::at(Some(folder.path().to_owned()));
    assert_eq!(verify_all(&owner, &known, 4, &kept).await.unwrap(), before);
    // Batches 1 to 4 end at 7, 37, 57 and 67; up to 59 events come from the file.
    for (after, events) in [(0, 92), (2, 55), (3, 35), (4, 25), (5, 0)] {
        let part = verify_part(&owner, &known, 0, after).await.unwrap().unwrap();
        assert_eq!((part.fault, part.events, part.head.batch), (None, events, 5), "after batch {after}");
    }
    let unknown = Archive::default();
    let refused = verify_all(&owner, &unknown, 4, &[]).await.unwrap_err();
    assert!(matches!(refused, LogError::Archived { .. }), "{refused}");
    let live = verify_part(&owner, &unknown, 0, 4).await.unwrap().unwrap();
    assert_eq!((live.fault, live.events), (None, 25), "what is live needs no archive");

    // What the database has kept of the range is looked at, too.
    let fault = async || verify_across(&owner, &known, 0, &[]).await.unwrap().fault;
    tamper(&database, "update log.events set payload = '{}' where partition = 0 and position = 40").await;
    assert!(matches!(fault().await, Some(Fault::Altered(event)) if event.position == 40));
    let put = "insert into log.events (partition, position, company_id, stream_type, stream_id, version, event_id,
                   event_type, schema_version, effective_at, recorded_at, payload, metadata)
               select partition, 0, company_id, stream_type, 'other', 1, gen_random_uuid(), event_type, schema_version,
                   effective_at, recorded_at, payload, metadata
               from log.events where partition = 0 and position = 5";
    tamper(&database, put).await;
    assert!(matches!(fault().await, Some(Fault::Altered(_) | Fault::Inserted(_))));
    tamper(&database, "delete from log.events where partition = 0 and position = 40").await;
    assert!(matches!(fault().await, Some(Fault::Inserted(event)) if event.position == 0));
}

#[tokio::test]
async fn a_file_that_was_touched_is_refused() {
    let (_database, owner, _all) = long_log().await;
    let (folder, _, ranges) = write_all(&owner).await;
    let range = &ranges[0];
    let path = folder.path().join(&range.file);
    let bytes = std::fs::read(&path).unwrap();
    let text = {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).unwrap();
        text
    };
    assert_eq!(text.lines().filter(|line| line.starts_with("{\"batch\":")).count(), 4);
    assert_eq!(text.lines().count(), 1 + 67 + 4);
    let pack = |text: &str| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    };
    let without = |place: usize| {
        let lines = text.split_inclusive('\n').enumerate().filter(|(number, _)| *number != place);
        lines.map(|(_, line)| line).collect::<String>()
    };
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for (what, touched) in [
        ("one bit", flipped),
        ("cut off", bytes[..bytes.len() - 20].to_vec()),
        ("an event altered", pack(&text.replacen("\"quantity\":3,", "\"quantity\":4,", 1))),
        ("an event missing", pack(&without(5))),
        ("the last events missing", pack(&text.split_inclusive('\n').take(40).collect::<String>())),
        ("the last batch missing", pack(&without(71))),
        ("another header", pack(&text.replacen("\"partition\":0", "\"partition\":1", 1))),
        ("only packed again", pack(&text)),
    ] {
        std::fs::write(&path, &touched).unwrap();
        let refused = archive::check(&owner, folder.path(), range).await.unwrap_err();
        let named = matches!(refused, LogError::ArchiveDamaged { .. } | LogError::ArchiveFile { .. });
        assert!(named, "{what}: {refused}");
        if what == "an event altered" {
            // Also when the hash of the file was made to fit.
            let fitting = Range { sha256: sha256(&touched), ..range.clone() };
            let refused = archive::check(&owner, folder.path(), &fitting).await.unwrap_err();
            assert!(refused.to_string().contains("do not give the hash of a batch"), "{refused}");
        }
    }
    std::fs::write(&path, &bytes).unwrap();
    archive::check(&owner, folder.path(), range).await.unwrap();
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

#[tokio::test]
async fn a_range_stays_until_every_partition_has_passed_it_and_readers_let_it_go() {
    let (_database, owner, _all) = long_log().await;
    let (_folder, sealed, ranges) = write_all(&owner).await;
    let mut conn = owner.acquire().await.unwrap();
    let stands = async |position: i64| {
        sqlx::query("update log.log_head set position = $1 where partition = 2")
            .bind(position)
            .execute(&owner)
            .await
    };
    stands(CHILD - 1).await.unwrap();
    let blocked = archive::oldest(&mut conn).await.unwrap().unwrap_err();
    assert_eq!((blocked.partition, blocked.position, blocked.last), (2, CHILD - 1, CHILD - 1));
    stands(92).await.unwrap();

    // A reader in a transaction holds the exchange back for longer than it waits at a time.
    let mut reader = owner.begin().await.unwrap();
    let seen = "select count(*) from log.events where partition = 0";
    let before: i64 = sqlx::query_scalar(seen).fetch_one(&mut *reader).await.unwrap();
    let detaching =
        tokio::spawn(
            async move { archive::detach(&mut conn, &sealed, &ranges, &["stock_item"], noon()).await },
        );
    let waits =
        "select exists (select from pg_locks where not granted and relation = 'log.events'::regclass)";
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&owner).await.unwrap() {
        tokio::task::yield_now().await;
    }
    // It has given up at least once when nobody waits any more.
    while sqlx::query_scalar::<_, bool>(waits).fetch_one(&owner).await.unwrap() {
        tokio::task::yield_now().await;
    }
    assert_eq!(sqlx::query_scalar::<_, i64>(seen).fetch_one(&mut *reader).await.unwrap(), before);
    reader.commit().await.unwrap();
    detaching.await.unwrap().unwrap();
    let after: i64 = sqlx::query_scalar(seen).fetch_one(&owner).await.unwrap();
    assert!(after < before);
}
