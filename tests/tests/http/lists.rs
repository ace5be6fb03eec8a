//! What every list can do: sort, filter, pages, files; and reading one's own writes.

use std::io::Read;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Person, TestApp};

async fn stocked(app: &TestApp) -> Person<'_> {
    let owner = app.register("Lists").await;
    let rows = json!([
        {"item_id": "A", "product_name": "Zebra", "category": "X", "unit_cost": "2.00"},
        {"item_id": "B", "product_name": "yak", "category": "Y", "unit_cost": "1.00", "sku": "SKU-B"},
        {"item_id": "C", "product_name": "=SUM(A1)", "category": "X"},
        {"item_id": "Товар/ 1", "product_name": "Кружка", "category": "Ё"},
    ]);
    owner.post("/products", &rows).await.expect(200);
    owner.location("SHOP", "STORE").await;
    owner.location("WEB", "WEBSITE").await;
    for (item, location, quantity) in
        [("A", "MAIN", 5), ("A", "SHOP", 7), ("A", "WEB", 10), ("B", "MAIN", 40), ("C", "SHOP", 1)]
    {
        owner.opening_at(item, location, quantity, "2024-01-01T08:00:00Z").await;
    }
    let oversold = json!([{"channel": "web", "order_id": "1", "line_id": "1", "item_id": "C", "location_id": "MAIN",
        "quantity": 3, "sold_at": "2024-01-02T08:00:00Z"}]);
    owner.post("/sales/batch", &oversold).await.expect(200);
    owner
}

fn ids(answer: &Answer) -> Vec<&str> {
    answer.items().iter().map(|row| row["item_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_is_in_memory_before_it_is_asked_for() {
    let app = TestApp::start().await;
    stocked(&app).await;
    let in_memory = async {
        while app.running.state.boards.rows() < 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), in_memory).await.unwrap();
    app.stop().await;
}

#[tokio::test]
async fn the_stock_list_is_sorted_and_filtered() {
    let app = TestApp::start().await;
    let owner = stocked(&app).await;
    let all = owner.get_caught_up("/inventory").await.expect(200);
    assert_eq!((ids(&all), all.number("/total")), (vec!["A", "B", "C", "Товар/ 1"], 4));
    let a = &all.items()[0];
    assert_eq!((&a["total_stock"], &a["current_stock"], &a["drift"]), (&json!(12), &json!(12), &json!(-2)));
    assert_eq!(a["inventory_value"], json!({"amount": "24.00", "currency": "EUR"}));
    assert_eq!(a["stock"].as_array().unwrap().len(), 3);
    for (query, expected) in [
        ("sort=-total_stock,item_id", vec!["B", "A", "Товар/ 1", "C"]),
        ("sort=total_stock&order=desc&page_size=1", vec!["B"]),
        ("sort=stock:SHOP,item_id&location_id=SHOP", vec!["C", "A"]),
        ("sort=-stock:MAIN&page_size=2", vec!["B", "A"]),
        ("sort=category,-item_id", vec!["C", "A", "B", "Товар/ 1"]),
        ("category=X", vec!["A", "C"]),
        ("search=YAK", vec!["B"]),
        ("search=sku-b", vec!["B"]),
        ("search=%D0%BA%D1%80%D1%83%D0%B6", vec!["Товар/ 1"]),
        ("min_stock=0&max_stock=12", vec!["A", "Товар/ 1"]),
        ("location_id=SHOP&min_stock=2", vec!["A"]),
        ("has_discrepancy=true", vec!["C"]),
        ("page=2&page_size=3", vec!["Товар/ 1"]),
    ] {
        assert_eq!(ids(&owner.get(&format!("/inventory?{query}")).await.expect(200)), expected, "{query}");
    }
    let unknown = owner.get("/inventory?sort=colour").await.expect_code(422, "unknown_sort_column");
    assert_eq!(unknown.text("/errors/0/pointer"), "?sort");
    owner.post("/products/B/deactivate", &json!({})).await.expect(200);
    assert_eq!(ids(&owner.get_caught_up("/inventory").await), ["A", "C", "Товар/ 1"]);
    assert_eq!(ids(&owner.get("/inventory?is_active=false").await), ["B"]);
    app.stop().await;
}

#[tokio::test]
async fn the_past_of_the_stock_list() {
    let app = TestApp::start().await;
    let owner = stocked(&app).await;
    let past = owner.get_caught_up("/inventory?as_of=2024-01-01&sort=item_id").await.expect(200);
    let totals: Vec<&Value> = past.items().iter().map(|row| &row["total_stock"]).collect();
    assert_eq!(json!(totals), json!([12, 40, 1, 0]));
    assert_eq!(past.items()[0]["reserved"], Value::Null);
    let earlier = owner.get("/inventory?as_of=2023-12-31&sort=item_id").await.expect(200);
    assert!(earlier.items().iter().all(|row| row["total_stock"] == 0));
    assert!(
        owner
            .get("/inventory?known_at=2023-12-31")
            .await
            .expect(200)
            .items()
            .iter()
            .all(|row| row["total_stock"] == 0)
    );
    owner.get("/inventory?as_of=soon").await.expect(422);
    app.stop().await;
}

#[tokio::test]
async fn a_list_is_also_a_csv_file() {
    let app = TestApp::start().await;
    let owner = stocked(&app).await;
    let csv = owner.get_caught_up("/inventory?format=csv&page_size=1").await.expect(200);
    assert!(csv.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    let text = csv.body.as_str().unwrap();
    assert!(text.starts_with("\u{feff}item_id,sku,product_name,"), "{text}");
    assert_eq!(text.lines().count(), 5);
    assert!(text.contains("C,C,'=SUM(A1),X,"), "{text}");
    assert!(text.contains("Товар/ 1,"), "{text}");
    let accepted = owner.request(Method::GET, "/inventory").header("Accept", "text/csv");
    assert_eq!(Answer::of(accepted).await.expect(200).body, csv.body);
    app.stop().await;
}

#[tokio::test]
async fn a_list_is_also_a_workbook() {
    let app = TestApp::start().await;
    let owner = stocked(&app).await;
    owner.get_caught_up("/inventory").await;
    for format in ["xlsx", "excel"] {
        let response =
            owner.request(Method::GET, &format!("/inventory?format={format}")).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.headers()["content-disposition"].to_str().unwrap().contains("inventory.xlsx"));
        let bytes = response.bytes().await.unwrap();
        let mut book = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let mut sheet = String::new();
        book.by_name("xl/worksheets/sheet1.xml").unwrap().read_to_string(&mut sheet).unwrap();
        assert!(sheet.contains("'=SUM(A1)") || sheet.contains("&apos;=SUM(A1)"), "{sheet}");
        assert!(sheet.contains("Кружка"), "{sheet}");
        assert!(sheet.contains("<v>12</v>"), "figures are numbers: {sheet}");
        assert!(!sheet.contains("<f>"), "no cell is a formula");
    }
    app.stop().await;
}

#[tokio::test]
async fn whoever_waits_for_a_position_reads_his_own_write() {
    let app = TestApp::start().await;
    let owner = stocked(&app).await;
    let add = json!({"item_id": "B", "location_id": "MAIN", "type": "ADD", "quantity": 1, "reason": "OTHER"});
    for round in 1..=25 {
        let position = owner.post("/inventory/adjust", &add).await.expect(200).number("/position");
        let by_query = owner.get(&format!("/inventory?search=yak&min_position={position}")).await.expect(200);
        assert_eq!(by_query.items()[0]["total_stock"], 40 + round);
        let movements =
            owner.get(&format!("/inventory/movements/B?page_size=1&min_position={position}")).await;
        assert_eq!(movements.expect(200).items()[0]["position"], position);
    }
    let position = owner.post("/inventory/adjust", &add).await.expect(200).number("/position");
    let by_header =
        owner.request(Method::GET, "/inventory?search=yak").header("Stocktrail-Min-Position", position);
    assert_eq!(Answer::of(by_header).await.expect(200).items()[0]["total_stock"], 66);
    let begun = std::time::Instant::now();
    let never = owner
        .get(&format!("/inventory?min_position={}", position + 1_000_000))
        .await
        .expect_code(503, "not_yet");
    assert!(never.headers.contains_key("retry-after"));
    assert!((4..20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    owner.get("/inventory?min_position=-1").await.expect_code(422, "invalid_parameter");
    app.stop().await;
}

#[tokio::test]
async fn the_old_paths_and_the_tenants_alias_are_understood() {
    let app = TestApp::start().await;
    let owner = stocked(&app).await;
    owner.get_caught_up("/inventory").await;
    owner.get_caught_up("/inventory/movements").await;
    let company = owner.company_id.clone();
    for path in [
        "/inventory",
        "/inventory/movements",
        "/products",
        "/locations",
        "/warehouses",
        "/settings",
        "/clients",
    ] {
        let alias = app.http.get(app.url(&format!("/api{path}"))).bearer_auth(&owner.token);
        let alias = Answer::of(alias).await.expect(200);
        assert_eq!(alias.body, owner.get(path).await.expect(200).body, "{path}");
        owner.get(&format!("{path}?client_id={company}")).await.expect(200);
        let other = owner.get(&format!("{path}?client_id={}", uuid::Uuid::from_u128(1))).await;
        other.expect_code(403, "other_company");
        owner.get(&format!("{path}?client_id=nonsense")).await.expect(403);
    }
    let elsewhere = app.anonymous(Method::GET, "/api/v1/nothing-here", None).await;
    elsewhere.expect_code(404, "unknown_path");
    owner.delete("/inventory").await.expect_code(405, "method_not_allowed");
    app.stop().await;
}
