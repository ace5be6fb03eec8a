//! Stock day by day beside the dashboards of those days, and metrics computed anew.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tests::{Person, TestApp, until};

/// Eight products at two places that were opened, sold and bought back on different days.
async fn shop(app: &TestApp) -> Person<'_> {
    let owner = app.register("Trends").await.key("OWNER").await;
    owner.location("SHOP", "STORE").await;
    let now = app.running.state.clock.now();
    let products: Vec<Value> = (0..8)
        .map(|item| {
            json!({"item_id": format!("T{item}"), "product_name": "Thing",
                "unit_cost": {"amount": format!("{item}.35"), "currency": "EUR"}})
        })
        .collect();
    owner.post("/products", &json!(products)).await.expect(200);
    for item in 0..8_i64 {
        let id = format!("T{item}");
        owner.opening_at(&id, "MAIN", 10 * item, &ago(now, 30 + item)).await;
        if item % 3 == 0 {
            owner.opening_at(&id, "SHOP", 4 * item + 1, &ago(now, 20)).await;
        }
    }
    let sold: Vec<Value> = (0..60_i64)
        .map(|line| {
            json!({"channel": "web", "order_id": line.to_string(), "line_id": line.to_string(),
                "item_id": format!("T{}", line * 5 % 8), "location_id": "MAIN", "quantity": 1 + line % 4,
                "sold_at": ago(now, line % 28)})
        })
        .collect();
    let answer = owner.post("/sales/batch", &json!(sold)).await.expect(200);
    assert_eq!(answer.number("/accepted"), 60, "{:#}", answer.body);
    owner
}

fn ago(now: DateTime<Utc>, days: i64) -> String {
    (now - TimeDelta::days(days)).to_rfc3339()
}

fn amount(value: &Value) -> Decimal {
    value["amount"].as_str().unwrap().parse().unwrap()
}

fn date(value: &Value) -> NaiveDate {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn trends_are_the_values_of_the_dashboards_of_their_days() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let trends = owner.get_caught_up("/analytics/inventory-trends").await.expect(200);
    let days = trends.items();
    assert_eq!(days.len(), 30);
    let today = date(&trends.body["to"]);
    assert_eq!(date(&trends.body["from"]) + Days::new(29), today);
    let mut values = Vec::new();
    for (day, back) in days.iter().rev().zip(0..) {
        assert_eq!(date(&day["date_local"]) + Days::new(back), today);
        if back % 4 < 2 {
            let as_of = format!("as_of={}", date(&day["date_local"]));
            let there = owner.get_caught_up(&format!("/dashboard?{as_of}")).await.expect(200).body;
            let expected = &there["metrics"]["total_inventory_value"];
            assert_eq!(amount(&day["inventory_value"]), amount(expected), "{as_of}");
            let list = owner.get_caught_up(&format!("/inventory?page_size=500&{as_of}")).await.expect(200);
            let units = list.items().iter().map(|item| item["total_stock"].as_i64().unwrap().max(0));
            assert_eq!(units.sum::<i64>(), day["units"].as_i64().unwrap(), "{as_of}");
        }
        values.push(amount(&day["inventory_value"]));
    }
    values.dedup();
    assert!(values.len() > 10, "they change: {values:?}");
    let now = owner.get_caught_up("/dashboard").await.expect(200).body;
    let widget = &now["widgets"]["total_inventory_value"];
    let week_ago = days.iter().rev().nth(7).unwrap();
    assert_eq!(amount(&week_ago["inventory_value"]), amount(&widget["value_7_days_ago"]), "{widget:#}");

    owner.post("/products/T3/deactivate", &json!({})).await.expect(200);
    let after = owner.get_caught_up("/analytics/inventory-trends").await.expect(200);
    assert_eq!(after.items(), days, "stock of what is not planned any more stays in the value");
    let there = owner.get("/analytics/inventory-trends?location_id=SHOP").await.expect(200);
    let units: Vec<i64> = there.items().iter().map(|day| day["units"].as_i64().unwrap()).collect();
    let opened = 1 + (4 * 3 + 1) + (4 * 6 + 1);
    assert_eq!((units[0], units[29]), (0, opened), "opened twenty days ago");
    assert_eq!(units.iter().filter(|units| **units == opened).count(), 21);
    app.stop().await;
}

#[tokio::test]
async fn another_cost_counts_from_its_day_and_money_is_hidden_from_the_warehouse() {
    let app = TestApp::start().await;
    let owner = app.register("Costs").await.key("OWNER").await;
    let cost = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let product = json!({"item_id": "A", "product_name": "A", "unit_cost": cost("2.00")});
    owner.post("/products", &product).await.expect(201);
    let now = app.running.state.clock.now();
    owner.opening_at("A", "MAIN", 10, &ago(now, 3)).await;
    app.running.state.clock.advance(TimeDelta::days(2));
    until("two days", async || (owner.events("&type=DayStarted").await.len() >= 3).then_some(())).await;
    owner.put("/products/A", &json!({"unit_cost": cost("3.50")})).await.expect(200);
    let trends = owner.get_caught_up("/analytics/inventory-trends").await.expect(200);
    let values: Vec<&str> =
        trends.items().iter().map(|day| day["inventory_value"]["amount"].as_str().unwrap()).collect();
    assert_eq!(values[23..], ["0.00", "20.00", "20.00", "20.00", "20.00", "20.00", "35.00"]);

    let packer = owner.key("WAREHOUSE").await;
    let hidden = packer.get("/analytics/inventory-trends").await.expect(200);
    assert_eq!(
        (&hidden.items()[29]["inventory_value"], hidden.number("/items/29/units")),
        (&Value::Null, 10)
    );
    for (query, code) in [
        ("from=2024-01-02&to=2024-01-01", "invalid_parameter"),
        ("from=2020-01-02", "range_too_long"),
        ("from=1066-10-14", "invalid_parameter"),
        ("from=soon", "invalid_parameter"),
        ("format=csv", "unknown_parameter"),
    ] {
        let path = format!("/analytics/inventory-trends?{query}");
        owner.get(&path).await.expect_code(422, code);
    }
    owner.get("/analytics/inventory-trends?location_id=NOWHERE").await.expect(404);
    let day = owner.get("/analytics/inventory-trends?from=2024-01-01&to=2024-01-01").await.expect(200);
    assert_eq!((day.items().len(), day.number("/items/0/units")), (1, 0));
    app.stop().await;
}

#[tokio::test]
async fn metrics_are_computed_anew_by_a_job_that_tells_what_was_wrong() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    owner.get("/inventory/metrics/refresh").await.expect(404);
    let right = owner.get_caught_up("/inventory?sort=item_id").await.expect(200).body;
    assert_eq!(refreshed(&owner).await["changed"], 0, "plans follow every fact by themselves");

    let spoil = "update planning_1.plans set gross_need = 12345, order_quantity = 777 where item_key = 'T1';
        delete from planning_1.plans where item_key = 'T2'";
    sqlx::raw_sql(spoil).execute(app.database.owner()).await.unwrap();
    let compared = owner.post("/inventory/metrics/refresh?diff_only=true", &json!({})).await.expect(202);
    let compared = finished(&owner, compared.text("/job_id")).await;
    assert_eq!(compared["changed"], 2);
    let result = refreshed(&owner).await;
    assert_eq!((&result["changed"], &result["items"]), (&json!(2), &json!(8)));
    let shown = owner.get_caught_up("/inventory?sort=item_id").await.expect(200).body;
    assert_eq!(shown, right, "also in the lists that are kept in memory");
    let receive = json!({"item_id": "T1", "location_id": "MAIN", "quantity": 1});
    owner.post("/inventory/receive", &receive).await.expect(200);
    let read = owner.get_caught_up("/products/T1/metrics").await.expect(200);
    let before = right["items"][1]["total_stock"].as_i64().unwrap();
    assert_eq!(read.number("/stock"), before + 1, "and folding goes on");

    let viewer = owner.key("VIEWER").await;
    viewer.post("/inventory/metrics/refresh", &json!({})).await.expect(403);
    assert_eq!(viewer.get("/inventory/metrics/refresh").await.expect(200).text("/kind"), "refresh_metrics");
    app.stop().await;
}

/// Refreshes and waits for it; what the job tells.
async fn refreshed(person: &Person<'_>) -> Value {
    let started = person.post("/inventory/metrics/refresh", &json!({})).await.expect(202);
    let id = started.text("/job_id");
    assert_eq!(started.headers["location"], format!("/api/v1/jobs/{id}").as_str());
    finished(person, id).await
}

/// What the job tells, which is the last one, once it has ended.
async fn finished(person: &Person<'_>, id: &str) -> Value {
    until("the metrics", async || {
        let last = person.get("/inventory/metrics/refresh").await.expect(200);
        assert_eq!(last.text("/job_id"), id);
        (last.text("/state") == "finished").then(|| last.body["result"].clone())
    })
    .await
}
