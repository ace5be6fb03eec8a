//! A year of real sales, as they were, compared with a plain loop over the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use chrono::TimeDelta;
use connectors::online_retail::counts::Counts;
use connectors::online_retail::kind::Kind;
use connectors::online_retail::reader::{InvoiceLine, Reader};
use serde_json::{Value, json};
use tests::{Person, TestApp};

use crate::golden;

const LINES: u64 = 541_909;
const BATCH: usize = 10_000;

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data")
}

fn rows(name: &str) -> Vec<BTreeMap<String, String>> {
    let path = data().join("golden/online-retail").join(name);
    csv::Reader::from_path(path).unwrap().into_deserialize().map(Result::unwrap).collect()
}

/// Stock on 2011-11-30 by rule R10 without purchase orders: opening less sales and reversals after the opening's day.
/// Nothing of the product's own reading is used.
fn expected() -> BTreeMap<String, i64> {
    let mut opened_on = BTreeMap::new();
    let mut stock = BTreeMap::new();
    for row in rows("opening_stock.csv") {
        opened_on.insert(row["item_id"].clone(), row["date"].clone());
        stock.insert(row["item_id"].clone(), row["quantity"].parse::<i64>().unwrap());
    }
    let file = std::fs::File::open(data().join("online-retail.csv.gz")).unwrap();
    let mut file = csv::Reader::from_reader(flate2::read::GzDecoder::new(file));
    for record in file.records() {
        let record = record.unwrap();
        let item = record[1].trim().to_uppercase();
        let product = item.len() >= 5
            && item.len() <= 7
            && item.bytes().take(5).all(|byte| byte.is_ascii_digit())
            && item.bytes().skip(5).all(|byte| byte.is_ascii_uppercase());
        let (invoice, quantity): (&str, i64) = (&record[0], record[3].parse().unwrap());
        let cancelled = invoice.starts_with(['C', 'c']);
        let price_above_zero =
            !record[5].starts_with('-') && record[5].bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        let sale = !cancelled && !invoice.starts_with(['A', 'a']) && quantity > 0 && price_above_zero;
        let reversal = cancelled && quantity < 0;
        let day = &record[4][..10];
        if product
            && (sale || reversal)
            && day <= "2011-11-30"
            && let Some(opened_on) = opened_on.get(&item)
            && day > opened_on.as_str()
        {
            *stock.get_mut(&item).unwrap() -= quantity;
        }
    }
    stock
}

/// Creates the products that are named, with their opening stock.
async fn load_catalogue(person: &Person<'_>, named: &BTreeSet<String>) {
    let rows = |file| rows(file).into_iter().filter(|row| named.contains(&row["item_id"]));
    let items: Vec<Value> = rows("items.csv")
        .map(|row| {
            // A product of which the data know no name bears its code.
            let name = if row["name"].is_empty() { &row["item_id"] } else { &row["name"] };
            json!({"item_id": row["item_id"], "product_name": name, "category": row["category"],
                "safety_stock_days": row["safety_stock_days"].parse::<u32>().ok(),
                "unit_cost": {"amount": row["unit_cost"], "currency": "GBP"}})
        })
        .collect();
    assert_eq!(items.len(), named.len());
    let openings: Vec<Value> = rows("opening_stock.csv")
        .map(|row| {
            json!({"item_id": row["item_id"], "location_id": row["location_id"], "date": row["date"],
                "quantity": row["quantity"].parse::<i64>().unwrap()})
        })
        .collect();
    for (path, rows) in [("/products", items), ("/inventory/opening", openings)] {
        for rows in rows.chunks(1_000) {
            let answer = person.post(path, &json!(rows)).await.expect(200);
            assert_eq!(answer.number("/refused"), 0, "{:#}", answer.body);
        }
    }
}

/// A line as the API takes it; nothing for one that is neither sale nor reversal.
fn write_line(batch: &mut String, line: &InvoiceLine) -> bool {
    let kind = match line.kind {
        Kind::Sale => "sale",
        Kind::Reversal => "return",
        Kind::Adjustment(_) | Kind::NonProduct => return false,
    };
    writeln!(
        batch,
        r#"{{"kind":"{kind}","channel":"online-retail","order_id":"{}","line_id":"{}","item_id":"{}","quantity":{},"unit_price":{{"amount":"{}","currency":"GBP"}},"sold_at":"{}+00:00"}}"#,
        line.invoice_no,
        line.row,
        line.item_id,
        line.quantity.abs(),
        line.unit_price,
        line.invoiced_at.format("%Y-%m-%dT%H:%M:%S"),
    )
    .unwrap();
    true
}

/// The batches of the file's lines of products that are wanted, and how many lines of each kind the file holds.
fn batches(is_wanted: impl Fn(&str) -> bool) -> (Vec<String>, Counts) {
    let (mut batches, mut counts) = (Vec::new(), Counts::default());
    let (mut batch, mut lines) = (String::new(), 0);
    for line in Reader::open(&data().join("online-retail.csv.gz")).unwrap() {
        let line = line.unwrap();
        counts.add(line.kind);
        lines += usize::from(is_wanted(&line.item_id) && write_line(&mut batch, &line));
        if lines == BATCH {
            batches.push(std::mem::take(&mut batch));
            lines = 0;
        }
    }
    batches.push(batch);
    (batches, counts)
}

/// Sends the whole file: accepted, duplicates, quarantined, rejected.
async fn send(person: &Person<'_>, batches: &[String]) -> [i64; 4] {
    let mut sums = [0; 4];
    for batch in batches {
        let answer = person.post_lines("/sales/batch", batch.clone()).await.expect(200);
        for (sum, field) in sums.iter_mut().zip(["/accepted", "/duplicates", "/quarantined", "/rejected"]) {
            *sum += answer.number(field);
        }
    }
    sums
}

async fn on_hand(person: &Person<'_>, query: &str) -> BTreeMap<String, i64> {
    let mut stock = BTreeMap::new();
    for page in 1.. {
        let list = person.get(&format!("/inventory?page_size=500&page={page}{query}")).await.expect(200);
        for row in list.items() {
            stock.insert(row["item_id"].as_str().unwrap().to_owned(), row["total_stock"].as_i64().unwrap());
        }
        if list.body["page"]["next_cursor"].is_null() {
            break;
        }
    }
    stock
}

/// Waits until the read models hold the whole log; a year of facts takes longer than one read waits.
async fn caught_up(person: &Person<'_>) {
    let app = person.app;
    let company = person.company_id.parse().unwrap();
    let all = ["inventory", "movements", "sales", "quarantine", "catalogue", "planning"];
    let patience = std::time::Duration::from_mins(2);
    app.running.state.wait(company, &all, person.head(), patience).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_real_sales() {
    let app = TestApp::start().await;
    let body = json!({"email": "year@example.com", "password": tests::PASSWORD, "company_name": "Year",
        "currency": "GBP", "timezone": "UTC"});
    app.anonymous(reqwest::Method::POST, "/api/v1/auth/register", Some(&body)).await.expect(201);
    let owner = app.login("year@example.com").await.key("OWNER").await;
    let known = ids("items.csv");
    assert_eq!(known.len(), 3_924);
    load_catalogue(&owner, &known).await;
    let (batches, counts) = tokio::task::spawn_blocking(|| batches(|_| true)).await.unwrap();

    let [accepted, duplicates, quarantined, rejected] = send(&owner, &batches).await;
    let skipped: u64 = counts.skipped.values().sum();
    assert_eq!(counts.lines, LINES);
    assert_eq!(skipped, counts.adjustments + counts.non_products, "every skipped line has its reason");
    assert!(counts.skipped.keys().all(|reason| !reason.is_empty()) && counts.skipped.len() >= 3);
    assert_eq!((duplicates, rejected), (0, 0), "identical lines of an invoice are separate lines");
    assert_eq!(accepted + quarantined + i64::try_from(skipped).unwrap(), i64::try_from(LINES).unwrap());
    assert!(quarantined > 0 && quarantined < 1_000, "{quarantined}");
    println!("accepted {accepted}, quarantined {quarantined}, skipped {skipped}: {:?}", counts.skipped);

    caught_up(&owner).await;
    let expected = tokio::task::spawn_blocking(expected).await.unwrap();
    assert_eq!(expected.len(), 3_924);
    let stock = on_hand(&owner, "&as_of=2011-11-30").await;
    let wrong: Vec<_> =
        expected.iter().filter(|(item, stock_there)| stock.get(*item) != Some(*stock_there)).collect();
    assert!(wrong.is_empty(), "{} items differ, first {:?}", wrong.len(), wrong.first());
    assert_eq!(stock.len(), 3_924);

    purchase(&owner, &known).await;
    let golden = "online-retail/golden-online-retail.csv";
    let (items, different) = golden::differences(&owner, golden, "2011-11-30").await;
    assert_eq!(different, Vec::<String>::new());
    assert_eq!(items, 500, "every column of every item");

    // The same file again, and once more a month later: nothing is new.
    let written = app.written().await;
    assert_eq!(send(&owner, &batches).await, [0, accepted + quarantined, 0, 0]);
    app.running.state.clock.advance(TimeDelta::days(30));
    assert_eq!(send(&owner, &batches).await, [0, accepted + quarantined, 0, 0]);
    assert_eq!(app.written().await, written, "no new events");

    released_once(&owner, &batches, &known).await;
    app.stop().await;
}

fn ids(file: &str) -> BTreeSet<String> {
    rows(file).into_iter().map(|row| row["item_id"].clone()).collect()
}

/// Suppliers, orders, a campaign and the settings of the golden files.
async fn purchase(owner: &Person<'_>, items: &BTreeSet<String>) {
    golden::record_purchasing(owner, "online-retail", items).await;
    let settings = std::fs::read_to_string(golden::folder("online-retail").join("settings.json")).unwrap();
    owner.put("/settings", &serde_json::from_str(&settings).unwrap()).await.expect(200);
    caught_up(owner).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_500_most_wanted_real_products_at_a_glance() {
    let app = TestApp::start().await;
    let body = json!({"email": "glance@example.com", "password": tests::PASSWORD, "company_name": "Glance",
        "currency": "GBP", "timezone": "UTC"});
    app.anonymous(reqwest::Method::POST, "/api/v1/auth/register", Some(&body)).await.expect(201);
    let owner = app.login("glance@example.com").await.key("OWNER").await;
    let wanted = ids("golden-online-retail.csv");
    assert_eq!(wanted.len(), 500);
    load_catalogue(&owner, &wanted).await;
    let of = wanted.clone();
    let (batches, _) = tokio::task::spawn_blocking(move || batches(|item| of.contains(item))).await.unwrap();
    let [accepted, duplicates, quarantined, rejected] = send(&owner, &batches).await;
    assert!(accepted > 100_000, "{accepted}");
    assert_eq!((duplicates, quarantined, rejected), (0, 0, 0));
    purchase(&owner, &wanted).await;
    let summary = data().join("golden/online-retail/golden-online-retail-summary.json");
    let summary = serde_json::from_str(&std::fs::read_to_string(summary).unwrap()).unwrap();
    golden::at_a_glance(&owner, &summary, "2011-11-30").await;
    app.stop().await;
}

/// A product that was unknown is created; its lines find their place, once.
async fn released_once(owner: &Person<'_>, batches: &[String], known: &BTreeSet<String>) {
    let waiting = owner.get_caught_up("/quarantine?page_size=500").await.expect(200);
    let item = waiting.items()[0]["item_id"].as_str().unwrap().to_owned();
    assert!(!known.contains(&item));
    owner.product(&item).await;
    let lines: Vec<&Value> = waiting.items().iter().filter(|line| line["item_id"] == *item).collect();
    let mut expected = 0;
    for line in &lines {
        let id = line["quarantine_id"].as_str().unwrap();
        owner.post(&format!("/quarantine/{id}/retry"), &json!({})).await.expect(200);
        let quantity = line["quantity"].as_i64().unwrap();
        expected += if line["kind"] == "return" { quantity } else { -quantity };
    }
    let stock = async || {
        let list = owner.get_caught_up(&format!("/inventory?search={item}")).await.expect(200);
        list.items().iter().find(|row| row["item_id"] == *item).unwrap()["total_stock"].as_i64().unwrap()
    };
    assert_eq!(stock().await, expected);
    let written = owner.app.written().await;
    let [accepted, _, quarantined, rejected] = send(owner, batches).await;
    assert_eq!((accepted, quarantined, rejected, owner.app.written().await), (0, 0, 0, written));
    assert_eq!(stock().await, expected, "stock moved once");
}
