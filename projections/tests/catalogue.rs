//! Catalogue: rows as the events leave them, twice is once, renamed and ambiguous items, locations.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use domain::catalogue::location::event as location;
use domain::catalogue::product::event::{
    Listing, ProductCreated, ProductDeactivated, ProductDetails, ProductEdited, ProductReactivated,
    ProductRenamed,
};
use domain::shared::ids::{ItemId, LocationId};
use domain::shared::money::{Currency, Money};
use event_log::event::StoredEvent;
use migrations::testing::{TestDatabase, fresh_database};
use projections::catalogue::queries::{self, Resolution};
use projections::catalogue::{Catalogue, LocationRow, ProductRow};
use projections::projection::{Projection, schema_of};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

const COMPANY: Uuid = Uuid::from_u128(7);

struct Shop {
    database: TestDatabase,
    owner: PgPool,
    events: Vec<StoredEvent>,
}

impl Shop {
    async fn open() -> Self {
        let database = fresh_database().await;
        let owner = database.owner().clone();
        projections::install::install(&owner, &projections::registry::all()).await.unwrap();
        Self { database, owner, events: Vec::new() }
    }

    fn push(&mut self, stream: (&str, &str), event_type: &str, payload: &impl Serialize) {
        let before =
            self.events.iter().filter(|event| (&*event.stream_type, &*event.stream_id) == stream).count();
        let position = i64::try_from(self.events.len()).unwrap() + 1;
        self.events.push(StoredEvent {
            partition: 0,
            position,
            company_id: COMPANY,
            stream_type: Arc::from(stream.0),
            stream_id: Arc::from(stream.1),
            version: i64::try_from(before).unwrap() + 1,
            event_id: Uuid::from_u128(1),
            event_type: Arc::from(event_type),
            schema_version: 1,
            effective_at: instant(position),
            recorded_at: instant(position),
            payload: Arc::from(serde_json::to_string(payload).unwrap()),
            metadata: Arc::from("{}"),
            meaning: event_log::event::Meaning::default(),
        });
    }

    fn created(&mut self, item: &str, details: ProductDetails) {
        let created = ProductCreated { item_id: ItemId::new(item).unwrap(), details };
        self.push(("product", item), "ProductCreated", &created);
    }

    fn renamed(&mut self, key: &str, from: &str, to: &str) {
        let renamed = ProductRenamed { from: ItemId::new(from).unwrap(), to: ItemId::new(to).unwrap() };
        self.push(("product", key), "ProductRenamed", &renamed);
    }

    async fn fold(&self, blocks: impl Iterator<Item = &[StoredEvent]>) {
        let mut tx = self.owner.begin().await.unwrap();
        let schema = schema_of(&Catalogue);
        sqlx::query(&format!("set local search_path = {schema}, public")).execute(&mut *tx).await.unwrap();
        for block in blocks {
            Catalogue.apply(&mut tx, block).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    async fn product(&self, item_key: &str) -> ProductRow {
        let mut conn = self.owner.acquire().await.unwrap();
        queries::product(&mut conn, COMPANY, item_key).await.unwrap().unwrap()
    }

    async fn resolve(&self, text: &str) -> Resolution {
        let mut conn = self.owner.acquire().await.unwrap();
        queries::resolve(&mut conn, COMPANY, text).await.unwrap()
    }
}

fn instant(position: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + position, 0).unwrap()
}

fn details(sku: &str) -> ProductDetails {
    ProductDetails {
        sku: sku.to_owned(),
        product_name: "White hanging heart".to_owned(),
        category: "Decoration".to_owned(),
        unit_cost: None,
        selling_price: None,
        lead_time_days: None,
        safety_stock_days: None,
        manual_daily_forecast: None,
        listed_on: None,
        barcodes: Vec::new(),
        weight_g: None,
        dimensions_mm: None,
        listings: Vec::new(),
    }
}

fn full() -> ProductDetails {
    let pounds =
        |cents| Some(Money { amount: Decimal::new(cents, 2), currency: Currency::new("GBP").unwrap() });
    ProductDetails {
        unit_cost: pounds(1_250),
        selling_price: pounds(2_000),
        lead_time_days: Some(14),
        safety_stock_days: Some(0),
        manual_daily_forecast: Some(Decimal::new(15, 1)),
        listed_on: NaiveDate::from_ymd_opt(2011, 11, 30),
        barcodes: vec!["4006381333931".to_owned(), "with \"quotes\" and, commas".to_owned()],
        weight_g: Some(120),
        dimensions_mm: Some([10, 20, 30]),
        listings: vec![Listing { channel: "ozon".to_owned(), external_id: "OZ-1".to_owned() }],
        ..details("SKU-A")
    }
}

fn warehouse(name: &str) -> location::LocationDetails {
    let mut metadata = serde_json::Map::new();
    metadata.insert("dock".to_owned(), serde_json::json!({ "gate": 3 }));
    location::LocationDetails {
        name: name.to_owned(),
        kind: location::LocationKind::MarketplaceFf,
        marketplace: Some(location::Marketplace::Ozon),
        stock_role: location::StockRole::Physical,
        authority: location::Authority::External,
        address: None,
        city: Some("Киров".to_owned()),
        country: None,
        metadata,
    }
}

async fn locations(conn: &mut PgConnection) -> Vec<LocationRow> {
    queries::locations(conn, COMPANY).await.unwrap()
}

#[tokio::test]
async fn a_product_row_says_what_its_events_said() {
    let mut shop = Shop::open().await;
    shop.created("A", full());
    shop.push(("product", "A"), "ProductDeactivated", &ProductDeactivated {});
    shop.fold(std::iter::once(shop.events.as_slice())).await;

    let row = shop.product("A").await;
    assert_eq!(row.details(), full());
    assert!(!row.is_active);
    assert_eq!((row.version, row.changed_position), (2, 2));
    assert_eq!((row.created_at, row.updated_at), (instant(1), instant(2)));

    shop.push(("product", "A"), "ProductReactivated", &ProductReactivated {});
    shop.push(("product", "A"), "ProductEdited", &ProductEdited { details: details("A") });
    shop.fold(std::iter::once(&shop.events[2..])).await;
    let row = shop.product("A").await;
    assert_eq!(row.details(), details("A"));
    assert!(row.is_active);
    assert_eq!((row.version, row.created_at), (4, instant(1)));
}

#[tokio::test]
async fn twice_is_once_and_the_size_of_blocks_does_not_matter() {
    let mut shop = Shop::open().await;
    shop.created("A", full());
    shop.created("B", details("SKU-B"));
    shop.renamed("A", "A", "A2");
    shop.push(("product", "B"), "ProductEdited", &ProductEdited { details: full() });
    shop.renamed("A", "A2", "A3");
    let created = location::LocationCreated {
        location_id: LocationId::new("MAIN").unwrap(),
        details: warehouse("Main"),
        is_primary: true,
    };
    shop.push(("location", "MAIN"), "LocationCreated", &created);

    shop.fold(shop.events.chunks(1)).await;
    let verdict = async || {
        let mut conn = shop.owner.acquire().await.unwrap();
        let aliases: Vec<(String, String, String)> =
            sqlx::query_as("select alias, kind, item_key from catalogue_1.item_aliases order by 1, 2, 3")
                .fetch_all(&mut *conn)
                .await
                .unwrap();
        (shop.product("A").await, shop.product("B").await, locations(&mut conn).await, aliases)
    };
    let once = verdict().await;
    shop.fold(std::iter::once(shop.events.as_slice())).await;
    shop.fold(shop.events.chunks(2)).await;
    assert_eq!(verdict().await, once);

    let mut other = Shop::open().await;
    other.events = shop.events.clone();
    other.fold(std::iter::once(other.events.as_slice())).await;
    assert_eq!(other.product("A").await, once.0);
    assert_eq!(other.product("B").await, once.1);
}

#[tokio::test]
async fn a_renamed_product_keeps_resolving() {
    let mut shop = Shop::open().await;
    shop.created("A", details("SKU-A"));
    shop.renamed("A", "A", "Новый/ключ 1");
    shop.fold(std::iter::once(shop.events.as_slice())).await;

    let found = Resolution::Found("A".to_owned());
    for text in ["A", "Новый/ключ 1", "SKU-A", " SKU-A "] {
        assert_eq!(shop.resolve(text).await, found, "{text}");
    }
    assert_eq!(shop.resolve("a").await, Resolution::Unknown);
    assert_eq!(shop.product("A").await.item_id, "Новый/ключ 1");

    shop.push(("product", "A"), "ProductEdited", &ProductEdited { details: full() });
    shop.push(("product", "A"), "ProductEdited", &ProductEdited { details: details("OTHER") });
    shop.fold(std::iter::once(&shop.events[2..3])).await;
    assert_eq!(shop.resolve("OZ-1").await, found);
    shop.fold(std::iter::once(&shop.events[3..])).await;
    assert_eq!(shop.resolve("OTHER").await, found);
    assert_eq!(shop.resolve("SKU-A").await, Resolution::Unknown);
    assert_eq!(shop.resolve("OZ-1").await, Resolution::Unknown);
}

#[tokio::test]
async fn an_item_id_wins_over_a_sku_and_two_skus_are_ambiguous() {
    let mut shop = Shop::open().await;
    shop.created("A", details("SAME"));
    shop.created("B", details("SAME"));
    shop.created("C", details("A"));
    shop.fold(std::iter::once(shop.events.as_slice())).await;

    assert_eq!(shop.resolve("SAME").await, Resolution::Ambiguous(vec!["A".to_owned(), "B".to_owned()]));
    assert_eq!(shop.resolve("A").await, Resolution::Found("A".to_owned()));
}

#[tokio::test]
async fn another_company_is_not_seen() {
    let mut shop = Shop::open().await;
    shop.created("A", details("SKU-A"));
    shop.fold(std::iter::once(shop.events.as_slice())).await;

    let api = shop.database.pool(migrations::Role::Api, 1).await.unwrap();
    let mut own = projections::tenant::begin(&api, COMPANY).await.unwrap();
    assert!(queries::product(&mut own, COMPANY, "A").await.unwrap().is_some());
    drop(own);
    let mut foreign = projections::tenant::begin(&api, Uuid::from_u128(8)).await.unwrap();
    assert!(queries::product(&mut foreign, COMPANY, "A").await.unwrap().is_none());
    assert_eq!(queries::resolve(&mut foreign, COMPANY, "A").await.unwrap(), Resolution::Unknown);
}

#[tokio::test]
async fn a_value_that_postgresql_cannot_hold_does_not_stop_the_read_model() {
    let mut shop = Shop::open().await;
    shop.created(
        "A",
        ProductDetails {
            product_name: "a\0b\\u0000".to_owned(),
            listed_on: NaiveDate::from_ymd_opt(-1, 1, 1),
            ..details("A")
        },
    );
    shop.fold(std::iter::once(shop.events.as_slice())).await;
    let row = shop.product("A").await;
    assert_eq!((row.product_name.as_str(), row.listed_on), ("ab\\u0000", None));
}

#[tokio::test]
async fn locations_are_listed_primary_first_with_all_their_details() {
    let mut shop = Shop::open().await;
    let created = |id: &str, is_primary| location::LocationCreated {
        location_id: LocationId::new(id).unwrap(),
        details: warehouse(id),
        is_primary,
    };
    shop.push(("location", "A"), "LocationCreated", &created("A", true));
    shop.push(("location", "B"), "LocationCreated", &created("B", false));
    shop.push(("location", "B"), "LocationMadePrimary", &location::LocationMadePrimary {});
    shop.push(("location", "A"), "LocationPrimaryWithdrawn", &location::LocationPrimaryWithdrawn {});
    shop.push(("location", "A"), "LocationDeactivated", &location::LocationDeactivated {});
    shop.fold(std::iter::once(shop.events.as_slice())).await;

    let mut conn = shop.owner.acquire().await.unwrap();
    let rows = locations(&mut conn).await;
    let ids: Vec<&str> = rows.iter().map(|row| row.location_id.as_str()).collect();
    assert_eq!(ids, ["B", "A"]);
    let first = &rows[0];
    assert_eq!(
        (
            first.kind.as_str(),
            first.marketplace.as_deref(),
            first.stock_role.as_str(),
            first.authority.as_str()
        ),
        ("MARKETPLACE_FF", Some("OZON"), "PHYSICAL", "EXTERNAL")
    );
    assert_eq!(first.metadata.0["dock"]["gate"], 3);
    assert_eq!(first.city.as_deref(), Some("Киров"));
    assert!(!rows[1].is_active);
    assert_eq!(rows[1].version, 3);
    assert!(queries::location(&mut conn, COMPANY, " B ").await.unwrap().is_some());
    assert!(queries::location(&mut conn, COMPANY, "C").await.unwrap().is_none());
}
