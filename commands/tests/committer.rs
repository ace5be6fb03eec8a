//! The committer against a real log: every test has a database of its own.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use chrono::TimeDelta;
use commands::clock::{Clock, Ids};
use commands::operation::{Occupancy, ProductEdit, RequestKey};
use commands::{CommitterConfig, Committers, Operation, Outcome, Receipt, Submission, SubmitError, Verdict};
use domain::catalogue::location::event::{LocationDetails, LocationKind};
use domain::catalogue::product::event::ProductDetails;
use domain::companies::event::Profile;
use domain::sales::event::{ChannelConfigured, LineKind, OnSale, ReportedLine};
use domain::shared::ids::{ChannelId, CompanyId, ItemId, LocationId};
use domain::shared::money::Currency;
use domain::stock::StockIntent;
use domain::stock::command::{AdjustKind, Human, Reason};
use event_log::append::key_id;
use event_log::event::{Metadata, StoredEvent};
use event_log::read;
use migrations::Role;
use migrations::testing::{TestDatabase, fresh_database};

struct Shop {
    database: TestDatabase,
    committers: Committers,
    clock: Clock,
    company_id: CompanyId,
}

fn item(text: &str) -> ItemId {
    ItemId::new(text).unwrap()
}

fn main_location() -> LocationId {
    LocationId::new("MAIN").unwrap()
}

async fn committers(database: &TestDatabase, clock: &Clock, snapshot_every: i64) -> Committers {
    let pool = database.pool(Role::Committer, 9).await.unwrap();
    Committers::start(&CommitterConfig {
        pool,
        partitions: 4,
        clock: clock.clone(),
        snapshot_every,
        listen: None,
    })
}

impl Shop {
    /// A company with a location and one product of 100 pieces.
    async fn open() -> Self {
        let (database, clock) = (fresh_database().await, Clock::system());
        let committers = committers(&database, &clock, 1_000).await;
        let shop = Self { database, committers, clock, company_id: CompanyId(Ids.next()) };
        let profile = Profile {
            name: "Shop".into(),
            currency: Currency::new("EUR").unwrap(),
            time_zone: chrono_tz::UTC,
        };
        shop.accept(Operation::FoundCompany { profile }).await;
        let details = Box::new(LocationDetails::named("Main", LocationKind::Own, None));
        shop.accept(Operation::CreateLocation { location_id: main_location(), details, is_primary: true })
            .await;
        shop.create("A").await;
        let intent = StockIntent::Open { location_id: main_location(), quantity: 100, at: None, notes: None };
        shop.accept(Operation::Stock { item: item("A"), intent }).await;
        shop
    }

    async fn create(&self, name: &str) {
        let details = ProductDetails::named(&item(name), name);
        self.accept(Operation::CreateProduct { item_id: item(name), details }).await;
    }

    fn submission(&self, operations: Vec<Operation>, key: Option<(&str, &str)>) -> Submission {
        let id = Ids.next();
        let metadata = Metadata {
            actor: "user:test".into(),
            command_id: id,
            correlation_id: id,
            causation_id: None,
            source: "test".into(),
        };
        let request_key = key.map(|(key, body)| RequestKey { key: key.into(), digest: key_id(&[body]) });
        Submission { company_id: self.company_id, metadata, request_key, operations }
    }

    async fn submit(&self, operations: Vec<Operation>) -> Receipt {
        self.committers.submit(self.submission(operations, None)).await.unwrap()
    }

    async fn verdict(&self, operation: Operation) -> Verdict {
        self.submit(vec![operation]).await.verdicts.remove(0)
    }

    async fn accept(&self, operation: Operation) -> Outcome {
        match self.verdict(operation).await {
            Verdict::Accepted(outcome) => outcome,
            other => panic!("not accepted: {other:?}"),
        }
    }

    async fn refusal(&self, operation: Operation) -> String {
        match self.verdict(operation).await {
            Verdict::Refused(refused) => refused.code.into_owned(),
            other => panic!("not refused: {other:?}"),
        }
    }

    async fn events(&self) -> Vec<StoredEvent> {
        let mut connection = self.database.owner().acquire().await.unwrap();
        let partition = self.committers.partition_of(self.company_id.0);
        read::after(&mut connection, partition, 0, 100_000).await.unwrap()
    }

    async fn on_hand(&self, name: &str) -> i64 {
        let intent = StockIntent::Count { location_id: main_location(), counted: 0, human: Human::default() };
        match self.accept(Operation::PreviewStock { item: item(name), intent }).await {
            Outcome::Stock(stock) => stock.legs[0].quantity_before,
            other => panic!("no stock: {other:?}"),
        }
    }
}

fn subtract(name: &str, quantity: i64) -> Operation {
    let intent = StockIntent::Adjust {
        location_id: main_location(),
        kind: AdjustKind::Subtract,
        quantity,
        reason: Reason::Other,
        human: Human { confirm: vec![domain::stock::Confirm::LargeChange], ..Human::default() },
    };
    Operation::Stock { item: item(name), intent }
}

fn line(kind: LineKind, name: &str, line_id: &str, quantity: i64) -> ReportedLine {
    ReportedLine {
        kind,
        channel: ChannelId::new("shop").unwrap(),
        order_id: "O-1".into(),
        line_id: line_id.into(),
        item_id: item(name),
        location_id: None,
        quantity,
        unit_price: None,
        sold_at: Clock::system().now(),
        offset_minutes: 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_never_harms_its_neighbours() {
    let shop = Shop::open().await;
    let before = shop.events().await.len();
    let receipt =
        shop.submit(vec![subtract("A", 10), subtract("A", 500), subtract("B", 1), subtract("A", 5)]).await;
    let codes: Vec<_> = receipt
        .verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Accepted(_) => "accepted".to_owned(),
            Verdict::Duplicate => "duplicate".to_owned(),
            Verdict::Refused(refused) => refused.code.to_string(),
        })
        .collect();
    assert_eq!(codes, ["accepted", "would_go_below_zero", "unknown_item", "accepted"]);
    assert_eq!(shop.on_hand("A").await, 85);
    assert_eq!(shop.events().await.len(), before + 2);
    assert_eq!(receipt.position, shop.events().await.last().unwrap().position);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_key_is_answered_once_and_refused_for_another_body() {
    let shop = Shop::open().await;
    let first =
        shop.committers.submit(shop.submission(vec![subtract("A", 10)], Some(("k", "body")))).await.unwrap();
    let again =
        shop.committers.submit(shop.submission(vec![subtract("A", 10)], Some(("k", "body")))).await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!((first.position, &first.verdicts), (again.position, &again.verdicts));
    let other = shop.committers.submit(shop.submission(vec![subtract("A", 1)], Some(("k", "other")))).await;
    assert_eq!(other, Err(SubmitError::KeyReused));
    assert_eq!(shop.on_hand("A").await, 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_movement_that_was_not_recorded_does_not_count_as_one() {
    let shop = Shop::open().await;
    let first = shop.submission(vec![subtract("A", 10)], Some(("k", "body")));
    let position = shop.committers.submit(first).await.unwrap().position;
    let other = shop.submission(vec![subtract("A", 1)], Some(("k", "other")));
    assert_eq!(shop.committers.submit(other).await, Err(SubmitError::KeyReused));
    let seen = Occupancy { items_with_stock: 1, items_with_reservations: 0, position };
    let close = Operation::DeactivateLocation { location_id: main_location(), seen };
    assert_ne!(shop.refusal(close).await, "stock_moved_meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_its_first_answer_although_it_would_be_refused_or_change_nothing_today() {
    let shop = Shop::open().await;
    let create =
        Operation::CreateProduct { item_id: item("B"), details: ProductDetails::named(&item("B"), "B") };
    let take = || vec![subtract("A", 60)];
    for (key, operations) in [("create", vec![create]), ("take", take())] {
        let submit = || shop.committers.submit(shop.submission(operations.clone(), Some((key, "body"))));
        let (first, again) = (submit().await.unwrap(), submit().await.unwrap());
        assert!(matches!(first.verdicts[0], Verdict::Accepted(_)));
        assert!(again.replayed);
        assert_eq!((first.position, first.verdicts), (again.position, again.verdicts));
    }
    let other = shop.committers.submit(shop.submission(take(), Some(("take", "other")))).await;
    assert_eq!(other, Err(SubmitError::KeyReused));
    // What was refused left no trace, so the key is free for when it is possible.
    let refused = shop.committers.submit(shop.submission(take(), Some(("later", "body")))).await.unwrap();
    assert!(matches!(refused.verdicts[0], Verdict::Refused(_)) && !refused.replayed);
    let taken =
        shop.committers.submit(shop.submission(vec![subtract("A", 40)], Some(("later", "less")))).await;
    assert!(matches!(taken.unwrap().verdicts[0], Verdict::Accepted(_)));
    assert_eq!(shop.on_hand("A").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_at_the_same_moment_is_one_command() {
    let shop = Shop::open().await;
    let tries =
        (0..32).map(|_| shop.committers.submit(shop.submission(vec![subtract("A", 1)], Some(("k", "body")))));
    let receipts = futures::future::join_all(tries).await;
    let replayed = receipts.iter().filter(|receipt| receipt.as_ref().unwrap().replayed).count();
    assert_eq!(replayed, 31);
    assert_eq!(shop.on_hand("A").await, 99);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_partition_lose_and_double_nothing() {
    let shop = Shop::open().await;
    let second = committers(&shop.database, &shop.clock, 1_000).await;
    let tries = (0..150).map(|n| {
        let committers = if n % 2 == 0 { &shop.committers } else { &second };
        committers.submit(shop.submission(vec![subtract("A", 1)], None))
    });
    let receipts = futures::future::join_all(tries).await;
    let accepted = receipts
        .iter()
        .filter(|receipt| matches!(receipt.as_ref().unwrap().verdicts[0], Verdict::Accepted(_)));
    assert_eq!(accepted.count(), 100);
    assert_eq!(shop.on_hand("A").await, 0);
    let events = shop.events().await;
    assert!(events.iter().zip(1..).all(|(event, position)| event.position == position));
    let versions: Vec<_> = events
        .iter()
        .filter(|event| &*event.stream_type == "stock_item")
        .map(|event| event.version)
        .collect();
    assert_eq!(versions, (1..=101).collect::<Vec<_>>());
}

/// Batches are decided while the one before is on its way; here that one often does not land, for want of an up-to-date
/// head or because its keys are taken.
#[tokio::test(flavor = "multi_thread")]
async fn large_batches_of_two_processes_with_the_same_lines_record_each_line_once() {
    let shop = Shop::open().await;
    let other = committers(&shop.database, &shop.clock, 50).await;
    let lines = |first: usize| {
        let lines = (first..first + 300).map(|n| line(LineKind::Sale, "A", &n.to_string(), 2));
        shop.submission(lines.map(Operation::RecordLine).collect(), None)
    };
    // Each submission repeats a third of the one before and is sent to both.
    let sent = (0..20).flat_map(|n| [shop.committers.submit(lines(n * 200)), other.submit(lines(n * 200))]);
    let receipts = futures::future::join_all(sent).await;
    let verdicts = receipts.into_iter().flat_map(|receipt| receipt.unwrap().verdicts);
    let accepted = verdicts.filter(|verdict| matches!(verdict, Verdict::Accepted(_))).count();
    assert_eq!(accepted, 4_100, "19 × 200 + 300 lines");
    let events = shop.events().await;
    let sold = events.iter().filter(|event| &*event.event_type == "Sold").count();
    assert_eq!(sold, 4_100);
    let stock = events.iter().filter(|event| &*event.stream_type == "stock_item").map(|event| event.version);
    assert_eq!(stock.collect::<Vec<_>>(), (1..=4_101).collect::<Vec<_>>());
    let fresh = committers(&shop.database, &shop.clock, 50).await;
    let reader = Shop { committers: other, ..shop };
    assert_eq!(reader.on_hand("A").await, 100 - 8_200);
    let reader = Shop { committers: fresh, ..reader };
    assert_eq!(reader.on_hand("A").await, 100 - 8_200, "snapshots hold what the log holds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_neither_loses_nor_doubles_a_command() {
    let shop = Shop::open().await;
    let owner = shop.database.owner().clone();
    let killer = tokio::spawn(async move {
        for _ in 0..40 {
            sqlx::query(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where application_name = 'stocktrail_committer' and datname = current_database()",
            )
            .execute(&owner)
            .await
            .unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(7)).await;
        }
    });
    let mut done = 0;
    while !killer.is_finished() || done < 50 {
        if done == 100 {
            break;
        }
        let key = format!("k{done}");
        let receipt = shop
            .committers
            .submit(shop.submission(vec![subtract("A", 1)], Some((&key, "body"))))
            .await
            .unwrap();
        assert!(matches!(receipt.verdicts[0], Verdict::Accepted(_)));
        done += 1;
    }
    killer.await.unwrap();
    assert_eq!(shop.on_hand("A").await, 100 - done);
    let sold = shop.events().await.iter().filter(|event| &*event.event_type == "StockAdjusted").count();
    assert_eq!(i64::try_from(sold).unwrap(), done);
}

/// The connection is lost when a stream's state has a place in memory already, but its events are not read yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_was_half_loaded_is_not_decided_on() {
    let shop = Shop::open().await;
    let owner = shop.database.owner().clone();
    let fresh = committers(&shop.database, &shop.clock, 1_000).await;
    let mut lock = owner.begin().await.unwrap();
    sqlx::raw_sql("lock table log.snapshots in access exclusive mode").execute(&mut *lock).await.unwrap();
    let killer = async {
        let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock' and query like '%log.snapshots%'";
        while sqlx::query_scalar::<_, i64>(kill).fetch_one(&owner).await.unwrap() == 0 {}
        lock.rollback().await.unwrap();
    };
    let (receipt, ()) =
        tokio::join!(fresh.submit(shop.submission(vec![subtract("A", 1)], Some(("k", "body")))), killer);
    assert!(matches!(receipt.unwrap().verdicts[0], Verdict::Accepted(_)));
    assert_eq!(shop.on_hand("A").await, 99);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outside_fact_is_recorded_once_whatever_way_it_comes() {
    let shop = Shop::open().await;
    let sale = line(LineKind::Sale, "A", "1", 3);
    let twice =
        shop.submit(vec![Operation::RecordLine(sale.clone()), Operation::RecordLine(sale.clone())]).await;
    assert!(matches!(twice.verdicts[0], Verdict::Accepted(Outcome::LineRecorded { .. })));
    assert_eq!(twice.verdicts[1], Verdict::Duplicate);
    shop.clock.advance(TimeDelta::days(30));
    assert_eq!(shop.verdict(Operation::RecordLine(sale.clone())).await, Verdict::Duplicate);
    let other = ReportedLine { quantity: 4, ..sale };
    assert_eq!(shop.refusal(Operation::RecordLine(other)).await, "differs_from_recorded");
    assert_eq!(shop.on_hand("A").await, 97);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantined_line_is_released_once_its_item_is_known() {
    let shop = Shop::open().await;
    let sale = line(LineKind::Sale, "NEW", "1", 3);
    let Outcome::LineQuarantined { quarantine_id, .. } =
        shop.accept(Operation::RecordLine(sale.clone())).await
    else {
        panic!("the line was not quarantined")
    };
    assert_eq!(shop.verdict(Operation::RecordLine(sale.clone())).await, Verdict::Duplicate);
    let release = || Operation::ReleaseQuarantined { quarantine_id };
    assert_eq!(shop.refusal(release()).await, "unknown_item");
    shop.create("NEW").await;
    assert_eq!(shop.accept(release()).await, Outcome::Released { already_recorded: false });
    assert_eq!(shop.refusal(release()).await, "already_released");
    assert_eq!(shop.verdict(Operation::RecordLine(sale)).await, Verdict::Duplicate);
    assert_eq!(shop.on_hand("NEW").await, -3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_reverses_exactly_once_and_where_the_sale_was() {
    let shop = Shop::open().await;
    let details = Box::new(LocationDetails::named("Second", LocationKind::Store, None));
    let second = LocationId::new("SECOND").unwrap();
    shop.accept(Operation::CreateLocation { location_id: second.clone(), details, is_primary: false }).await;
    let sale = ReportedLine { location_id: Some(second), ..line(LineKind::Sale, "A", "1", 3) };
    shop.accept(Operation::RecordLine(sale)).await;
    let cancellation = line(LineKind::Cancellation, "A", "1", 3);
    shop.accept(Operation::RecordLine(cancellation.clone())).await;
    assert_eq!(shop.verdict(Operation::RecordLine(cancellation.clone())).await, Verdict::Duplicate);
    assert_eq!(shop.on_hand("A").await, 100);
    shop.accept(Operation::RecordLine(line(LineKind::Sale, "A", "2", 3))).await;
    let too_much = ReportedLine { line_id: "2".into(), quantity: 4, ..cancellation };
    assert_eq!(shop.refusal(Operation::RecordLine(too_much)).await, "exceeds_sale");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserving_channel_takes_stock_at_shipment() {
    let shop = Shop::open().await;
    let config = ChannelConfigured { location_id: None, on_sale: OnSale::Reserve, count_returns: None };
    let channel = ChannelId::new("shop").unwrap();
    shop.accept(Operation::ConfigureChannel { channel, config }).await;
    shop.accept(Operation::RecordLine(line(LineKind::Sale, "A", "1", 3))).await;
    shop.accept(Operation::RecordLine(line(LineKind::Sale, "A", "2", 5))).await;
    assert_eq!(shop.on_hand("A").await, 100);
    shop.accept(Operation::RecordLine(line(LineKind::Shipment, "A", "1", 3))).await;
    assert_eq!(shop.on_hand("A").await, 97);
    shop.accept(Operation::RecordLine(line(LineKind::Cancellation, "A", "2", 5))).await;
    assert_eq!(shop.on_hand("A").await, 97);
    assert_eq!(
        shop.refusal(Operation::RecordLine(line(LineKind::Shipment, "A", "9", 1))).await,
        "nothing_reserved"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_loads_the_same_from_a_snapshot_and_from_events() {
    let shop = Shop::open().await;
    let short = committers(&shop.database, &shop.clock, 10).await;
    for _ in 0..25 {
        short.submit(shop.submission(vec![subtract("A", 1)], None)).await.unwrap();
    }
    let saved = || async {
        sqlx::query_scalar::<_, i64>("select count(*) from log.snapshots where version >= 20")
            .fetch_one(shop.database.owner())
            .await
            .unwrap()
    };
    let patience = std::time::Instant::now();
    while saved().await == 0 {
        assert!(patience.elapsed().as_secs() < 10, "no snapshot was saved");
        tokio::task::yield_now().await;
    }
    let fresh = committers(&shop.database, &shop.clock, 10).await;
    let reader = Shop { committers: fresh, ..shop };
    assert_eq!(reader.on_hand("A").await, 75);
    sqlx::query("update log.snapshots set fingerprint = gen_random_uuid(), state = '{}'")
        .execute(reader.database.owner())
        .await
        .unwrap();
    let fresh = committers(&reader.database, &reader.clock, 10).await;
    let reader = Shop { committers: fresh, ..reader };
    assert_eq!(reader.on_hand("A").await, 75, "a snapshot of another shape is ignored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_count_before_a_long_past_is_decided_from_the_whole_history() {
    let shop = Shop::open().await;
    let hour = TimeDelta::hours(1);
    shop.clock.advance(hour * 10);
    for _ in 0..50 {
        shop.accept(subtract("A", 1)).await;
    }
    let stamp = shop.clock.now() - hour * 5;
    let human = Human { at: Some(stamp.fixed_offset().into()), ..Human::default() };
    let intent = StockIntent::Count { location_id: main_location(), counted: 80, human };
    shop.accept(Operation::Stock { item: item("A"), intent }).await;
    assert_eq!(shop.on_hand("A").await, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_keys_of_the_catalogue_stay_unique() {
    let shop = Shop::open().await;
    shop.create("B").await;
    let twice =
        Operation::CreateProduct { item_id: item("B"), details: ProductDetails::named(&item("B"), "B") };
    assert_eq!(shop.refusal(twice).await, "product_exists");
    let rename = |to: &str, expected_version| Operation::EditProduct {
        item: item("B"),
        edit: Box::new(ProductEdit { item_id: Some(item(to)), ..ProductEdit::default() }),
        expected_version,
    };
    assert_eq!(shop.refusal(rename("A", None)).await, "product_exists");
    assert_eq!(shop.refusal(rename("C", Some(7))).await, "stale_version");
    shop.accept(rename("C", Some(1))).await;
    shop.accept(Operation::DeactivateProduct { item: item("B") }).await;
    let details = Box::new(LocationDetails::named("MAIN", LocationKind::Own, None));
    let location_id = LocationId::new("OTHER").unwrap();
    assert_eq!(
        shop.refusal(Operation::CreateLocation { location_id, details, is_primary: false }).await,
        "name_taken"
    );
    let seen = Occupancy { items_with_stock: 0, items_with_reservations: 0, position: 0 };
    let close = Operation::DeactivateLocation { location_id: main_location(), seen };
    assert_eq!(shop.refusal(close).await, "stock_moved_meanwhile");
}
