//! Demand of a product, day by day.

use serde_json::{Value, json};
use tests::{Answer, Person, TestApp};

fn line(kind: &str, channel: &str, line_id: &str, quantity: i64, sold_at: &str) -> Value {
    json!({"kind": kind, "channel": channel, "order_id": "O", "line_id": line_id, "item_id": "A", "quantity": quantity,
        "unit_price": {"amount": "2.00", "currency": "EUR"}, "sold_at": sold_at})
}

async fn sell(person: &Person<'_>, lines: &[Value]) {
    let answer = person.post("/sales/batch", &json!(lines)).await.expect(200);
    assert_eq!(answer.number("/accepted"), i64::try_from(lines.len()).unwrap(), "{:#}", answer.body);
}

async fn report(person: &Person<'_>, source: &str, date: &str, units: i64) {
    let body = json!({"source": source, "item_id": "A", "date_local": date, "units_sold": units});
    person.post("/sales/daily", &body).await.expect(200);
}

async fn demand(person: &Person<'_>, query: &str) -> Answer {
    person.get_caught_up(&format!("/products/A/demand?{query}")).await.expect(200)
}

async fn shop(app: &TestApp) -> Person<'_> {
    let owner = app.register("Demand").await;
    owner.product("A").await;
    owner
}

fn units(answer: &Answer) -> Vec<i64> {
    answer.items().iter().map(|day| day["units_sold"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn lines_win_over_the_report_of_their_channel_and_sources_add_up() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    report(&owner, "web", "2024-01-05", 9).await;
    report(&owner, "till", "2024-01-05", 4).await;
    report(&owner, "till", "2024-01-06", 0).await;
    let before = demand(&owner, "from=2024-01-05&to=2024-01-07").await;
    assert_eq!(units(&before), [13, 0, 0]);
    assert_eq!(before.items()[0]["flags"], json!(["REPORTED"]));
    assert_eq!(before.items()[1]["flags"], json!(["REPORTED"]), "a known day without sales");
    assert_eq!(before.items()[2]["flags"], json!([]));

    sell(&owner, &[line("sale", "web", "1", 2, "2024-01-05T12:00:00Z")]).await;
    let after = demand(&owner, "from=2024-01-05&to=2024-01-05").await;
    assert_eq!(units(&after), [6], "the two lines of web and the four of the till");
    assert_eq!(after.items()[0]["overlapping_units"], 9);
    assert!(after.items()[0]["flags"].as_array().unwrap().contains(&json!("OVERLAP")));
    assert_eq!(after.items()[0]["revenue"], json!({"amount": "4.00", "currency": "EUR"}));
    app.stop().await;
}

#[tokio::test]
async fn cancellations_and_returns_count_on_their_own_day_and_never_below_zero() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    sell(
        &owner,
        &[
            line("sale", "web", "1", 5, "2024-01-05T12:00:00Z"),
            line("sale", "web", "2", 3, "2024-01-06T12:00:00Z"),
            line("cancellation", "web", "1", 5, "2024-01-06T13:00:00Z"),
            line("return", "web", "r1", 1, "2024-01-05T13:00:00Z"),
        ],
    )
    .await;
    let days = demand(&owner, "from=2024-01-04&to=2024-01-07").await;
    assert_eq!(units(&days), [0, 4, 0, 0]);
    assert_eq!(days.number("/units_sold"), 4);

    owner.put("/settings", &json!({"count_returns": false})).await.expect(200);
    assert_eq!(units(&demand(&owner, "from=2024-01-05&to=2024-01-05").await), [5]);
    owner.put("/channels/web", &json!({"count_returns": true})).await.expect(200);
    assert_eq!(units(&demand(&owner, "from=2024-01-05&to=2024-01-05").await), [4]);
    app.stop().await;
}

#[tokio::test]
async fn a_day_is_the_companys_day() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    // London is an hour ahead of UTC in summer.
    sell(
        &owner,
        &[
            line("sale", "web", "1", 1, "2024-06-30T22:59:59Z"),
            line("sale", "web", "2", 2, "2024-06-30T23:00:00Z"),
            line("sale", "web", "3", 4, "2024-12-01T00:30:00+02:00"),
        ],
    )
    .await;
    assert_eq!(units(&demand(&owner, "from=2024-06-30&to=2024-07-01").await), [1, 2]);
    app.stop().await;
}

#[tokio::test]
async fn demand_and_closing_stock_by_location() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    owner.location("SHOP", "STORE").await;
    owner.opening_at("A", "MAIN", 5, "2024-01-04T18:00:00Z").await;
    let mut there = line("sale", "web", "2", 3, "2024-01-06T12:00:00Z");
    there["location_id"] = json!("SHOP");
    sell(&owner, &[line("sale", "web", "1", 5, "2024-01-05T12:00:00Z"), there]).await;
    let all = demand(&owner, "from=2024-01-03&to=2024-01-06").await;
    assert_eq!(units(&all), [0, 0, 5, 3]);
    let stock: Vec<&Value> = all.items().iter().map(|day| &day["stock_on_date"]).collect();
    assert_eq!(stock, [&Value::Null, &json!(5), &json!(0), &json!(-3)]);
    assert_eq!(all.items()[2]["flags"], json!(["STOCKOUT"]));
    let main = demand(&owner, "from=2024-01-03&to=2024-01-06&location_id=MAIN").await;
    assert_eq!(units(&main), [0, 0, 5, 0]);
    assert_eq!(main.items()[3]["stock_on_date"], 0);

    owner.get("/products/A/demand?from=2020-01-01&to=2024-01-01").await.expect_code(422, "range_too_long");
    owner.get("/products/A/demand?from=2024-01-02&to=2024-01-01").await.expect(422);
    owner.get("/products/NOBODY/demand").await.expect_code(404, "unknown_item");
    let packer = owner.member("packer", "WAREHOUSE").await;
    let hidden = packer.get("/products/A/demand?from=2024-01-05&to=2024-01-05").await.expect(200);
    assert_eq!(hidden.items()[0]["revenue"], Value::Null);
    app.stop().await;
}

#[tokio::test]
async fn as_many_reports_as_are_allowed_fit_into_one_request() {
    let app = TestApp::start().await;
    let owner = app.register("Reports").await;
    let report = |number: usize| {
        json!({"source": "a till with a long name", "item_id": format!("nobody knows {number}"), "units_sold": 1,
            "date_local": "2024-01-05", "revenue": {"amount": "1.00", "currency": "EUR"}})
    };
    let answer = owner.post("/sales/daily", &(0..10_000).map(report).collect()).await.expect(200);
    assert_eq!(answer.number("/rejected"), 10_000);
    owner.post("/sales/daily", &(0..10_001).map(report).collect()).await.expect_code(422, "too_many_lines");
    app.stop().await;
}
