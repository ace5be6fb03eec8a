//! Sales: twice is once, demand by rule R3, reports beside lines, quarantine.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::catalogue::location::event as location;
use domain::sales::event::{
    ChannelConfigured, DailySalesReported, LineKind, LineQuarantined, OnSale, QuarantineReason,
    QuarantineReleased, ReportedLine,
};
use domain::shared::ids::{ChannelId, ItemId, LocationId};
use domain::shared::money::{Currency, Money};
use domain::stock::command::SaleLine;
use domain::stock::event::{
    Entry, Movement, ReservedUnitsShipped, Returned, SaleCancelled, Sold, UnitsReserved,
};
use event_log::event::StoredEvent;
use migrations::testing::{TestDatabase, fresh_database};
use projections::projection::{Projection, schema_of};
use projections::sales::Sales;
use projections::sales::demand_by_day::{self, DemandDay};
use projections::sales::quarantine::{self, Quarantine};
use projections::sales::queries::{self, LineFilter, LineOrder};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

const COMPANY: Uuid = Uuid::from_u128(7);

/// A log in the making and the read models beside it.
struct Shop {
    _database: TestDatabase,
    owner: PgPool,
    events: Vec<StoredEvent>,
}

impl Shop {
    async fn open() -> Self {
        let database = fresh_database().await;
        let owner = database.owner().clone();
        projections::install::install(&owner, &projections::registry::all()).await.unwrap();
        Self { _database: database, owner, events: Vec::new() }
    }

    fn push(&mut self, stream: (&str, &str), event_type: &str, at: DateTime<Utc>, payload: &impl Serialize) {
        self.events.push(StoredEvent {
            partition: 0,
            position: i64::try_from(self.events.len()).unwrap() + 1,
            company_id: COMPANY,
            stream_type: Arc::from(stream.0),
            stream_id: Arc::from(stream.1),
            version: 1,
            event_id: Uuid::from_u128(1),
            event_type: Arc::from(event_type),
            schema_version: 1,
            effective_at: at,
            recorded_at: at,
            payload: Arc::from(serde_json::to_string(payload).unwrap()),
            metadata: Arc::from("{}"),
            meaning: event_log::event::Meaning::default(),
        });
    }

    fn sold(&mut self, day: u32, place: &str, line: &str, quantity: i64) {
        let event = Sold { entry: entry(day, place, -quantity), sale: sale("web", line, quantity) };
        self.push(("stock_item", "A"), "Sold", instant(day), &event);
    }

    fn reserved(&mut self, day: u32, line: &str, quantity: i64) {
        let event = UnitsReserved {
            entry: Entry { movements: Vec::new(), ..entry(day, "MAIN", 0) },
            location_id: place("MAIN"),
            sale: sale("web", line, quantity),
        };
        self.push(("stock_item", "A"), "UnitsReserved", instant(day), &event);
    }

    fn shipped(&mut self, day: u32, line: &str, quantity: i64) {
        let event =
            ReservedUnitsShipped { entry: entry(day, "MAIN", -quantity), sale: sale("web", line, quantity) };
        self.push(("stock_item", "A"), "ReservedUnitsShipped", instant(day), &event);
    }

    fn cancelled(&mut self, day: u32, line: &str, quantity: i64) {
        let event = SaleCancelled {
            entry: entry(day, "MAIN", quantity),
            location_id: place("MAIN"),
            sale: sale("web", line, quantity),
            released: 0,
        };
        self.push(("stock_item", "A"), "SaleCancelled", instant(day), &event);
    }

    fn returned(&mut self, day: u32, at: &str, line: Option<&str>, quantity: i64) {
        let event = Returned {
            entry: entry(day, at, quantity),
            sale: line.map(|line| sale("web", line, quantity)),
            reference: None,
            notes: None,
            confirmed: Vec::new(),
        };
        self.push(("stock_item", "A"), "Returned", instant(day), &event);
    }

    fn reported(&mut self, day: u32, source: &str, at: Option<&str>, units_sold: i64) {
        let event = DailySalesReported {
            source: ChannelId::new(source).unwrap(),
            item_id: ItemId::new("A").unwrap(),
            location_id: at.map(place),
            date_local: date(day),
            units_sold,
            revenue: Some(pounds(units_sold)),
            replaced_units: None,
        };
        self.push(("sales_report", &format!("{source}/A")), "DailySalesReported", instant(day), &event);
    }

    fn channel(&mut self, count_returns: Option<bool>) {
        let event = ChannelConfigured { location_id: None, on_sale: OnSale::Reserve, count_returns };
        self.push(("channel", "web"), "ChannelConfigured", instant(1), &event);
    }

    async fn fold(&self, projection: &dyn Projection, blocks: impl Iterator<Item = &[StoredEvent]>) {
        let mut tx = self.owner.begin().await.unwrap();
        sqlx::raw_sql(&format!("set local search_path = {}", schema_of(projection)))
            .execute(&mut *tx)
            .await
            .unwrap();
        for block in blocks {
            projection.apply(&mut tx, block).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    async fn fold_sales(&self) {
        self.fold(&Sales, std::iter::once(self.events.as_slice())).await;
    }

    async fn demand(&self, at: Option<&str>) -> Vec<DemandDay> {
        let mut conn = self.owner.acquire().await.unwrap();
        demand_by_day::read(&mut conn, COMPANY, "A", (date(1), date(30)), at).await.unwrap()
    }

    async fn units(&self, at: Option<&str>) -> Vec<(u32, i64)> {
        use chrono::Datelike;
        self.demand(at).await.iter().map(|day| (day.date_local.day(), day.units_sold)).collect()
    }

    async fn lines(&self) -> Vec<(String, String, String, i64)> {
        let mut conn = self.owner.acquire().await.unwrap();
        let order = [(LineOrder::OrderId, false)];
        let rows = queries::lines(&mut conn, COMPANY, &LineFilter::default(), &order, 100, 0).await.unwrap();
        rows.into_iter().rev().map(|row| (row.kind, row.line_id, row.state, row.cancelled_quantity)).collect()
    }

    async fn dump(&self) -> Vec<String> {
        let mut all = Vec::new();
        for table in ["lines", "demand", "daily_reports", "channels"] {
            let sql = format!("select t::text from sales_1.{table} t order by 1");
            all.extend(sqlx::query_scalar::<_, String>(&sql).fetch_all(&self.owner).await.unwrap());
        }
        all
    }
}

fn date(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, day).unwrap()
}

fn instant(day: u32) -> DateTime<Utc> {
    date(day).and_hms_opt(12, 0, 0).unwrap().and_utc()
}

fn place(key: &str) -> LocationId {
    LocationId::new(key).unwrap()
}

fn pounds(amount: i64) -> Money {
    Money { amount: Decimal::from(amount), currency: Currency::new("GBP").unwrap() }
}

fn entry(day: u32, at: &str, quantity: i64) -> Entry {
    Entry {
        movement_id: Uuid::from_u128(1),
        effective_at: instant(day),
        offset_minutes: 0,
        local_date: date(day),
        movements: vec![Movement {
            location_id: place(at),
            quantity,
            effect: quantity,
            balance_after: 0,
            anchored_at: None,
            superseded_by: None,
            discrepancy: None,
        }],
    }
}

fn sale(channel: &str, line: &str, quantity: i64) -> SaleLine {
    SaleLine {
        channel: ChannelId::new(channel).unwrap(),
        order_id: "order".to_owned(),
        line_id: line.to_owned(),
        quantity,
        unit_price: Some(pounds(2)),
    }
}

#[tokio::test]
async fn applying_a_block_twice_is_applying_it_once() {
    let mut shop = Shop::open().await;
    shop.sold(1, "MAIN", "1", 4);
    shop.cancelled(1, "1", 1);
    shop.returned(2, "MAIN", Some("r"), 2);
    shop.reported(3, "till", None, 9);
    shop.channel(None);
    shop.fold_sales().await;
    let once = shop.dump().await;
    shop.fold_sales().await;
    assert_eq!(shop.dump().await, once);
    assert_eq!(once.len(), 3 + 2 + 1 + 1);
}

#[tokio::test]
async fn the_tables_do_not_depend_on_how_the_log_is_cut_into_blocks() {
    let mut whole = Shop::open().await;
    whole.cancelled(1, "2", 3);
    whole.sold(1, "MAIN", "1", 4);
    whole.sold(1, "MAIN", "2", 3);
    whole.reserved(2, "3", 5);
    whole.cancelled(2, "3", 1);
    whole.shipped(3, "3", 4);
    whole.cancelled(3, "1", 4);
    whole.fold_sales().await;
    let mut cut = Shop::open().await;
    cut.events.clone_from(&whole.events);
    cut.fold(&Sales, cut.events.chunks(1)).await;
    assert_eq!(cut.dump().await, whole.dump().await);
}

#[tokio::test]
async fn reversals_lower_the_demand_of_their_own_day_and_never_below_zero() {
    let mut shop = Shop::open().await;
    shop.sold(1, "MAIN", "1", 4);
    shop.sold(1, "MAIN", "2", 1_000);
    shop.returned(1, "MAIN", Some("3"), 1_000);
    shop.sold(2, "MAIN", "4", 4);
    shop.returned(2, "MAIN", Some("5"), 50);
    shop.sold(3, "MAIN", "6", 4);
    shop.cancelled(4, "6", 4);
    shop.returned(3, "MAIN", None, 1);
    shop.fold_sales().await;
    assert_eq!(shop.units(None).await, [(1, 4), (2, 0), (3, 3), (4, 0)]);
    let days = shop.demand(None).await;
    assert_eq!(days[0].revenue, [("GBP".to_owned(), Decimal::from(8))]);
    assert_eq!(days[1].signed_units, -46);
}

#[tokio::test]
async fn the_zero_is_taken_once_over_all_sources_and_locations() {
    let mut shop = Shop::open().await;
    shop.sold(1, "MAIN", "1", 5);
    shop.returned(1, "SHOP", Some("2"), 3);
    shop.reported(1, "till", Some("SHOP"), 1);
    shop.fold_sales().await;
    assert_eq!(shop.units(None).await, [(1, 3)]);
    assert_eq!(shop.units(Some("MAIN")).await, [(1, 5)]);
    assert_eq!(shop.units(Some("SHOP")).await, [(1, 0)]);
}

#[tokio::test]
async fn lines_win_over_a_report_of_the_same_channel_and_the_overlap_is_told() {
    let mut shop = Shop::open().await;
    shop.sold(1, "MAIN", "1", 3);
    shop.reported(1, "web", Some("MAIN"), 10);
    shop.reported(1, "till", Some("MAIN"), 2);
    shop.reported(2, "web", Some("MAIN"), 7);
    shop.returned(2, "MAIN", Some("2"), 1);
    shop.reported(3, "web", Some("MAIN"), 0);
    shop.fold_sales().await;
    assert_eq!(shop.units(None).await, [(1, 5), (2, 6), (3, 0)]);
    let days = shop.demand(None).await;
    assert_eq!(days.iter().map(|day| day.overlapping_units).collect::<Vec<_>>(), [Some(10), None, None]);
    assert!(days.iter().all(|day| day.reported));
    assert_eq!(days[0].revenue, [("GBP".to_owned(), Decimal::from(8))]);
}

#[tokio::test]
async fn a_report_without_a_location_belongs_to_the_primary_one() {
    let mut shop = Shop::open().await;
    let created = location::LocationCreated {
        location_id: place("MAIN"),
        details: location::LocationDetails {
            name: "Main".to_owned(),
            kind: location::LocationKind::Own,
            marketplace: None,
            stock_role: location::StockRole::Physical,
            authority: location::Authority::Ledger,
            address: None,
            city: None,
            country: None,
            metadata: serde_json::Map::new(),
        },
        is_primary: true,
    };
    shop.push(("location", "MAIN"), "LocationCreated", instant(1), &created);
    shop.sold(1, "MAIN", "1", 3);
    shop.reported(1, "web", None, 10);
    shop.reported(1, "till", None, 2);
    shop.fold_sales().await;
    shop.fold(&projections::catalogue::Catalogue, std::iter::once(shop.events.as_slice())).await;
    assert_eq!(shop.units(Some("MAIN")).await, [(1, 5)]);
    assert_eq!(shop.demand(None).await[0].overlapping_units, Some(10));
}

#[tokio::test]
async fn a_further_report_takes_the_place_of_the_earlier_one() {
    let mut shop = Shop::open().await;
    shop.reported(1, "till", None, 9);
    shop.reported(1, "till", None, 4);
    shop.fold_sales().await;
    assert_eq!(shop.units(None).await, [(1, 4)]);
}

#[tokio::test]
async fn a_channel_may_leave_returns_out_but_not_cancellations() {
    let mut shop = Shop::open().await;
    shop.channel(Some(false));
    shop.sold(1, "MAIN", "1", 5);
    shop.cancelled(1, "1", 1);
    shop.returned(1, "MAIN", Some("2"), 3);
    shop.fold_sales().await;
    assert_eq!(shop.units(None).await, [(1, 4)]);
    shop.channel(None);
    shop.fold_sales().await;
    assert_eq!(shop.units(None).await, [(1, 1)]);
}

#[tokio::test]
async fn a_line_shows_what_became_of_it() {
    let mut shop = Shop::open().await;
    shop.reserved(1, "1", 5);
    shop.shipped(2, "1", 5);
    shop.sold(1, "MAIN", "2", 5);
    shop.cancelled(2, "2", 2);
    shop.cancelled(1, "3", 5);
    shop.sold(1, "MAIN", "3", 5);
    shop.returned(3, "MAIN", Some("1"), 1);
    shop.fold(&Sales, shop.events.chunks(1)).await;
    let line = |kind: &str, line: &str, state: &str, cancelled| {
        (kind.to_owned(), line.to_owned(), state.to_owned(), cancelled)
    };
    let expected = [
        line("sale", "1", "shipped", 0),
        line("sale", "2", "sold", 2),
        line("cancellation", "2", "cancelled", 0),
        line("cancellation", "3", "cancelled", 0),
        line("sale", "3", "cancelled", 5),
        line("return", "1", "returned", 0),
    ];
    assert_eq!(shop.lines().await, expected);
    assert_eq!(shop.units(None).await, [(1, 10), (2, 0), (3, 0)]);
}

#[tokio::test]
async fn lines_are_filtered_and_counted() {
    let mut shop = Shop::open().await;
    shop.sold(1, "MAIN", "1", 5);
    shop.sold(2, "SHOP", "2", 6);
    shop.returned(3, "MAIN", Some("3"), 1);
    shop.fold_sales().await;
    let mut conn = shop.owner.acquire().await.unwrap();
    for (filter, expected) in [
        (LineFilter::default(), 3),
        (LineFilter { kind: Some("sale".to_owned()), ..LineFilter::default() }, 2),
        (LineFilter { location_id: Some("SHOP".to_owned()), ..LineFilter::default() }, 1),
        (LineFilter { from: Some(date(2)), to: Some(date(2)), ..LineFilter::default() }, 1),
        (LineFilter { order_id: Some("other".to_owned()), ..LineFilter::default() }, 0),
        (
            LineFilter {
                channel: Some("w\0eb".to_owned()),
                state: Some("sold".to_owned()),
                ..LineFilter::default()
            },
            2,
        ),
    ] {
        let rows =
            queries::lines(&mut conn, COMPANY, &filter, &[(LineOrder::Quantity, true)], 10, 0).await.unwrap();
        assert_eq!(queries::count_lines(&mut conn, COMPANY, &filter).await.unwrap(), expected, "{filter:?}");
        assert_eq!(i64::try_from(rows.len()).unwrap(), expected);
    }
}

#[tokio::test]
async fn a_quarantined_line_waits_until_it_is_released() {
    let mut shop = Shop::open().await;
    let id = Uuid::from_u128(42);
    let quarantined = LineQuarantined {
        line: ReportedLine {
            kind: LineKind::Sale,
            channel: ChannelId::new("web").unwrap(),
            order_id: "o\0".to_owned(),
            line_id: "1".to_owned(),
            item_id: ItemId::new("unknown").unwrap(),
            location_id: None,
            quantity: 3,
            unit_price: None,
            sold_at: instant(1),
            offset_minutes: 60,
        },
        reason: QuarantineReason::UnknownItem,
    };
    shop.push(("quarantine", &id.to_string()), "LineQuarantined", instant(1), &quarantined);
    shop.fold(&Quarantine, shop.events.chunks(1)).await;
    let mut conn = shop.owner.acquire().await.unwrap();
    let waiting = quarantine::entries(&mut conn, COMPANY, Some(false), 10, 0).await.unwrap();
    assert_eq!(
        (waiting.len(), waiting[0].quarantine_id, waiting[0].reason.as_str()),
        (1, id, "UNKNOWN_ITEM")
    );
    assert_eq!(waiting[0].line.offset_minutes, 60);

    let released = QuarantineReleased { already_recorded: false };
    let later = instant(1) + TimeDelta::hours(1);
    shop.push(("quarantine", &id.to_string()), "QuarantineReleased", later, &released);
    for _ in 0..2 {
        shop.fold(&Quarantine, std::iter::once(shop.events.as_slice())).await;
    }
    assert_eq!(quarantine::count(&mut conn, COMPANY, Some(false)).await.unwrap(), 0);
    let entry = quarantine::entry(&mut conn, COMPANY, id).await.unwrap().unwrap();
    assert_eq!((entry.released_at, entry.already_recorded, entry.position), (Some(later), Some(false), 2));
}
