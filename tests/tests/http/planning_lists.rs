//! Lists by plans through the front door: every filter and sort equals a naive one over the full list; recommendations
//! and their dismissals; suggestions; the dashboard.

use std::cmp::Ordering;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use domain::purchasing::supplier::SupplierEvent;
use domain::purchasing::supplier::event::{
    SupplierCreated, SupplierDetails, SupplierTerms, SupplierTermsSet,
};
use domain::shared::ids::{ItemId, SupplierId};
use serde_json::{Value, json};
use tests::{Answer, Facts, Person, TestApp, until};
use uuid::Uuid;

const SUPPLIER: &str = "00000000-0000-0000-0000-000000000501";

/// Twenty products: some are expected to be sold, some were sold, of some there is nothing, of some too much.
async fn shop(app: &TestApp) -> Person<'_> {
    let owner = app.register("Planned").await;
    let owner = owner.key("ADMIN").await;
    owner.location("SHOP", "STORE").await;
    let now = app.running.state.clock.now();
    let products: Vec<Value> = (0..20)
        .map(|item| {
            let expected = (item % 4 > 0).then(|| format!("{}.5", item % 4));
            json!({"item_id": format!("P{item:02}"), "product_name": format!("Thing {}", item % 3),
                "category": format!("C{}", item % 3), "unit_cost": format!("{}.25", item % 5),
                "manual_daily_forecast": expected, "lead_time_days": item % 7})
        })
        .collect();
    owner.post("/products", &json!(products)).await.expect(200);
    for item in 0..20_i64 {
        let (id, opened) = (format!("P{item:02}"), ago(now, 100));
        if item % 5 > 0 {
            owner.opening_at(&id, "MAIN", 11 * (item % 6) + item, &opened).await;
        }
        if item % 3 == 0 {
            owner.opening_at(&id, "SHOP", 5 * item + 1, &opened).await;
        }
    }
    let sold: Vec<Value> = (0..60_i64)
        .map(|line| {
            let item = format!("P{:02}", (line * 7) % 10);
            json!({"channel": "web", "order_id": line.to_string(), "line_id": line.to_string(), "item_id": item,
                "location_id": "MAIN", "quantity": 1 + line % 3, "sold_at": ago(now, line % 33 + 1)})
        })
        .collect();
    let answer = owner.post("/sales/batch", &json!(sold)).await.expect(200);
    assert_eq!(answer.number("/accepted"), 60, "{:#}", answer.body);
    supply(&owner, now).await;
    owner
}

fn ago(now: DateTime<Utc>, days: i64) -> String {
    (now - TimeDelta::days(days)).to_rfc3339()
}

/// A supplier of the first products.
async fn supply(person: &Person<'_>, now: DateTime<Utc>) {
    let mut facts = Facts::default();
    let id: Uuid = SUPPLIER.parse().unwrap();
    let details = SupplierDetails {
        name: "Best".to_owned(),
        external_id: Some("S-1".to_owned()),
        supplier_type: None,
        is_synced: false,
    };
    let created = SupplierCreated { supplier_id: SupplierId(id), details };
    facts.push(SUPPLIER, now, SupplierEvent::SupplierCreated(created));
    for item in 0..8 {
        let terms = SupplierTerms {
            moq: Some(10 * item),
            packaging_qty: Some(12),
            packaging_unit: Some("box".to_owned()),
            ..SupplierTerms::default()
        };
        let item_id = ItemId::new(&format!("P{item:02}")).unwrap();
        facts.push(SUPPLIER, now, SupplierEvent::SupplierTermsSet(SupplierTermsSet { item_id, terms }));
    }
    facts.append(person, now).await;
}

/// The list once every fact is in it.
async fn caught_up(person: &Person<'_>, path: &str) -> Answer {
    until("the plans", async || {
        let list = person.get_caught_up(path).await.expect(200);
        // The supplier's terms were appended by somebody else.
        let known = person.get_caught_up("/products?supplier_id=S-1").await.expect(200).number("/total") == 8;
        known.then_some(list)
    })
    .await
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["item_id"].as_str().unwrap()).collect()
}

fn number(row: &Value, column: &str) -> Option<f64> {
    row[column].as_f64()
}

/// A filter as it is asked for, and what it lets pass.
type Filter = (&'static str, fn(&Value) -> bool);

const FILTERS: [Filter; 20] = [
    ("health=RED", |row| row["health"] == "RED"),
    ("health=yellow,red", |row| row["health"] != "GREEN"),
    ("status=GREEN", |row| row["health"] == "GREEN"),
    ("status=understocked", |row| row["status"] == "understocked"),
    ("status=overstocked,RED", |row| row["status"] == "overstocked" || row["health"] == "RED"),
    ("action=ORDER_TODAY", |row| row["action"] == "ORDER_TODAY"),
    ("confidence=LOW", |row| row["confidence"] == "LOW"),
    ("recommendation=URGENT", |row| holds(row, "recommendations", "URGENT")),
    ("attention_reason=LOW_RUNWAY", |row| holds(row, "attention_reasons", "LOW_RUNWAY")),
    ("min_dir=12.5", |row| row["endless"] == true || number(row, "dir").is_some_and(|dir| dir >= 12.5)),
    ("max_dir=12.5", |row| number(row, "dir").is_some_and(|dir| dir <= 12.5)),
    ("min_risk=20&max_risk=80", |row| (20.0..=80.0).contains(&number(row, "stockout_risk").unwrap())),
    ("min_runway=10", |row| number(row, "runway_days").is_none_or(|days| days >= 10.0)),
    ("max_runway=10", |row| number(row, "runway_days").is_some_and(|days| days <= 10.0)),
    ("dead_stock=true", |row| row["status"] == "dead_stock"),
    ("dead_stock=false", |row| row["status"] != "dead_stock"),
    ("marketing_threshold=below", |row| number(row, "dir").is_some_and(|dir| dir <= 30.0)),
    ("supplier_id=S-1", |row| row["item_id"].as_str().unwrap() < "P08"),
    ("supplier=00000000-0000-0000-0000-000000000501", |row| row["item_id"].as_str().unwrap() < "P08"),
    ("category=C1&search=thing&min_stock=10&max_stock=60", |row| {
        row["category"] == "C1" && (10..=60).contains(&row["total_stock"].as_i64().unwrap())
    }),
];

fn holds(row: &Value, column: &str, word: &str) -> bool {
    row[column].as_array().unwrap().iter().any(|known| known == word)
}

/// Columns that are numbers, dates or words in byte order of their rank.
const COLUMNS: [&str; 18] = [
    "runway_days",
    "depletion_date",
    "recommended_quantity",
    "suggested_quantity",
    "health",
    "status",
    "action",
    "priority_score",
    "dir",
    "stockout_risk",
    "in_transit",
    "daily_forecast",
    "forecast_14d",
    "forecast_30d",
    "confidence",
    "recommendations",
    "attention_reasons",
    "total_stock",
];

/// What a column is sorted by; none stands last.
fn rank(row: &Value, column: &str) -> Option<f64> {
    let word = |words: &[&str]| {
        let place = words.iter().position(|word| row[column] == **word).unwrap();
        f64::from(u32::try_from(place).unwrap())
    };
    match column {
        "dir" if row["endless"] == true => Some(f64::MAX),
        "depletion_date" => {
            let date: NaiveDate = row[column].as_str()?.parse().unwrap();
            Some(f64::from(date.to_epoch_days()))
        }
        "health" => Some(word(&["GREEN", "YELLOW", "RED"])),
        "status" => Some(word(&["understocked", "overstocked", "normal", "dead_stock"])),
        "action" => Some(word(&["ALREADY_ORDERED", "ORDER_TODAY", "ATTENTION_REQUIRED", "NORMAL"])),
        "confidence" => Some(word(&["HIGH", "MEDIUM", "LOW"])),
        "recommendations" | "attention_reasons" => {
            Some(f64::from(u32::try_from(row[column].as_array().unwrap().len()).unwrap()))
        }
        _ => number(row, column),
    }
}

fn sorted<'a>(rows: &'a [Value], by: &[(&str, bool)]) -> Vec<&'a Value> {
    let mut rows: Vec<&Value> = rows.iter().collect();
    let compare = |one: &Value, other: &Value, column: &str, falling: bool| match (
        rank(one, column),
        rank(other, column),
    ) {
        (Some(one), Some(other)) if falling => other.total_cmp(&one),
        (Some(one), Some(other)) => one.total_cmp(&other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    };
    rows.sort_by(|one, other| {
        by.iter()
            .map(|(column, falling)| compare(one, other, column, *falling))
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
            .then(one["item_id"].as_str().cmp(&other["item_id"].as_str()))
    });
    rows
}

#[tokio::test]
async fn every_filter_and_sort_of_stock_and_products_equals_a_naive_one() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    for list in ["/inventory", "/products", "/inventory?location_id=SHOP", "/inventory?as_of=yesterday"] {
        let yesterday = (app.running.state.clock.now() - Days::new(1)).date_naive().to_string();
        let list = list.replace("yesterday", &yesterday);
        let joint = if list.contains('?') { '&' } else { '?' };
        let full = caught_up(&owner, &format!("{list}{joint}page_size=500")).await;
        let full = full.items();
        assert!(full.len() >= 7 && full.iter().all(|row| row["health"].is_string()), "{list}: {full:#?}");
        for (asked, passes) in FILTERS {
            let expected: Vec<&str> =
                ids(full).into_iter().zip(full).filter(|(_, row)| passes(row)).map(|(id, _)| id).collect();
            let found = owner.get(&format!("{list}{joint}{asked}")).await.expect(200);
            assert_eq!(ids(found.items()), expected, "{list} {asked}");
            assert_eq!(found.number("/total"), i64::try_from(expected.len()).unwrap());
        }
        for (place, column) in COLUMNS.into_iter().enumerate() {
            let second = COLUMNS[(place + 5) % COLUMNS.len()];
            for (sign, falling) in [("", false), ("-", true)] {
                let expected = sorted(full, &[(column, falling), (second, !falling)]);
                let other = if falling { "" } else { "-" };
                let asked = format!("{list}{joint}sort={sign}{column},{other}{second}&page_size=500");
                let found = owner.get(&asked).await.expect(200);
                assert_eq!(found.items().iter().collect::<Vec<_>>(), expected, "{asked}");
            }
        }
        let queue = owner.get(&format!("{list}{joint}sort=priority&page_size=500")).await.expect(200);
        let scores: Vec<f64> =
            queue.items().iter().map(|row| number(row, "priority_score").unwrap()).collect();
        assert!(scores.is_sorted_by(|one, other| one >= other), "{scores:?}");
    }
    for (asked, pointer) in
        [("min_dir=many", "?min_dir"), ("status=rosy", "?status"), ("action=,x", "?action")]
    {
        let refused = owner.get(&format!("/inventory?{asked}")).await.expect_code(422, "invalid_parameter");
        assert_eq!(refused.text("/errors/0/pointer"), pointer);
    }
    let known = owner.get("/inventory?known_at=2020-01-01").await.expect(200);
    assert!(known.items().iter().all(|row| row["health"].is_null()));
    app.stop().await;
}

#[tokio::test]
async fn a_list_by_plans_is_also_a_file_and_products_name_their_supplier() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let list = caught_up(&owner, "/products?status=understocked&sort=-risk&page_size=500").await;
    let third = owner.get("/products?search=P03").await.expect(200);
    assert_eq!(
        third.body["items"][0]["supplier"],
        json!({"supplier_id": SUPPLIER, "key": "S-1", "name": "Best"})
    );
    for path in ["/products", "/products/export", "/inventory"] {
        let csv = owner.get(&format!("{path}?status=understocked&sort=-risk&format=csv")).await.expect(200);
        let text = csv.body.as_str().unwrap().trim_start_matches('\u{feff}').to_owned();
        let mut lines = csv::Reader::from_reader(text.as_bytes());
        let heads = lines.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = lines.records().map(Result::unwrap).collect();
        assert_eq!(rows.iter().map(|row| &row[0]).collect::<Vec<_>>(), ids(list.items()), "{path}");
        let risk = heads.iter().position(|head| head == "stockout_risk").unwrap();
        for (row, line) in list.items().iter().zip(&rows) {
            let off = number(row, "stockout_risk").unwrap() - line[risk].parse::<f64>().unwrap();
            assert!(off.abs() < 0.001, "{line:?}");
        }
    }
    let worker = owner.key("WAREHOUSE").await;
    let plain = worker.get("/products?sort=-risk").await.expect(200);
    assert!(
        plain.items().iter().all(|row| row["health"].is_string() && row.get("inventory_value").is_none())
    );
    worker.get("/products?sort=inventory_value").await.expect_code(422, "unknown_sort_column");
    worker.get("/recommendations?format=csv").await.expect_code(403, "forbidden");
    app.stop().await;
}

#[tokio::test]
async fn suggestions_equal_what_plans_say() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let full = caught_up(&owner, "/inventory?page_size=500&sort=priority").await;
    let suggested: Vec<&str> = full
        .items()
        .iter()
        .filter(|row| !row["suggested_quantity"].is_null())
        .map(|row| row["item_id"].as_str().unwrap())
        .collect();
    let suggestions = owner.get("/order-planning/suggestions").await.expect(200);
    assert!(suggested.len() >= 3);
    assert_eq!(ids(suggestions.items()), suggested);
    for row in suggestions.items() {
        let (moq, quantity) = (row["moq"].as_i64().unwrap(), row["suggested_quantity"].as_i64().unwrap());
        assert_eq!(quantity, moq.max(row["shortfall"].as_i64().unwrap()), "{row:#}");
        let pack = row["packaging_qty"].as_i64();
        let packed = row["quantity_in_packs"].as_i64().unwrap();
        assert_eq!(packed, pack.map_or(quantity, |pack| (quantity + pack - 1) / pack * pack), "{row:#}");
    }
    let some =
        owner.get("/order-planning/suggestions?supplier_id=S-1&page_size=2&sort=-item_id").await.expect(200);
    assert!(some.items().iter().all(|row| row["supplier"]["key"] == "S-1"));
    app.stop().await;
}

#[tokio::test]
async fn recommendations_equal_what_plans_say_and_rules_let_through() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let full = caught_up(&owner, "/inventory?page_size=500").await;
    let all = owner.get("/recommendations?page_size=500").await.expect(200);
    let order = ["URGENT", "REORDER", "DEAD_STOCK", "REDUCE_ORDER", "PROMOTE"];
    let expected: Vec<(String, &str)> = order
        .into_iter()
        .flat_map(|kind| {
            let rows = full.items().iter().filter(|row| holds(row, "recommendations", kind)).cloned();
            let rows: Vec<Value> = rows.collect();
            let by_urgency = sorted(&rows, &[("priority_score", true), ("stockout_risk", true)]);
            by_urgency
                .into_iter()
                .map(|row| (row["item_id"].as_str().unwrap().to_owned(), kind))
                .collect::<Vec<_>>()
        })
        .collect();
    let named = |answer: &Answer| -> Vec<(String, String)> {
        let row = |row: &Value| {
            (row["item_id"].as_str().unwrap().to_owned(), row["type"].as_str().unwrap().to_owned())
        };
        answer.items().iter().map(row).collect()
    };
    let expected: Vec<(String, String)> =
        expected.into_iter().map(|(item, kind)| (item, kind.to_owned())).collect();
    assert_eq!(named(&all), expected);
    let page = owner.get("/recommendations?page_size=3&page=2").await.expect(200);
    assert_eq!(named(&page), expected[3..6]);
    for (asked, kinds) in [
        ("type=PROMOTE,URGENT", &["URGENT", "PROMOTE"][..]),
        ("role=MARKETING", &["DEAD_STOCK", "PROMOTE"]),
        ("role=PROCUREMENT&type=PROMOTE", &[]),
    ] {
        let found = owner.get(&format!("/recommendations?page_size=500&{asked}")).await.expect(200);
        let some: Vec<_> =
            expected.iter().filter(|(_, kind)| kinds.contains(&kind.as_str())).cloned().collect();
        assert_eq!(named(&found), some, "{asked}");
    }
    let rules = json!({"enabled_types": ["REORDER"]});
    owner.put("/settings/recommendation-rules", &rules).await.expect(200);
    let enabled = owner.get_caught_up("/recommendations?page_size=500").await.expect(200);
    assert!(!enabled.items().is_empty() && enabled.items().iter().all(|row| row["type"] == "REORDER"));
    let there = owner.get("/recommendations?location_id=SHOP").await.expect(200);
    assert!(there.items().iter().all(|row| row["id"].as_str().unwrap().starts_with("REORDER~1~SHOP~")));
    owner.get("/recommendations?location_id=NOWHERE").await.expect_code(404, "unknown_location");
    owner.get("/recommendations?type=NOTHING").await.expect_code(422, "invalid_parameter");
    owner.get("/recommendations?sort=dir").await.expect_code(422, "unknown_sort_column");
    app.stop().await;
}

/// Ids of the recommendations that are listed.
async fn listed(person: &Person<'_>, more: &str) -> Vec<String> {
    let list = person.get_caught_up(&format!("/recommendations?type=REORDER{more}")).await.expect(200);
    list.items().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the plans are as of the day that the clock shows.
async fn next_day(app: &TestApp, person: &Person<'_>) {
    app.running.state.clock.advance(TimeDelta::days(1));
    let today = app.running.state.clock.now().date_naive();
    until("the day begins", async || {
        let list = person.get_caught_up("/inventory?page_size=1").await.expect(200);
        (list.items()[0]["planned_on"] == today.to_string()).then_some(())
    })
    .await;
}

async fn rebuild(person: &Person<'_>, name: &str) {
    let started = person.post(&format!("/ops/projections/{name}/rebuild"), &json!({})).await.expect(202);
    let path = format!("/jobs/{}", started.text("/job_id"));
    until("the rebuild", async || {
        let job = person.get(&path).await.expect(200);
        assert_ne!(job.text("/state"), "failed", "{:#}", job.body);
        (job.text("/state") == "finished").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_dismissal_comes_back_with_the_next_episode_after_its_date_or_never() {
    let app = TestApp::start().await;
    let owner = app.register("Episodes").await.key("ADMIN").await;
    for item in ["EPISODE", "UNTIL", "FOREVER"] {
        let product = json!({"item_id": item, "product_name": item, "manual_daily_forecast": "1.5"});
        owner.post("/products", &product).await.expect(201);
    }
    let all = ["REORDER~1~EPISODE", "REORDER~1~FOREVER", "REORDER~1~UNTIL"];
    assert_eq!(listed(&owner, "").await, all);
    let today = app.running.state.clock.now().date_naive();
    for (id, body) in [
        (all[0], json!({})),
        (all[1], json!({"scope": "forever"})),
        (all[2], json!({"scope": "until", "until": today})),
    ] {
        owner.post(&format!("/recommendations/{id}/dismiss"), &body).await.expect(200);
    }
    assert_eq!(listed(&owner, "").await, [""; 0]);
    assert_eq!(listed(&owner, "&dismissed=true").await, all, "whoever asks for them sees them");
    next_day(&app, &owner).await;
    assert_eq!(listed(&owner, "").await, [all[2]], "its date is over");
    for (item, quantity) in [("EPISODE", 90), ("FOREVER", 90)] {
        owner.opening(item, quantity).await;
    }
    assert_eq!(listed(&owner, "&dismissed=true").await, [all[2]], "enough is there");
    next_day(&app, &owner).await;
    for item in ["EPISODE", "FOREVER"] {
        let loss = json!({"item_id": item, "location_id": "MAIN", "type": "SUBTRACT", "quantity": 90, "reason": "LOSS",
            "confirm": ["LARGE_CHANGE"]});
        owner.post("/inventory/adjust", &loss).await.expect(200);
    }
    let back = ["REORDER~2~EPISODE".to_owned(), all[2].to_owned()];
    assert_eq!(listed(&owner, "").await, back, "the next episode");
    let shown = listed(&owner, "&dismissed=true").await;
    assert_eq!(shown.len(), 3);
    owner
        .post(&format!("/recommendations/{}/dismiss", all[0]), &json!({}))
        .await
        .expect_code(404, "not_found");
    for name in ["planning", "planning_settings"] {
        rebuild(&owner, name).await;
    }
    assert_eq!((listed(&owner, "").await, listed(&owner, "&dismissed=true").await), (back.to_vec(), shown));
    app.stop().await;
}

/// A shop that sold more of one product than there was.
async fn oversold_shop(app: &TestApp) -> Person<'_> {
    let owner = shop(app).await;
    let oversold = json!([{"channel": "web", "order_id": "x", "line_id": "x1", "item_id": "P05", "location_id": "MAIN",
        "quantity": 3, "sold_at": app.running.state.clock.now().to_rfc3339()}]);
    owner.post("/sales/batch", &oversold).await.expect(200);
    owner
}

#[tokio::test]
async fn the_dashboard_sums_up_what_the_lists_say() {
    let app = TestApp::start().await;
    let owner = oversold_shop(&app).await;
    let full = caught_up(&owner, "/inventory?page_size=500&sort=priority").await;
    let rows = full.items();
    let board = owner.get_caught_up("/dashboard").await.expect(200);
    let amount = |row: &Value| row["inventory_value"]["amount"].as_str().unwrap().parse::<f64>().unwrap();
    let of = |status: &str| -> Vec<&Value> { rows.iter().filter(|row| row["status"] == status).collect() };
    let cents = |value: f64| format!("{value:.2}");
    assert_eq!(board.number("/metrics/total_skus"), 20);
    assert_eq!(board.text("/metrics/total_inventory_value/amount"), cents(rows.iter().map(amount).sum()));
    for status in ["understocked", "overstocked", "dead_stock"] {
        let count = i64::try_from(of(status).len()).unwrap();
        assert_eq!(board.number(&format!("/metrics/{status}_count")), count);
        let value = board.text(&format!("/metrics/{status}_value/amount"));
        assert_eq!(value, cents(of(status).into_iter().map(amount).sum()), "{status}");
    }
    let list = |pointer: &str| ids(board.body.pointer(pointer).unwrap().as_array().unwrap()).join(" ");
    assert_eq!(list("/widgets/top_urgent"), ids(&rows[..5]).join(" "));
    let first = |status: &str, by: &[(&str, bool)]| {
        let those: Vec<Value> = of(status).into_iter().cloned().collect();
        sorted(&those, by)
            .into_iter()
            .take(5)
            .map(|row| row["item_id"].as_str().unwrap())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(list("/top_understocked"), first("understocked", &[("stockout_risk", true), ("dir", false)]));
    assert_eq!(list("/top_overstocked"), first("overstocked", &[("dir", true)]));
    let shares = board.body["widgets"]["status_distribution"].as_array().unwrap();
    let counts: Vec<i64> = shares.iter().map(|share| share["count"].as_i64().unwrap()).collect();
    assert_eq!(counts.iter().sum::<i64>(), 20);
    let red: Vec<&str> =
        ids(rows).into_iter().zip(rows).filter(|(_, row)| row["health"] == "RED").map(|(id, _)| id).collect();
    let about = |kind: &str| -> Vec<&Value> {
        let alerts = board.body["alerts"].as_array().unwrap();
        alerts.iter().filter(|alert| alert["kind"] == kind).map(|alert| &alert["item_id"]).collect()
    };
    assert_eq!(
        about("red_stock"),
        red.iter().map(|id| json!(id)).collect::<Vec<_>>().iter().collect::<Vec<_>>()
    );
    let mut below: Vec<&Value> = rows.iter().filter(|row| !row["discrepancy_since"].is_null()).collect();
    below.sort_by_key(|row| (row["discrepancy_since"].as_str(), row["item_id"].as_str()));
    let below: Vec<&Value> = below.into_iter().map(|row| &row["item_id"]).collect();
    assert!(below.contains(&&json!("P05")));
    assert_eq!(about("discrepancy"), below);
    let widgets = owner.get("/dashboard/metrics").await.expect(200);
    assert_eq!(widgets.body["inventory_turnover"], board.body["widgets"]["inventory_turnover"]);
    let urgent = owner.get("/dashboard/urgent-products?limit=7").await.expect(200);
    assert_eq!(ids(urgent.items()), ids(&rows[..7]));
    owner.get("/dashboard/urgent-products?limit=51").await.expect_code(422, "invalid_parameter");
    let worker = owner.key("WAREHOUSE").await.get("/dashboard").await.expect(200);
    assert!(worker.body["metrics"].get("total_inventory_value").is_none(), "{:#}", worker.body);
    assert!(worker.body["widgets"].get("total_inventory_value").is_none(), "{:#}", worker.body);
    app.stop().await;
}

#[tokio::test]
async fn dashboard_and_list_look_at_a_past_day_and_one_location() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    caught_up(&owner, "/inventory").await;
    let before = (app.running.state.clock.now() - Days::new(60)).date_naive();
    let past = owner.get(&format!("/dashboard?as_of={before}&location_id=SHOP")).await.expect(200);
    assert_eq!(past.text("/as_of"), before.to_string());
    let there = owner.get(&format!("/inventory?as_of={before}&page_size=500")).await.expect(200);
    assert_eq!(there.number("/total"), 20);
    app.stop().await;
}
