//! Orders, batches, cancellations, channels and daily reports.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Person, TestApp};

/// A line of channel `web` as NDJSON has it.
fn line(line_id: &str, item_id: &str, quantity: i64) -> Value {
    json!({"channel": "web", "order_id": "O-1", "line_id": line_id, "item_id": item_id, "quantity": quantity,
        "unit_price": {"amount": "2.50", "currency": "EUR"}, "sold_at": "2024-01-05T12:00:00+00:00"})
}

fn with(mut line: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        line[key] = value.clone();
    }
    line
}

fn counts(answer: &Answer) -> [i64; 4] {
    ["/accepted", "/duplicates", "/quarantined", "/rejected"].map(|field| answer.number(field))
}

async fn batch(person: &Person<'_>, lines: &[Value]) -> Answer {
    person.post("/sales/batch", &json!(lines)).await.expect(200)
}

async fn shop(app: &TestApp) -> Person<'_> {
    let owner = app.register("Shop").await;
    owner.product("A").await;
    owner.product("B").await;
    owner.opening_at("A", "MAIN", 100, "2024-01-01T00:00:00Z").await;
    owner
}

#[tokio::test]
async fn an_order_takes_stock_once() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let order = json!({"channel": "web", "order_id": "77", "sold_at": "2024-01-05T12:00:00Z", "lines": [
        {"item_id": "A", "quantity": 3, "unit_price": {"amount": 2.5, "currency": "EUR"}},
        {"item_id": "B", "quantity": 2, "line_id": "second"},
        {"item_id": "UNKNOWN", "quantity": 1}]});
    let made = owner.post("/sales", &order).await.expect(201);
    let verdicts: Vec<&str> =
        made.body["lines"].as_array().unwrap().iter().map(|line| line["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["accepted", "accepted", "quarantined"]);
    assert_eq!(made.text("/lines/0/line_id"), "77-1");
    assert_eq!(owner.stock("A").await, [("MAIN".to_owned(), 97)].into());
    assert_eq!(owner.stock("B").await, [("MAIN".to_owned(), -2)].into(), "what happened outside is recorded");

    let again = owner.post("/sales", &order).await.expect(200);
    assert!(again.body["lines"].as_array().unwrap().iter().all(|line| line["verdict"] == "duplicate"));
    assert_eq!(owner.stock("A").await["MAIN"], 97);

    let mut other = order.clone();
    other["lines"] = json!([{"item_id": "A", "quantity": 4}]);
    let refused = owner.post("/sales", &other).await.expect_code(409, "differs_from_recorded");
    assert_eq!(refused.text("/errors/0/pointer"), "/lines/0");
    other["lines"] = json!([{"item_id": "A", "quantity": 4, "line_id": "x", "unit_price": {"amount": "1", "currency": "ZZZ"}},
        {"item_id": "", "quantity": 4}]);
    let refused = owner.post("/sales", &other).await.expect_code(422, "unknown_currency");
    assert_eq!(refused.text("/errors/0/pointer"), "/lines/0/unit_price");
    assert_eq!(refused.text("/errors/1/pointer"), "/lines/1/item_id");
    other["lines"] = json!([]);
    owner.post("/sales", &other).await.expect_code(422, "line_count");
    app.stop().await;
}

#[tokio::test]
async fn a_bad_line_of_a_batch_spoils_no_good_one() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let future = (app.running.state.clock.now() + chrono::TimeDelta::minutes(6)).to_rfc3339();
    let lines = [
        line("1", "A", 2).to_string(),
        "{".to_owned(),
        json!({"channel": "web"}).to_string(),
        String::new(),
        with(line("2", "A", 2), &json!({"colour": "red"})).to_string(),
        line("3", "NOBODY", 2).to_string(),
        line("4", "A", 0).to_string(),
        line("1", "A", 2).to_string(),
        line("1", "A", 3).to_string(),
        with(line("5", "A", 1), &json!({"location_id": "NOWHERE"})).to_string(),
        with(line("6", "A", 1), &json!({"sold_at": future})).to_string(),
        with(line("7", "A", 1), &json!({"kind": "shipment"})).to_string(),
        with(line("8", "B", 7), &json!({"kind": "return", "unit_price": null})).to_string(),
    ];
    let answer = owner.post_lines("/sales/batch", lines.join("\n")).await.expect(200);
    assert_eq!(counts(&answer), [2, 1, 2, 7], "{:#}", answer.body);
    let errors: Vec<(i64, &str)> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["line"].as_i64().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    let expected = [
        (2, "unreadable_json"),
        (3, "missing_field"),
        (5, "unknown_field"),
        (7, "quantity_not_positive"),
        (9, "differs_from_recorded"),
        (11, "in_the_future"),
        (12, "nothing_reserved"),
    ];
    assert_eq!(errors, expected);
    assert_eq!(owner.stock("A").await["MAIN"], 98);
    assert_eq!(owner.stock("B").await["MAIN"], 7);

    let again = owner.post_lines("/sales/batch", lines.join("\r\n")).await.expect(200);
    assert_eq!(counts(&again), [0, 5, 0, 7]);
    assert_eq!(owner.stock("A").await["MAIN"], 98);
    app.stop().await;
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_is_refused_as_a_whole() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let written = app.written().await;
    let text = owner.request(Method::POST, "/sales/batch").header("Content-Type", "text/plain").body("x");
    Answer::of(text).await.expect_code(415, "unsupported_media_type");
    owner.post_lines("/sales/batch", "[{}").await.expect_code(400, "unreadable_json");
    owner.post_lines("/sales/batch", "{}\n".repeat(20_001)).await.expect_code(422, "too_many_lines");
    owner.post_lines("/sales/batch", "x".repeat((16 << 20) + 1)).await.expect_code(413, "body_too_large");
    assert_eq!(counts(&owner.post_lines("/sales/batch", "").await.expect(200)), [0; 4]);
    assert_eq!(app.written().await, written);
    app.stop().await;
}

#[tokio::test]
async fn an_order_is_cancelled_exactly_once() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    batch(&owner, &[line("1", "A", 2), line("2", "A", 3), line("3", "B", 1)]).await;
    batch(&owner, &[with(line("2", "A", 3), &json!({"kind": "cancellation"}))]).await;
    assert_eq!(owner.stock("A").await["MAIN"], 98);

    let nothing = json!({});
    let tries = (0..8).map(|_| owner.post("/sales/O-1/cancel", &nothing));
    let answers = futures::future::join_all(tries).await;
    let cancelled: i64 = answers.into_iter().map(|answer| answer.expect(200).number("/cancelled")).sum();
    assert_eq!(cancelled, 2);
    assert_eq!(owner.stock("A").await["MAIN"], 100);
    assert_eq!(owner.stock("B").await["MAIN"], 0);
    let again = owner.post("/sales/O-1/cancel", &json!({})).await.expect(200);
    assert_eq!((again.number("/cancelled"), again.number("/already_cancelled")), (0, 3));
    assert_eq!(owner.events("&type=SaleCancelled").await.len(), 3);

    owner.post("/sales/NONE/cancel", &json!({})).await.expect_code(404, "not_found");
    batch(&owner, &[with(line("1", "A", 1), &json!({"channel": "till"}))]).await;
    let both = owner.post("/sales/O-1/cancel", &json!({})).await.expect_code(409, "ambiguous_order");
    assert_eq!(both.body["channels"], json!(["till", "web"]));
    let till = owner.post("/sales/O-1/cancel?channel=till", &json!({})).await.expect(200);
    assert_eq!((till.number("/cancelled"), till.text("/channel")), (1, "till"));
    assert_eq!(owner.stock("A").await["MAIN"], 100);
    app.stop().await;
}

#[tokio::test]
async fn a_cancellation_goes_back_to_where_the_sale_was() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    owner.location("SHOP", "STORE").await;
    batch(&owner, &[with(line("1", "A", 4), &json!({"location_id": "SHOP"}))]).await;
    assert_eq!(owner.stock("A").await["SHOP"], -4);
    let too_much = with(line("1", "A", 5), &json!({"kind": "cancellation"}));
    let refused = batch(&owner, &[too_much]).await;
    assert_eq!(refused.text("/errors/0/code"), "exceeds_sale");
    batch(&owner, &[with(line("1", "A", 4), &json!({"kind": "cancellation"}))]).await;
    assert_eq!(owner.stock("A").await, [("MAIN".to_owned(), 100), ("SHOP".to_owned(), 0)].into());
    app.stop().await;
}

#[tokio::test]
async fn a_reserving_channel_takes_stock_at_shipment() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    owner.get("/channels/web").await.expect_code(404, "not_found");
    let set = owner.put("/channels/web", &json!({"on_sale": "RESERVE"})).await.expect(200);
    assert_eq!(set.text("/on_sale"), "RESERVE");
    let read = owner.get_caught_up("/channels/web").await.expect(200);
    assert_eq!((read.text("/channel"), read.text("/on_sale")), ("web", "RESERVE"));
    assert_eq!(owner.get("/channels").await.expect(200).items().len(), 1);

    batch(&owner, &[line("1", "A", 30), line("2", "A", 20), line("3", "A", 10)]).await;
    assert_eq!(owner.stock("A").await["MAIN"], 100);
    let states = |answer: &Answer| -> Vec<String> {
        answer.items().iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(&owner.get_caught_up("/sales?sort=position").await), ["reserved"; 3]);
    batch(&owner, &[with(line("1", "A", 30), &json!({"kind": "shipment"}))]).await;
    assert_eq!(owner.stock("A").await["MAIN"], 70);
    batch(&owner, &[with(line("2", "A", 20), &json!({"kind": "cancellation"}))]).await;
    assert_eq!(owner.stock("A").await["MAIN"], 70);
    assert_eq!(
        states(&owner.get_caught_up("/sales?sort=position&kind=sale").await),
        ["shipped", "cancelled", "reserved"]
    );
    let rest = owner.post("/sales/O-1/cancel", &json!({})).await.expect(200);
    assert_eq!((rest.number("/cancelled"), rest.number("/already_cancelled")), (2, 1));
    assert_eq!(owner.stock("A").await["MAIN"], 100);
    app.stop().await;
}

#[tokio::test]
async fn a_channels_sales_land_at_its_location() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    owner.location("FF", "MARKETPLACE_FF").await;
    owner
        .put("/channels/ozon", &json!({"location_id": "NOWHERE"}))
        .await
        .expect_code(422, "unknown_location");
    owner.put("/channels/ozon", &json!({"on_sale": "NEVER"})).await.expect(422);
    owner.put("/channels/ozon", &json!({"location_id": "FF"})).await.expect(200);
    batch(&owner, &[with(line("1", "A", 4), &json!({"channel": "ozon"})), line("1", "A", 1)]).await;
    assert_eq!(owner.stock("A").await, [("FF".to_owned(), -4), ("MAIN".to_owned(), 99)].into());
    owner.put("/channels/ozon", &json!({})).await.expect(200);
    batch(&owner, &[with(line("2", "A", 4), &json!({"channel": "ozon"}))]).await;
    assert_eq!(owner.stock("A").await["MAIN"], 95, "without a location of its own: the primary one");
    app.stop().await;
}

#[tokio::test]
async fn a_daily_report_replaces_adds_or_waits_behind() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let day = |units: i64, on_duplicate: &str| {
        json!({"source": "till", "item_id": "A", "date_local": "2024-01-05", "units_sold": units,
            "on_duplicate": on_duplicate, "revenue": {"amount": "5.00", "currency": "EUR"}})
    };
    let units = async || {
        let path = "/products/A/demand?from=2024-01-05&to=2024-01-05";
        owner.get_caught_up(path).await.expect(200).number("/units_sold")
    };
    let reports = async || owner.events("&type=DailySalesReported").await.len();
    assert_eq!(counts(&owner.post("/sales/daily", &day(7, "replace")).await.expect(200)), [1, 0, 0, 0]);
    assert_eq!((units().await, reports().await), (7, 1));
    assert_eq!(counts(&owner.post("/sales/daily", &day(7, "replace")).await.expect(200)), [0, 1, 0, 0]);
    assert_eq!(reports().await, 1, "an identical report writes no event");
    owner.post("/sales/daily", &day(5, "replace")).await.expect(200);
    assert_eq!(units().await, 5);
    assert_eq!(counts(&owner.post("/sales/daily", &day(9, "skip")).await.expect(200)), [0, 1, 0, 0]);
    assert_eq!(units().await, 5);
    owner.post("/sales/daily", &day(4, "append")).await.expect(200);
    assert_eq!(units().await, 9);
    assert_eq!(owner.stock("A").await["MAIN"], 100, "demand without stock");

    owner.post("/sales/daily", &day(-1, "replace")).await.expect_code(422, "negative_units");
    let mut other = day(1, "replace");
    other["item_id"] = json!("NOBODY");
    owner.post("/sales/daily", &other).await.expect_code(404, "unknown_item");
    let mut future = day(1, "replace");
    future["date_local"] = json!("2036-01-01");
    owner.post("/sales/daily", &future).await.expect_code(422, "in_the_future");
    let many =
        owner.post("/sales/daily", &json!([future, other, day(1, "replace"), day(1, "replace")])).await;
    assert_eq!(counts(&many.expect(200)), [1, 1, 0, 2]);
    assert_eq!(units().await, 1);
    app.stop().await;
}

#[tokio::test]
async fn sales_are_listed_filtered_and_show_money_to_those_who_may() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let till = json!({"channel": "till", "order_id": "=2+5", "sold_at": "2024-02-01T23:30:00-05:00"});
    batch(&owner, &[line("1", "A", 2), line("2", "B", 3), with(line("3", "A", 5), &till)]).await;
    batch(&owner, &[with(line("9", "A", 1), &json!({"kind": "return"}))]).await;
    let ids = async |query: &str| -> Vec<String> {
        let rows = owner.get_caught_up(&format!("/sales?{query}")).await.expect(200);
        rows.items().iter().map(|row| row["line_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("").await, ["9", "3", "2", "1"]);
    for (query, expected) in [
        ("channel=till", vec!["3"]),
        ("order_id=O-1&sort=position", vec!["1", "2", "9"]),
        ("item_id=B", vec!["2"]),
        ("location_id=MAIN&sort=-quantity,position", vec!["3", "2", "1", "9"]),
        ("kind=return", vec!["9"]),
        ("state=returned", vec!["9"]),
        ("from=2024-02-01", vec!["3"]),
        ("to=2024-01-31&kind=sale", vec!["2", "1"]),
        ("from=2024-02-02&to=2024-02-02", vec!["3"]),
    ] {
        assert_eq!(ids(query).await, expected, "{query}");
    }
    owner.get("/sales?item_id=NOBODY").await.expect_code(404, "unknown_item");
    owner.get("/sales?kind=gift").await.expect(422);
    let csv = owner.get("/sales?format=csv&sort=position").await.expect(200);
    assert!(csv.body.as_str().unwrap().contains("till,sale,'=2+5,3,A,MAIN,5,2.50,EUR,"), "{}", csv.body);

    let packer = owner.member("packer", "WAREHOUSE").await;
    assert_eq!(packer.get("/sales").await.expect(200).items()[0]["unit_price"], Value::Null);
    assert_eq!(
        owner.get("/sales").await.items()[0]["unit_price"],
        json!({"amount": "2.50", "currency": "EUR"})
    );
    app.stop().await;
}
