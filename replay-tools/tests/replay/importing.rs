//! `replay import --from-postgres-es`, and that postgres-es and our log keep the same events.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{AggregateError, CqrsFramework};
use domain::shared::event::Event;
use domain::stock::{StockCommand, StockEvent, StockFacts, StockIntent, StockItem, StockRefusal, StockRules};
use event_log::append::head;
use event_log::archive::Archive;
use event_log::event::{StoredEvent, partition_of};
use event_log::read;
use migrations::testing::{TestDatabase, fresh_database};
use postgres_es::PostgresEventRepository;
use serde_json::Value;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use crate::support::{Said, Shop, item, replay, take};

/// The table that postgres-es asks for.
const TABLE: &str = "create table events (
    aggregate_type text not null, aggregate_id text not null, sequence bigint check (sequence >= 0) not null,
    event_type text not null, event_version text not null, payload json not null, metadata json not null,
    primary key (aggregate_type, aggregate_id, sequence))";

const COMPANY: Uuid = Uuid::from_u128(0x0191_0000_0000_7000_8000_0000_0000_0001);

/// Another application's database with its events.
struct Other {
    database: TestDatabase,
}

impl Other {
    async fn empty() -> Self {
        let other = Self { database: fresh_database().await };
        other.run(TABLE).await;
        other
    }

    /// Streams of five events each, some columns written as only a person would.
    async fn with_accounts(streams: i64) -> Self {
        let other = Self::empty().await;
        other
            .run(&format!(
                "insert into events
                 select case when s % 3 = 0 then 'customer' else 'Account' end, 'Ё-' || s, n, 'Deposited' || n % 2,
                    case when n % 2 = 0 then '2' else '1.0' end,
                    format('{{ \"amount\" : %s.50,  \"note\":\"\\u0000 \u{2116}%s\" }}', n, s)::json,
                    case when n = 1 then '{{}}' else format('{{\"by\":\"clerk %s\"}}', s) end::json
                 from generate_series(1, {streams}) s, generate_series(1, 5) n"
            ))
            .await;
        other
    }

    async fn run(&self, statement: &str) {
        sqlx::raw_sql(statement).execute(self.database.owner()).await.unwrap();
    }

    /// Every row: type, id, sequence, event type, payload and metadata as texts.
    async fn rows(&self) -> Vec<(String, String, i64, String, String, String)> {
        sqlx::query_as(
            "select aggregate_type, aggregate_id, sequence, event_type, payload::text, metadata::text from events
             order by aggregate_type collate \"C\", aggregate_id collate \"C\", sequence",
        )
        .fetch_all(self.database.owner())
        .await
        .unwrap()
    }
}

/// A log that imports.
struct Ours {
    database: TestDatabase,
}

impl Ours {
    async fn empty() -> Self {
        Self { database: fresh_database().await }
    }

    fn arguments<'a>(url: &'a str, ours: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let company = "01910000-0000-7000-8000-000000000001";
        let fixed = ["import", "--from-postgres-es", url, "--company", company, "--database-url", ours];
        [&fixed, more].concat()
    }

    async fn import(&self, other: &Other, more: &[&str]) -> Said {
        replay(&Self::arguments(&other.database.url(), &self.database.url(), more)).await
    }

    /// The same, without waiting for its end.
    fn begin_import(&self, other: &Other) -> Child {
        let (url, ours) = (other.database.url(), self.database.url());
        let mut command = Command::new(env!("CARGO_BIN_EXE_replay"));
        command.args(Self::arguments(&url, &ours, &[])).env_remove("DATABASE_URL");
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    async fn position(&self) -> i64 {
        let mut conn = self.database.owner().acquire().await.unwrap();
        head(&mut conn, partition_of(COMPANY, 4)).await.unwrap().position
    }

    async fn events(&self) -> Vec<StoredEvent> {
        events(self.database.owner(), COMPANY).await
    }

    /// Where each partition of the log ends: partition, position and hash of all that is in it.
    async fn heads(&self) -> Vec<(i16, i64, Vec<u8>)> {
        sqlx::query_as("select partition, position, hash from log.log_head order by partition")
            .fetch_all(self.database.owner())
            .await
            .unwrap()
    }

    async fn log_holds(&self) {
        let reports =
            event_log::verify::verify_all(self.database.owner(), &Archive::default(), 4, &[]).await.unwrap();
        assert!(reports.iter().all(|report| report.fault.is_none()), "{reports:?}");
    }
}

async fn events(owner: &PgPool, company_id: Uuid) -> Vec<StoredEvent> {
    let mut conn = owner.acquire().await.unwrap();
    let partition = partition_of(company_id, 4);
    let events = read::after(&mut conn, partition, 0, 1_000_000).await.unwrap();
    events.into_iter().filter(|event| event.company_id == company_id).collect()
}

/// Waits until it holds.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_mins(1), "it never held");
    }
}

#[tokio::test]
async fn every_stream_comes_with_its_versions_payloads_and_metadata() {
    let (ours, other) = (Ours::empty().await, Other::with_accounts(30).await);
    let said = ours.import(&other, &[]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.out.contains("appended 150 events") && said.out.contains("of 150 in 30 streams"),
        "{}",
        said.out
    );
    let (events, rows) = (ours.events().await, other.rows().await);
    assert_eq!(events.len(), rows.len());
    for (event, (kind, id, sequence, event_type, payload, metadata)) in events.iter().zip(&rows) {
        assert_eq!(
            (&*event.stream_type, &*event.stream_id, event.version),
            (kind.as_str(), id.as_str(), *sequence)
        );
        assert_eq!(
            (&*event.event_type, event.schema_version),
            (event_type.as_str(), i16::from(sequence % 2 == 0) + 1)
        );
        assert_eq!((&*event.payload, &*event.metadata), (payload.as_str(), metadata.as_str()));
        assert_eq!(event.event_id.get_version_num(), 8);
    }
    let ids: std::collections::BTreeSet<_> = events.iter().map(|event| event.event_id).collect();
    assert_eq!(ids.len(), events.len());
    ours.log_holds().await;
}

#[tokio::test]
async fn an_import_that_is_repeated_appends_only_what_is_new() {
    let (ours, other) = (Ours::empty().await, Other::with_accounts(30).await);
    let said = ours.import(&other, &["--dry-run"]).await;
    assert!(said.out.contains("would append 150 events"), "{}{}", said.out, said.err);
    assert_eq!(ours.position().await, 0);
    assert_eq!(ours.import(&other, &[]).await.code, 0);
    let before = ours.events().await;
    let said = ours.import(&other, &[]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("appended 0 events") && said.out.contains("150 of 150"), "{}", said.out);
    assert_eq!(ours.events().await, before);

    other.run("insert into events values ('Account', 'Ё-1', 6, 'Closed', '1', '{}', '{}')").await;
    let said = ours.import(&other, &[]).await;
    assert!(said.out.contains("appended 1 event ") && said.out.contains("150 of 151"), "{}", said.out);
    assert_eq!(ours.events().await.last().unwrap().version, 6);
}

/// `STOCKTRAIL_IMPORT_EVENTS` makes the table longer, up to the million of docs/performance.md.
#[tokio::test]
async fn a_long_table_imported_twice_is_imported_once() {
    let events = std::env::var("STOCKTRAIL_IMPORT_EVENTS").map_or(20_000, |events| events.parse().unwrap());
    let (ours, other) = (Ours::empty().await, Other::with_accounts(events / 5).await);
    let begun = Instant::now();
    let said = ours.import(&other, &[]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("; 0 of "), "{}", said.out);
    let (first, begun) = (begun.elapsed(), Instant::now());
    let once = ours.heads().await;
    assert_eq!(once.iter().map(|head| head.1).sum::<i64>(), events);
    let said = ours.import(&other, &[]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("appended 0 events"), "{}", said.out);
    eprintln!("{events} events: imported in {first:?}, once more in {:?}", begun.elapsed());
    assert_eq!(ours.heads().await, once);
    ours.log_holds().await;
}

#[tokio::test]
async fn an_import_that_was_killed_in_the_middle_goes_on() {
    let (ours, other) = (Ours::empty().await, Other::with_accounts(12_000).await);
    let mut child = ours.begin_import(&other);
    until(async || ours.position().await > 0).await;
    // Nothing more is appended while somebody holds the head.
    let mut holding = ours.database.owner().begin().await.unwrap();
    sqlx::query("select from log.log_head for update").execute(&mut *holding).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let position = ours.position().await;
    assert!((1..60_000).contains(&position), "{position}");
    holding.rollback().await.unwrap();

    let said = ours.import(&other, &[]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(ours.position().await, 60_000);
    let (events, rows) = (ours.events().await, other.rows().await);
    let places = events.iter().map(|event| (&*event.stream_type, &*event.stream_id, event.version));
    assert!(places.eq(rows.iter().map(|row| (row.0.as_str(), row.1.as_str(), row.2))));
    let said = ours.import(&other, &[]).await;
    assert!(said.out.contains("appended 0 events"), "{}", said.out);
    ours.log_holds().await;
}

#[tokio::test]
async fn two_imports_at_the_same_time_are_one() {
    let (ours, other) = (Ours::empty().await, Other::with_accounts(4_000).await);
    let both = [ours.begin_import(&other), ours.begin_import(&other)];
    let ended = both.map(|child| tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()));
    for ended in ended {
        let ended = ended.await.unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    }
    assert_eq!(ours.position().await, 20_000);
    ours.log_holds().await;
}

#[tokio::test]
async fn what_cannot_be_taken_as_it_is_is_refused_by_name() {
    for (change, arguments, reason) in [
        (
            "delete from events where aggregate_id = 'Ё-4' and sequence = 3",
            &[][..],
            "sequence 4 of Account/Ё-4: 3 should come next",
        ),
        (
            "delete from events where aggregate_id = 'Ё-4' and sequence = 1",
            &[],
            "sequence 2 of Account/Ё-4: 1 should come next",
        ),
        (
            "update events set event_version = 'beta' where aggregate_id = 'Ё-4'",
            &[],
            "event_version beta is no number",
        ),
        (
            "update events set aggregate_type = 'product' where aggregate_id = 'Ё-4'",
            &[],
            "unknown event type Deposited1",
        ),
        ("alter table events drop column metadata", &[], "it has no column metadata"),
        ("alter table events rename to facts", &[], "has no table events"),
        ("select", &["--table", "no.events"], "has no table no.events"),
    ] {
        let (ours, other) = (Ours::empty().await, Other::with_accounts(6).await);
        other.run(change).await;
        let said = ours.import(&other, arguments).await;
        assert_eq!(said.code, 1, "{change}: {}", said.out);
        assert!(said.err.contains(reason), "{change}: {}", said.err);
        assert_eq!(ours.position().await, 0, "{change}");
    }
}

#[tokio::test]
async fn an_event_of_the_log_is_never_taken_for_another() {
    let (ours, other) = (Ours::empty().await, Other::with_accounts(6).await);
    assert_eq!(ours.import(&other, &[]).await.code, 0);
    other
        .run("update events set payload = '{\"amount\":9}' where aggregate_id = 'Ё-4' and sequence = 3")
        .await;
    let said = ours.import(&other, &[]).await;
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("version 3 of Account/Ё-4 is another event in the log"), "{}", said.err);
    assert_eq!(ours.position().await, 30);
}

#[tokio::test]
async fn versions_and_times_that_a_table_bears_are_kept() {
    let (ours, other) = (Ours::empty().await, Other::with_accounts(3).await);
    other
        .run(
            "update events set event_version = '1.1';
             alter table events add column timestamp timestamptz default '2020-02-02T02:02:02Z';
             create schema shop; alter table events set schema shop; alter table shop.events rename to \"Facts\"",
        )
        .await;
    let said = ours.import(&other, &["--table", "shop.\"Facts\"", "--schema-version", "1.1=7"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    for event in ours.events().await {
        assert_eq!(
            (event.schema_version, event.effective_at.to_rfc3339()),
            (7, "2020-02-02T02:02:02+00:00".to_owned())
        );
        assert!(event.recorded_at > event.effective_at);
    }
}

/// The same commands through postgres-es, each with what the committer looked up for it; the last one is refused.
async fn through_postgres_es(other: &Other, events: &[StoredEvent], script: &[StockIntent]) {
    let pool = PgPoolOptions::new().connect(&other.database.url()).await.unwrap();
    let store = PersistedEventStore::new_event_store(PostgresEventRepository::new(pool));
    let framework: CqrsFramework<StockItem, PersistedEventStore<_, StockItem>> =
        CqrsFramework::new(store, vec![], ());
    let decode = |event: &StoredEvent| {
        StockEvent::decode(&event.event_type, event.schema_version, &event.payload).unwrap()
    };
    let past: Vec<StockEvent> = events.iter().map(decode).collect();
    assert_eq!(script.len(), events.len() + 1);
    for (n, intent) in script.iter().enumerate() {
        // What is refused leaves no event that would tell.
        let same = n.min(events.len() - 1);
        let metadata: HashMap<String, String> = serde_json::from_str(&events[same].metadata).unwrap();
        let execute = async |history| {
            let movement_id = past[same].entry().movement_id;
            let (now, rules) = (events[same].recorded_at, StockRules::default());
            let facts = StockFacts { movement_id, now, time_zone: chrono_tz::UTC, rules, history };
            let command = StockCommand { facts, intent: intent.clone() };
            framework.execute_with_metadata(item().as_str(), command, metadata.clone()).await
        };
        let mut outcome = execute(None).await;
        if matches!(outcome, Err(AggregateError::UserError(StockRefusal::NeedsHistory))) {
            outcome = execute(Some(past[..n].to_vec())).await;
        }
        assert_eq!(outcome.is_ok(), n < events.len(), "{intent:?}: {outcome:?}");
    }
}

/// A shop that has lived, the stock events of its log, and the same commands in postgres-es.
async fn both() -> (Shop, Vec<StoredEvent>, Other) {
    let shop = Shop::found().await;
    let mut script = shop.live().await;
    shop.is_refused(take(1_000)).await;
    script.push(take(1_000));
    let mut stock = events(shop.database.owner(), shop.company_id.0).await;
    stock.retain(|event| &*event.stream_type == StockEvent::STREAM_TYPE);
    let other = Other::empty().await;
    through_postgres_es(&other, &stock, &script).await;
    (shop, stock, other)
}

#[tokio::test]
async fn one_script_of_commands_leaves_the_same_events_in_postgres_es_and_in_our_log() {
    let (_shop, stock, other) = both().await;
    let rows = other.rows().await;
    assert!(rows.len() == stock.len() && stock.len() >= 6, "{} and {}", rows.len(), stock.len());
    for ((kind, id, sequence, event_type, payload, metadata), event) in rows.iter().zip(&stock) {
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let stream = (&*event.stream_type, &*event.stream_id, event.version);
        assert_eq!((kind.as_str(), id.as_str(), *sequence), stream);
        let envelope = serde_json::json!({"event_type": &*event.event_type, "data": json(&event.payload)});
        assert_eq!((event_type.as_str(), json(payload)), (&*event.event_type, envelope));
        assert_eq!(json(metadata), json(&event.metadata));
    }
}

#[tokio::test]
async fn stock_that_was_kept_in_postgres_es_is_folded_like_our_own() {
    let (shop, stock, other) = both().await;
    let twin = Shop::found().await;
    let said = twin.replay_here(&["import", "--from-postgres-es", &other.database.url()]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let mut imported = events(twin.database.owner(), twin.company_id.0).await;
    imported.retain(|event| &*event.stream_type == StockEvent::STREAM_TYPE);
    assert_eq!(imported.len(), stock.len());
    for (imported, event) in imported.iter().zip(&stock) {
        let named = |event: &StoredEvent| {
            (event.event_id, event.version, event.event_type.clone(), event.effective_at)
        };
        assert_eq!(named(imported), named(event));
        let fact =
            |event: &StoredEvent| StockEvent::decode(&event.event_type, event.schema_version, &event.payload);
        assert_eq!(fact(imported).unwrap(), fact(event).unwrap());
    }
    for shop in [&shop, &twin] {
        shop.fold().await;
        let said = shop.replay(&["verify"]).await;
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    }
    let levels = "select location_id, on_hand from inventory_1.levels order by 1";
    let mut both = Vec::new();
    for shop in [&shop, &twin] {
        let levels: Vec<(String, i64)> =
            sqlx::query_as(levels).fetch_all(shop.database.owner()).await.unwrap();
        both.push(levels);
    }
    assert_eq!(both[0], both[1]);
    // The committer that runs beside goes on where the import ended.
    twin.stock(crate::support::add(1)).await;
    twin.fold().await;
    assert_eq!(twin.replay(&["verify"]).await.code, 0);
}
