//! The golden files through the front door: from recorded facts to every figure of every item.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::campaigns::CampaignEvent;
use domain::campaigns::event::{CampaignDetails, CampaignLine, CampaignPlanned, CampaignType};
use domain::planning::explain::{Inputs, fields};
use domain::purchasing::order::event::{
    LineReceipt, Occurred, OrderDetails, OrderedLine, PurchaseOrderCancelled, PurchaseOrderConfirmed,
    PurchaseOrderCreated, PurchaseOrderReceived, PurchaseOrderShipped, StatusStep,
};
use domain::purchasing::order::{OrderStatus, PurchaseOrderEvent};
use domain::purchasing::supplier::SupplierEvent;
use domain::purchasing::supplier::event::{
    SupplierCreated, SupplierDetails, SupplierTerms, SupplierTermsSet,
};
use domain::shared::ids::{CampaignId, ItemId, LocationId, PurchaseOrderId, SupplierId};
use domain::shared::money::Currency;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tests::{Facts, Person, TestApp};
use uuid::Uuid;

pub(crate) type Row = BTreeMap<String, String>;

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/golden").join(name)
}

pub(crate) fn rows(path: &Path) -> Vec<Row> {
    csv::Reader::from_path(path).unwrap().into_deserialize().map(Result::unwrap).collect()
}

fn noon(date: &str) -> DateTime<Utc> {
    date.parse::<NaiveDate>().unwrap().and_time(NaiveTime::from_hms_opt(12, 0, 0).unwrap()).and_utc()
}

fn occurred(date: &str) -> Occurred {
    Occurred { effective_at: noon(date), local_date: date.parse().unwrap() }
}

fn optional<T: std::str::FromStr<Err: std::fmt::Debug>>(row: &Row, column: &str) -> Option<T> {
    Some(row[column].as_str()).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap())
}

/// Records what suppliers, purchase orders and a campaign say of those items, and the deliveries in the stock.
pub(crate) async fn record_purchasing(person: &Person<'_>, name: &str, items: &BTreeSet<String>) {
    let rows = |file: &str| -> Vec<Row> {
        let rows = rows(&folder(name).join(file)).into_iter();
        rows.filter(|row| items.contains(&row["item_id"])).collect()
    };
    let mut facts = Facts::default();
    let mut suppliers: BTreeMap<String, Uuid> = BTreeMap::new();
    for row in rows("item_suppliers.csv") {
        let next = Uuid::from_u128(0x500 + u128::try_from(suppliers.len()).unwrap());
        let name = row["supplier_id"].clone();
        let known = suppliers.contains_key(&name);
        let id = *suppliers.entry(name.clone()).or_insert(next);
        if !known {
            let details = SupplierDetails {
                name: name.clone(),
                external_id: Some(name),
                supplier_type: None,
                is_synced: false,
            };
            let created = SupplierCreated { supplier_id: SupplierId(id), details };
            facts.push(id.to_string(), noon("2011-01-01"), SupplierEvent::SupplierCreated(created));
        }
        let terms = SupplierTerms {
            moq: optional(&row, "moq"),
            lead_time_days: optional(&row, "lead_time_days"),
            is_primary: row["is_primary"] == "true",
            ..SupplierTerms::default()
        };
        let set = SupplierTermsSet { item_id: ItemId::new(&row["item_id"]).unwrap(), terms };
        facts.push(id.to_string(), noon("2011-01-01"), SupplierEvent::SupplierTermsSet(set));
    }
    for (number, row) in rows("purchase_orders.csv").iter().enumerate() {
        record_order(&mut facts, number, row);
    }
    record_campaign(&mut facts, &rows("items.csv"));
    let now = person.app.running.state.clock.now();
    facts.append(person, now).await;
    for row in rows("purchase_orders.csv") {
        let Some(quantity) = optional::<i64>(&row, "received_quantity") else { continue };
        let body = json!({"item_id": row["item_id"], "location_id": "MAIN", "quantity": quantity,
            "received_at": noon(&row["received_date"]), "confirm": ["BACKDATED", "LARGE_CHANGE"]});
        person.post("/inventory/receive", &body).await.expect(200);
    }
}

/// One campaign that runs for years, with the items that the file says are in one.
fn record_campaign(facts: &mut Facts, catalogue: &[Row]) {
    let promoted = catalogue.iter().filter(|row| row["in_campaign"] == "true");
    let details = CampaignDetails {
        name: "Out with it".to_owned(),
        campaign_type: CampaignType::Clearance,
        start_date: "2011-01-01".parse().unwrap(),
        end_date: "2025-04-30".parse().unwrap(),
        is_draft: false,
        budget: None,
        lines: promoted
            .map(|row| CampaignLine {
                item_id: ItemId::new(&row["item_id"]).unwrap(),
                discount: None,
                target_audience: None,
            })
            .collect(),
    };
    let campaign_id = CampaignId(Uuid::from_u128(0xCA));
    let planned = CampaignEvent::CampaignPlanned(CampaignPlanned { campaign_id, details });
    facts.push(campaign_id.to_string(), noon("2011-01-01"), planned);
}

fn record_order(facts: &mut Facts, number: usize, row: &Row) {
    let id = Uuid::from_u128(0x900_0000 + u128::try_from(number).unwrap());
    let item_id = ItemId::new(&row["item_id"]).unwrap();
    let status = OrderStatus::named(&row["status"]).unwrap();
    let ordered = occurred(&row["order_date"]);
    let line = OrderedLine {
        line_no: 1,
        item_id: item_id.clone(),
        quantity: row["quantity"].parse().unwrap(),
        unit_cost: None,
        packaging_unit: None,
        packaging_qty: None,
        override_reason: None,
    };
    let created = PurchaseOrderCreated {
        occurred: ordered,
        purchase_order_id: PurchaseOrderId(id),
        po_number: row["po_number"].clone(),
        status: if status == OrderStatus::Draft { OrderStatus::Draft } else { OrderStatus::Pending },
        details: OrderDetails {
            supplier_id: SupplierId(Uuid::from_u128(0x500)),
            location_id: LocationId::new("MAIN").unwrap(),
            order_date: ordered.local_date,
            expected_delivery_date: optional(row, "expected_delivery_date"),
            currency: Currency::new("GBP").unwrap(),
            external_number: None,
            shipping_method: None,
            shipping_unit: None,
            notes: None,
            lines: vec![line],
        },
    };
    let at = ordered.effective_at;
    facts.push(id.to_string(), at, PurchaseOrderEvent::PurchaseOrderCreated(created));
    let step = |occurred| StatusStep { occurred, from: OrderStatus::Pending, notes: None };
    let now = match status {
        OrderStatus::Confirmed => {
            Some(PurchaseOrderEvent::PurchaseOrderConfirmed(PurchaseOrderConfirmed { step: step(ordered) }))
        }
        OrderStatus::Shipped => {
            Some(PurchaseOrderEvent::PurchaseOrderShipped(PurchaseOrderShipped { step: step(ordered) }))
        }
        OrderStatus::Cancelled => {
            Some(PurchaseOrderEvent::PurchaseOrderCancelled(PurchaseOrderCancelled { step: step(ordered) }))
        }
        _ => None,
    };
    if let Some(now) = now {
        facts.push(id.to_string(), at, now);
    }
    let Some(quantity) = optional::<i64>(row, "received_quantity") else { return };
    let arrived = occurred(&row["received_date"]);
    let all = quantity >= row["quantity"].parse().unwrap();
    let received = PurchaseOrderReceived {
        step: step(arrived),
        status: if all { OrderStatus::Received } else { OrderStatus::PartiallyReceived },
        location_id: LocationId::new("MAIN").unwrap(),
        receipts: vec![LineReceipt { line_no: 1, item_id, quantity, movement_id: id }],
        confirmed: Vec::new(),
    };
    facts.push(id.to_string(), arrived.effective_at, PurchaseOrderEvent::PurchaseOrderReceived(received));
}

/// Compares every column of every item with the golden file. Answers the items and those of their cells that differ.
pub(crate) async fn differences(person: &Person<'_>, golden: &str, as_of: &str) -> (usize, Vec<String>) {
    let (mut items, mut different) = (0, Vec::new());
    for row in rows(&folder("").join(golden)) {
        items += 1;
        let path = format!("/products/{}/metrics?as_of={as_of}", row["item_id"]);
        let metrics = person.get_caught_up(&path).await.expect(200).body;
        for (column, expected) in &row {
            let name = match column.as_str() {
                "colour" => "health",
                "action_category" => "action",
                "recommendation_types" => "recommendations",
                other => other,
            };
            let found = metrics.get(name).map_or_else(|| "no such figure".to_owned(), cell);
            if !is_same(&found, expected) {
                different.push(format!("{} {column}: {found} instead of {expected}", row["item_id"]));
            }
        }
    }
    (items, different)
}

/// Whether two cells say the same: numbers by value, for JSON readers drop zeros at the end.
fn is_same(found: &str, expected: &str) -> bool {
    let number = |text: &str| text.parse::<Decimal>().ok();
    found == expected || number(found).is_some_and(|found| number(expected) == Some(found))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(words) => words.iter().map(cell).collect::<Vec<_>>().join("|"),
        Value::Object(money) => cell(&money["amount"]),
        other => other.to_string(),
    }
}

/// A company with the small file: catalogue, opening stock, sales, suppliers, orders, a campaign.
async fn small<'a>(app: &'a TestApp, settings: &str) -> Person<'a> {
    let person = app.register("Small").await;
    let files = folder("small");
    person.put("/company", &json!({"currency": "GBP"})).await.expect(200);
    let chosen = std::fs::read_to_string(files.join(settings)).unwrap();
    person.put("/settings", &serde_json::from_str(&chosen).unwrap()).await.expect(200);
    let catalogue = rows(&files.join("items.csv"));
    let products: Vec<Value> = catalogue.iter().map(product).collect();
    let answer = person.post("/products", &json!(products)).await.expect(200);
    assert_eq!(answer.number("/refused"), 0, "{:#}", answer.body);
    open(&person, &catalogue, &rows(&files.join("opening_stock.csv"))).await;
    sell(&person, &catalogue, &files.join("sales.csv")).await;
    let items = catalogue.iter().map(|row| row["item_id"].clone()).collect();
    record_purchasing(&person, "small", &items).await;
    person
}

fn product(row: &Row) -> Value {
    let number = |column: &str| optional::<f64>(row, column);
    let mut product = json!({"item_id": row["item_id"], "product_name": row["name"], "category": row["category"],
        "safety_stock_days": optional::<u32>(row, "safety_stock_days"),
        "lead_time_days": optional::<u32>(row, "lead_time_days"),
        "manual_daily_forecast": number("manual_daily_forecast"), "listed_on": optional::<NaiveDate>(row, "listed_on")});
    if !row["unit_cost"].is_empty() {
        product["unit_cost"] = json!({"amount": row["unit_cost"], "currency": "GBP"});
    }
    product
}

/// Opens the stock of every item at the close of its day; an item without a row begins with 0 on the earliest day.
async fn open(person: &Person<'_>, catalogue: &[Row], opening: &[Row]) {
    let earliest = opening.iter().map(|row| row["date"].clone()).min().unwrap();
    let mut rows: Vec<Value> = opening
        .iter()
        .map(|row| {
            json!({"item_id": row["item_id"], "location_id": row["location_id"], "date": row["date"],
                "quantity": row["quantity"].parse::<i64>().unwrap()})
        })
        .collect();
    for place in rows.iter().map(|row| row["location_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>() {
        if place != "MAIN" && person.get(&format!("/locations/{place}")).await.status == 404 {
            person.location(&place, "STORE").await;
        }
    }
    for row in catalogue {
        if !opening.iter().any(|opened| opened["item_id"] == row["item_id"]) {
            rows.push(
                json!({"item_id": row["item_id"], "location_id": "MAIN", "date": earliest, "quantity": 0}),
            );
        }
    }
    let answer = person.post("/inventory/opening", &json!(rows)).await.expect(200);
    assert_eq!(answer.number("/refused"), 0, "{:#}", answer.body);
}

/// Sells and takes back what rule R2 counts, of items of the catalogue.
async fn sell(person: &Person<'_>, catalogue: &[Row], path: &Path) {
    let known = |item: &str| catalogue.iter().any(|row| row["item_id"] == item);
    let mut lines = Vec::new();
    for (number, row) in rows(path).iter().enumerate() {
        let item = row["StockCode"].trim().to_uppercase();
        let quantity: i64 = row["Quantity"].parse().unwrap();
        let price: f64 = row["UnitPrice"].parse().unwrap();
        let cancelled = row["InvoiceNo"].to_uppercase().starts_with('C');
        let kind = match (cancelled, quantity > 0) {
            (true, false) => "return",
            (false, true) if price > 0.0 && !row["InvoiceNo"].to_uppercase().starts_with('A') => "sale",
            _ => continue,
        };
        if known(&item) {
            lines.push(
                json!({"channel": "file", "order_id": row["InvoiceNo"], "line_id": number.to_string(),
                "item_id": item, "quantity": quantity.abs(), "kind": kind,
                "unit_price": {"amount": row["UnitPrice"], "currency": "GBP"},
                "sold_at": format!("{}+00:00", row["InvoiceDate"])}),
            );
        }
    }
    let answer = person.post("/sales/batch", &json!(lines)).await.expect(200);
    assert_eq!(answer.number("/accepted"), i64::try_from(lines.len()).unwrap(), "{:#}", answer.body);
}

async fn compare_small(settings: &str, golden: &str) {
    let app = TestApp::start().await;
    let person = small(&app, settings).await;
    let (items, different) = differences(&person, &format!("small/{golden}.csv"), "2025-03-31").await;
    assert_eq!(different, Vec::<String>::new());
    assert_eq!(items, 43);
    let summary = std::fs::read_to_string(folder("small").join(format!("{golden}-summary.json"))).unwrap();
    at_a_glance(&person, &serde_json::from_str(&summary).unwrap(), "2025-03-31").await;
    app.stop().await;
}

/// The dashboard and the lists say what the golden summary says (R27, R30).
pub(crate) async fn at_a_glance(person: &Person<'_>, summary: &Value, as_of: &str) {
    let dashboard = person.get_caught_up(&format!("/dashboard?as_of={as_of}")).await.expect(200).body;
    for (golden, filter) in [
        ("colour", "health"),
        ("status", "status"),
        ("action_category", "action"),
        ("confidence", "confidence"),
        ("recommendation_types", "recommendation"),
    ] {
        for (word, count) in summary[golden].as_object().unwrap() {
            let path = format!("/inventory?as_of={as_of}&page_size=1&{filter}={word}");
            let found = person.get(&path).await.expect(200);
            assert_eq!(found.number("/total"), count.as_i64().unwrap(), "{golden} {word}");
        }
    }
    let pairs = [
        ("/total_skus", "/metrics/total_skus"),
        ("/total_inventory_value", "/metrics/total_inventory_value"),
        ("/understocked_value", "/metrics/understocked_value"),
        ("/overstocked_value", "/metrics/overstocked_value"),
        ("/dead_stock_value", "/metrics/dead_stock_value"),
        ("/average_dir", "/metrics/average_dir"),
        ("/order_quantity_total", "/metrics/order_quantity_total"),
        ("/suggested_quantity_total", "/metrics/suggested_quantity_total"),
        ("/status/understocked", "/metrics/understocked_count"),
        ("/status/overstocked", "/metrics/overstocked_count"),
        ("/status/dead_stock", "/metrics/dead_stock_count"),
        ("/status/normal", "/metrics/normal_count"),
        ("/value_7_days_ago", "/widgets/total_inventory_value/value_7_days_ago"),
        ("/value_change_percent", "/widgets/total_inventory_value/change_percent"),
        ("/turnover_days", "/widgets/inventory_turnover/turnover_days"),
        ("/colour/GREEN", "/widgets/status_distribution/0/count"),
        ("/colour/YELLOW", "/widgets/status_distribution/1/count"),
        ("/colour/RED", "/widgets/status_distribution/2/count"),
    ];
    for (golden, found) in pairs {
        let (expected, found) = (summary.pointer(golden).unwrap(), dashboard.pointer(found).unwrap());
        assert!(is_same(&cell(found), &cell(expected)), "{golden}: {found} instead of {expected}");
    }
    let ids = |pointer: &str| -> Vec<&str> {
        let items = dashboard.pointer(pointer).unwrap().as_array().unwrap();
        items.iter().map(|item| item["item_id"].as_str().unwrap()).collect()
    };
    for (golden, found) in [
        ("top_urgent", "/widgets/top_urgent"),
        ("top_understocked", "/top_understocked"),
        ("top_overstocked", "/top_overstocked"),
    ] {
        assert_eq!(json!(ids(found)), summary[golden], "{golden}");
    }
}

#[tokio::test]
async fn the_small_file_with_a_safety_buffer_is_answered_as_by_hand() {
    compare_small("settings.json", "golden-small").await;
}

#[tokio::test]
async fn the_small_file_with_defaults_is_answered_as_by_hand() {
    compare_small("settings-defaults.json", "golden-small-defaults").await;
}

#[tokio::test]
async fn inputs_of_an_explanation_alone_give_every_golden_figure_again() {
    let app = TestApp::start().await;
    let person = small(&app, "settings.json").await;
    for row in rows(&folder("small").join("golden-small.csv")) {
        let path = format!("/inventory/{}/explain?as_of=2025-03-31", row["item_id"]);
        let explained = person.get_caught_up(&path).await.expect(200).body;
        let inputs: Inputs = serde_json::from_value(explained["plan"]["inputs"].clone()).unwrap();
        let again = fields(&inputs.plan().unwrap());
        for (column, expected) in
            row.iter().filter(|(column, _)| !["item_id", "category"].contains(&column.as_str()))
        {
            assert_eq!(cell(&again[column]), *expected, "{} {column}", row["item_id"]);
        }
        let steps = explained["plan"]["steps"].as_array().unwrap();
        assert!(steps.iter().any(|step| step["value"] == "recommended_quantity" && step["rule"] == "R17"));
    }
    app.stop().await;
}

#[tokio::test]
async fn what_would_be_equals_what_is_once_it_is_so_and_writes_nothing() {
    let app = TestApp::start().await;
    let person = small(&app, "settings.json").await;
    let before = person.get_caught_up("/products/10026/metrics?as_of=2025-03-31").await.expect(200).body;
    let written = app.written().await;
    let supposed = json!({"settings": {"safety_buffer_days": 9, "low_stock_threshold_days": 12},
        "lead_times": [{"item_id": "10026", "lead_time_days": 21}], "as_of": "2025-03-31"});
    let answer = person.post("/what-if", &supposed).await.expect(200);
    assert_eq!(app.written().await, written, "nothing is written");
    let differences = answer.items();
    assert_eq!(answer.number("/total"), i64::try_from(differences.len()).unwrap());

    person.put("/settings", &supposed["settings"]).await.expect(200);
    person.put("/products/10026", &json!({"lead_time_days": 21})).await.expect(200);
    for row in rows(&folder("small").join("golden-small.csv")) {
        let path = format!("/products/{}/metrics?as_of=2025-03-31", row["item_id"]);
        let after = person.get_caught_up(&path).await.expect(200).body;
        let difference = differences.iter().find(|difference| difference["item_id"] == row["item_id"]);
        if let Some(difference) = difference {
            for (figure, change) in difference["changes"].as_object().unwrap() {
                if let Some(found) = after.get(figure) {
                    assert!(
                        is_same(&cell(found), &cell(&change["after"])),
                        "{} {figure}: {found}",
                        row["item_id"]
                    );
                    assert_ne!(change["before"], change["after"]);
                }
            }
        }
        for name in
            ["recommended_quantity", "runway_days", "health", "action", "priority_score", "stockout_risk"]
        {
            let golden = match name {
                "health" => "colour",
                "action" => "action_category",
                name => name,
            };
            let is_told = difference.is_some_and(|difference| difference["changes"].get(name).is_some());
            assert_eq!(!is_same(&cell(&after[name]), &row[golden]), is_told, "{} {name}", row["item_id"]);
        }
    }
    let moved = differences.iter().find(|difference| difference["item_id"] == "10026").unwrap();
    assert_eq!(moved["changes"]["lead_time_days"]["before"], before["lead_time_days"]);
    assert_eq!(moved["changes"]["lead_time_days"]["after"], 21);
    let wrong = json!({"settings": {"overstocked_threshold": 1}});
    person.post("/what-if", &wrong).await.expect_code(422, "invalid_setting");
    let wrong = json!({"lead_times": [{"lead_time_days": 3}]});
    person.post("/what-if", &wrong).await.expect_code(422, "invalid_value");
    app.stop().await;
}

#[tokio::test]
async fn todays_plan_is_kept_and_changes_with_its_facts() {
    let app = TestApp::start().await;
    let person = small(&app, "settings.json").await;
    let before = person.get_caught_up("/products/10001/metrics").await.expect(200).body;
    assert_eq!(before["method"], "MOVING_AVERAGE");
    assert_eq!(before["inactive"], true, "nothing was sold for months");
    let yesterday = app.running.state.clock.now() - TimeDelta::days(1);
    let line = json!({"channel": "file", "order_id": "Z", "line_id": "Z", "item_id": "10001", "quantity": 7,
        "kind": "sale", "unit_price": {"amount": "1.00", "currency": "GBP"}, "sold_at": yesterday});
    person.post("/sales/batch", &json!([line])).await.expect(200);
    let after = person.get_caught_up("/products/10001/metrics").await.expect(200).body;
    assert_eq!(after["sum_7"], 7);
    assert_eq!(after["stock"].as_i64(), before["stock"].as_i64().map(|stock| stock - 7));
    app.stop().await;
}
