//! Folding in memory beside folding live.

use std::collections::BTreeSet;

use domain::registry::event_types;
use event_log::event::{StoredEvent, partition_of};
use projections::compare::TableComparison;
use projections::rebuild::{self, Options};
use projections::verify;

use crate::chance::Chance;
use crate::everything::{kinds, random_events};
use crate::log::{Log, read_model, read_models};

const PARTITIONS: i16 = 4;

fn diff_only() -> Options {
    Options { diff_only: true, ..Options::default() }
}

/// A log of these events, by company, and every read model folded live in blocks of any size.
async fn folded(events: &[StoredEvent], seed: u64) -> Log {
    let log = Log::new().await;
    let mut chance = Chance(seed);
    for partition in 0..PARTITIONS {
        let its = events.iter().filter(|event| partition_of(event.company_id, PARTITIONS) == partition);
        let its = log.append(partition, its.cloned().collect(), &mut chance, 60).await;
        log.fold_live(partition, &its, &mut chance).await;
    }
    log
}

#[tokio::test]
async fn whatever_happens_folding_in_memory_gives_the_live_tables() {
    let mut seen = BTreeSet::new();
    for seed in [11, 4_711, 271_828, 31_337] {
        let events = random_events(seed, 900);
        seen.extend(kinds(&events));
        let log = folded(&events, seed).await;
        for projection in read_models() {
            let verified = verify::verify(&log.owner, &projection).await.unwrap();
            assert!(verified.is_equal(), "seed {seed}: {verified:#?}");
            let rows: i64 = verified.tables.iter().map(|table| table.rows).sum();
            assert!(rows > 0, "seed {seed}: {verified:#?}");
        }
    }
    let known = event_types().into_iter();
    let all: BTreeSet<_> = known.map(|kind| (kind.stream_type.to_owned(), kind.name.to_owned())).collect();
    let missing: Vec<_> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "no random list holds {missing:?}");
}

#[tokio::test]
async fn every_table_of_every_read_model_is_met_by_the_random_events() {
    let log = folded(&random_events(11, 900), 11).await;
    for projection in read_models() {
        for table in verify::verify(&log.owner, &projection).await.unwrap().tables {
            assert!(table.rows > 0, "{} of {} is empty", table.table, projection.name());
        }
    }
}

#[tokio::test]
async fn a_fresh_copy_has_every_key_and_index_of_the_live_one() {
    let log = folded(&random_events(5, 200), 5).await;
    let definitions = async |schema: &str| {
        let sql = format!(
            "select replace(indexdef, '{schema}.', '') || coalesce(
                 (select ' ' || contype::text from pg_constraint where conindid = format('%I.%I', schemaname, indexname)::regclass), '')
             from pg_indexes where schemaname = '{schema}' order by 1"
        );
        sqlx::query_scalar::<_, String>(&sql).fetch_all(&log.owner).await.unwrap()
    };
    for projection in read_models() {
        let schema = projections::projection::schema_of(projection.as_ref());
        let before = definitions(&schema).await;
        assert!(before.iter().any(|definition| definition.ends_with(" p")), "{before:?}");
        let done = rebuild::rebuild(&log.owner, &projection, Options::default()).await.unwrap();
        assert!(done.switched);
        assert_eq!(definitions(&schema).await, before, "{schema}");
        let security = format!(
            "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = '{schema}' and c.relkind = 'r'
                 and (not c.relrowsecurity or not has_table_privilege('stocktrail_api', c.oid, 'select'))"
        );
        assert_eq!(log.number(&security).await, 0, "{schema}");
    }
}

#[tokio::test]
async fn three_spoilt_rows_among_many_are_named_with_both_values() {
    let log = folded(&random_events(7, 700), 7).await;
    let inventory = read_model("inventory");
    let keys: Vec<(String, String, String)> = sqlx::query_as(
        "select company_id::text, item_key, location_id from inventory_1.levels order by 1, 2, 3 limit 2",
    )
    .fetch_all(&log.owner)
    .await
    .unwrap();
    let [changed, removed] = &keys[..] else { panic!("{keys:?}") };
    let spoil = format!(
        "update inventory_1.levels set on_hand = on_hand + 1000
         where (company_id::text, item_key, location_id) = ('{}', '{}', '{}');
         delete from inventory_1.levels where (company_id::text, item_key, location_id) = ('{}', '{}', '{}');
         insert into inventory_1.levels select company_id, 'nothing', location_id, 7, 0, null, null, 1
         from inventory_1.levels limit 1",
        changed.0, changed.1, changed.2, removed.0, removed.1, removed.2
    );
    sqlx::raw_sql(&spoil).execute(&log.owner).await.unwrap();

    let found = rebuild::rebuild(&log.owner, &inventory, diff_only()).await.unwrap();
    let differing: Vec<&TableComparison> = found.tables.iter().filter(|table| !table.is_equal()).collect();
    let [levels] = &differing[..] else { panic!("{found:#?}") };
    assert_eq!((levels.different, levels.only_first, levels.only_other), (1, 1, 1));
    assert_ne!(levels.checksum, levels.other_checksum);
    let told: BTreeSet<&str> = levels.examples.iter().map(|difference| difference.key.as_str()).collect();
    let key = |(company, item, place): &(String, String, String)| format!("{company} | {item} | {place}");
    let (changed, removed) = (key(changed), key(removed));
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.contains(changed.as_str()) && told.contains(removed.as_str()), "{told:?}");
    assert!(told.iter().any(|key| key.contains("nothing")), "{told:?}");
    let difference = levels.examples.iter().find(|difference| difference.key == changed).unwrap();
    let [column] = &difference.columns[..] else { panic!("{difference:?}") };
    let units = |value: &Option<String>| value.as_ref().unwrap().parse::<i64>().unwrap();
    assert_eq!(column.column, "on_hand");
    assert_eq!(units(&column.first), units(&column.other) + 1_000);

    assert!(rebuild::rebuild(&log.owner, &inventory, Options::default()).await.unwrap().switched);
    let mended = rebuild::rebuild(&log.owner, &inventory, diff_only()).await.unwrap();
    assert!(mended.tables.iter().all(TableComparison::is_equal), "{mended:#?}");
}

#[tokio::test]
async fn a_hole_in_the_log_is_an_error_and_leaves_the_live_copy() {
    let log = folded(&random_events(9, 300), 9).await;
    let before = log.number("select count(*) from movements_2.movements").await;
    let remove = "set session_replication_role = replica;
        delete from log.events where (partition, position) in
            (select partition, max(position) - 1 from log.events group by partition);
        set session_replication_role = origin";
    sqlx::raw_sql(remove).execute(&log.owner).await.unwrap();
    for name in ["movements", "catalogue"] {
        let projection = read_model(name);
        let failed = rebuild::rebuild(&log.owner, &projection, Options::default()).await.unwrap_err();
        let source = std::error::Error::source(&failed).unwrap().to_string();
        assert!(source.contains("has no event at position"), "{source}");
    }
    assert_eq!(log.number("select count(*) from movements_2.movements").await, before);
}
