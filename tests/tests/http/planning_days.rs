//! What is known of days, forecasts from elsewhere, and recommendations that nobody wants to see.

use chrono::{Days, NaiveDate};
use domain::planning::recommendation::{RecommendationId, RecommendationType};
use domain::shared::ids::ItemId;
use serde_json::{Value, json};
use tests::{Person, TestApp};

async fn demand(person: &Person<'_>) -> Vec<Value> {
    let path = "/products/A/demand?from=2024-01-05&to=2024-01-07";
    person.get_caught_up(path).await.expect(200).items().to_vec()
}

#[tokio::test]
async fn holidays_and_covariates_stand_in_the_demand_of_a_product() {
    let app = TestApp::start().await;
    let owner = app.register("Days").await;
    owner.product("A").await;
    let christmas =
        owner.put("/settings/holidays/2024-01-07", &json!({"name": " Рождество "})).await.expect(200);
    assert_eq!((christmas.text("/name"), christmas.text("/date_local")), ("Рождество", "2024-01-07"));
    owner.put("/settings/holidays/2024-01-06", &json!({"name": "Typo"})).await.expect(200);
    assert_eq!(owner.delete("/settings/holidays/2024-01-06").await.expect(200).body["name"], Value::Null);
    let set = json!([
        {"date_local": "2024-01-05", "promotion_flag": true, "marketing_spend": "12.5"},
        {"date_local": "2024-01-07", "holiday_flag": false, "marketing_spend": {"amount": 3, "currency": "EUR"}},
    ]);
    let answer = owner.put("/products/A/covariates", &set).await.expect(200);
    assert_eq!(answer.items()[0]["marketing_spend"], json!({"amount": "12.50", "currency": "EUR"}));
    let written = app.written().await;
    owner.put("/products/A/covariates", &set).await.expect(200);
    owner.put("/settings/holidays/2024-01-07", &json!({"name": "Рождество"})).await.expect(200);
    owner.delete("/settings/holidays/2024-01-06").await.expect(200);
    assert_eq!(app.written().await, written, "what is known already is no event");

    let days = demand(&owner).await;
    let seen = |day: &Value| {
        let flags = ["promotion_flag", "holiday_flag", "is_weekend"].map(|name| day[name].as_bool().unwrap());
        (flags, day["marketing_spend"]["amount"].clone())
    };
    let seen: Vec<_> = days.iter().map(seen).collect();
    let expected = [
        ([true, false, false], json!("12.50")),
        ([false, false, true], json!("0.00")),
        ([false, false, true], json!("3.00")),
    ];
    assert_eq!(seen, expected, "the product's own flag goes before the company's holiday");
    owner.put("/products/A/covariates", &json!({"date_local": "2024-01-07"})).await.expect(200);
    assert_eq!(demand(&owner).await[2]["holiday_flag"], true, "nothing of its own any more");

    let list = owner.get_caught_up("/settings/holidays").await.expect(200);
    assert_eq!(list.items(), [json!({"date_local": "2024-01-07", "name": "Рождество"})]);
    let later = owner.get_caught_up("/settings/holidays?from=2024-01-08").await.expect(200);
    assert_eq!(later.number("/total"), 0);
    let locked = owner.get_caught_up("/company").await.expect(200);
    assert_eq!(locked.body["currency_locked"], true, "money was spent in it");
    let packer = owner.member("packer", "WAREHOUSE").await;
    assert_eq!(demand(&packer).await[0]["marketing_spend"], Value::Null, "hidden");
    app.stop().await;
}

#[tokio::test]
async fn days_that_cannot_be_are_refused_by_their_place() {
    let app = TestApp::start().await;
    let owner = app.register("Refused").await;
    owner.product("A").await;
    let written = app.written().await;
    let day = |date: &str, spend: Value| json!({"date_local": date, "marketing_spend": spend});
    let dollars = json!({"amount": "1", "currency": "USD"});
    for (code, status, pointer, body) in [
        (
            "negative",
            422,
            "/1/marketing_spend",
            json!([day("2024-01-05", json!(1)), day("2024-01-06", json!(-1))]),
        ),
        ("too_many_decimals", 422, "/marketing_spend", day("2024-01-05", json!("0.125"))),
        ("too_large", 422, "/marketing_spend", day("2024-01-05", json!("1000000000000"))),
        ("other_currency", 409, "/marketing_spend", day("2024-01-05", dollars)),
        ("year_out_of_range", 422, "/date_local", day("1066-10-14", json!(1))),
        ("invalid_value", 422, "/0/date_local", json!([day("2024-02-30", json!(1))])),
        (
            "day_twice",
            422,
            "/1/date_local",
            json!([day("2024-01-05", json!(1)), day("2024-01-05", json!(2))]),
        ),
        ("unknown_field", 422, "/is_weekend", json!({"date_local": "2024-01-05", "is_weekend": true})),
        ("row_count", 422, "", json!([])),
    ] {
        let refused = owner.put("/products/A/covariates", &body).await.expect_code(status, code);
        assert_eq!(refused.text("/errors/0/pointer"), pointer, "{code}");
    }
    let day = day("2024-01-05", json!(1));
    owner.put("/products/NONE/covariates", &day).await.expect_code(404, "unknown_item");
    owner.put("/settings/holidays/2024-01-06", &json!({"name": " "})).await.expect_code(422, "empty");
    let far = owner.put("/settings/holidays/1066-10-14", &json!({"name": "x"})).await;
    far.expect_code(422, "year_out_of_range");
    assert_eq!(app.written().await, written);

    let marketer = owner.member("marketer", "MARKETING").await;
    marketer.put("/products/A/covariates", &day).await.expect(200);
    marketer.put("/settings/holidays/2024-01-06", &json!({"name": "x"})).await.expect(403);
    app.stop().await;
}

#[tokio::test]
async fn imported_forecasts_are_published_as_one_run_with_a_verdict_for_each_row() {
    let app = TestApp::start().await;
    let owner = app.register("Forecasts").await;
    owner.product("A").await;
    owner.post("/products", &json!({"item_id": "B", "sku": "SKU-B", "name": "B"})).await.expect(201);
    owner.put("/products/A", &json!({"item_id": "A2"})).await.expect(200);
    let mut daily = vec![json!(1.5); 30];
    daily[29] = json!("2.25");
    let rows = json!([
        {"item_id": "A2", "model": "chronos-2", "daily": daily},
        {"item_id": "A", "model": "chronos-2", "forecast_14d": 1, "forecast_30d": 2},
        {"item_id": "NOBODY", "model": "chronos-2", "forecast_14d": 1, "forecast_30d": 2},
        {"sku": "SKU-B", "model": "chronos-2", "forecast_14d": 14, "forecast_30d": 30},
        7,
    ]);
    let answer = owner.post_keyed("/forecasts/import", "run-1", &rows).await.expect(200);
    assert_eq!((answer.number("/accepted"), answer.number("/rejected")), (2, 3), "{:#}", answer.body);
    let errors = answer.body["errors"].as_array().unwrap();
    let refused: Vec<_> = errors
        .iter()
        .map(|error| (error["line"].as_i64().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    assert_eq!(refused, [(2, "item_twice"), (3, "unknown_item"), (5, "invalid_value")]);
    let written = app.written().await;
    let again = owner.post_keyed("/forecasts/import", "run-1", &rows).await.expect(200);
    assert_eq!((&again.body, app.written().await), (&answer.body, written));

    let run = &owner.events("&type=ForecastRunPublished").await[0]["data"];
    assert_eq!((run["trigger"].as_str(), run["items"].as_i64()), (Some("IMPORTED"), Some(2)));
    assert_eq!(
        (&run["run_id"], &run["published_on"]),
        (&answer.body["run_id"], &answer.body["published_on"])
    );
    let date = |text: &Value| text.as_str().unwrap().parse::<NaiveDate>().unwrap();
    assert_eq!(date(&run["demand_until"]) + Days::new(1), date(&run["published_on"]));
    let part = &owner.events("&type=ForecastsPublished").await[0]["data"];
    assert_eq!(part["forecasts"][0]["item_id"], "A", "the key of its streams");
    assert_eq!(part["forecasts"][0]["forecast_30d"], "45.7500");
    assert_eq!(part["forecasts"][1]["daily_forecast"], "1.0000");

    let nothing = owner.post("/forecasts/import", &json!([{"item_id": "NOBODY"}])).await.expect(200);
    assert_eq!((nothing.number("/accepted"), &nothing.body["run_id"]), (0, &Value::Null));
    let unknown = json!([{"item_id": "NOBODY", "model": "m", "forecast_14d": 1, "forecast_30d": 2}]);
    let nothing = owner.post("/forecasts/import", &unknown).await.expect(200);
    assert_eq!((nothing.number("/rejected"), &nothing.body["run_id"]), (1, &Value::Null));
    owner.post("/forecasts/import?location_id=NOWHERE", &rows).await.expect_code(404, "unknown_location");
    let prophetic = owner.post("/forecasts/import?demand_until=2999-01-01", &rows).await;
    assert_eq!(prophetic.expect_code(422, "demand_not_known").text("/errors/0/pointer"), "?demand_until");
    owner.post("/forecasts/import", &json!([])).await.expect_code(422, "row_count");
    assert_eq!(app.written().await, written);
    app.stop().await;
}

fn id(item: &str) -> String {
    let (kind, item_id) = (RecommendationType::Reorder, ItemId::new(item).unwrap());
    RecommendationId { kind, episode: 1, location_id: None, item_id }.to_string()
}

#[tokio::test]
async fn a_recommendation_is_dismissed_for_its_episode_until_a_day_or_for_ever() {
    let app = TestApp::start().await;
    let owner = app.register("Dismissed").await;
    // Nothing is there, and somebody expects to sell it.
    let tea = json!({"item_id": "чай/~1", "product_name": "Чай", "manual_daily_forecast": "1.5"});
    owner.post("/products", &tea).await.expect(201);
    let path = format!("/recommendations/{}/dismiss", id("чай/~1"));
    let first = owner.post(&path, &json!({"notes": " sold anyway "})).await.expect(200);
    assert_eq!(
        (first.text("/type"), first.text("/item_id"), first.text("/scope")),
        ("REORDER", "чай/~1", "episode")
    );
    assert_eq!((first.text("/notes"), first.text("/id")), ("sold anyway", id("чай/~1").as_str()));
    let written = app.written().await;
    owner.post(&path, &json!({"scope": "episode"})).await.expect(200);
    assert_eq!(app.written().await, written, "it is dismissed already");
    let today = app.running.state.clock.now().date_naive();
    let until = today + Days::new(9);
    owner.post(&path, &json!({"scope": "until", "until": until})).await.expect(200);
    let place = path.replace("~1~", "~1~MAIN~");
    let there = owner.post(&place, &json!({"scope": "forever"})).await.expect(200);
    assert_eq!(there.text("/location_id"), "MAIN");

    let events = owner.events("&type=RecommendationDismissed").await;
    assert_eq!(events.len(), 3);
    assert_eq!(events[0]["data"]["dismissal"], json!({"scope": "episode", "episode": 1}));
    assert!(events[0]["data"]["dismissed_by"].is_string(), "{:#}", events[0]);
    let list = owner.get_caught_up("/recommendations/dismissed").await.expect(200);
    let scopes: Vec<&str> = list.items().iter().map(|row| row["scope"].as_str().unwrap()).collect();
    assert_eq!(scopes, ["forever", "until", "episode"]);
    assert_eq!(list.items()[1]["until"], json!(until));

    let written = app.written().await;
    let past = json!({"scope": "until", "until": today - Days::new(2)});
    let refused = owner.post(&path, &past).await.expect_code(422, "date_is_over");
    assert_eq!(refused.text("/errors/0/pointer"), "/until");
    owner.post(&path, &json!({"scope": "until"})).await.expect_code(422, "missing");
    owner.post(&path, &json!({"until": until})).await.expect_code(422, "invalid_value");
    owner.post(&path, &json!({"scope": "sometimes"})).await.expect_code(422, "invalid_value");
    owner.post(&path, &json!({"notes": "x".repeat(2_001)})).await.expect_code(422, "too_long");
    let nowhere = path.replace("~1~", "~1~NOWHERE~");
    owner.post(&nowhere, &json!({})).await.expect_code(404, "unknown_location");
    for gone in ["REORDER~2~", "PROMOTE~1~", "PROMOTE~1~MAIN~", "REORDER~2~MAIN~"] {
        let path = path.replace("REORDER~1~", gone);
        owner.post(&path, &json!({})).await.expect_code(404, "not_found");
    }
    let nobody = format!("/recommendations/{}/dismiss", id("NOBODY"));
    owner.post(&nobody, &json!({})).await.expect_code(404, "unknown_item");
    for wrong in ["nonsense", "PROMOTE~0~A", "PROMOTE~1~%D1%87", "PROMOTE~1~a.2fb"] {
        let path = format!("/recommendations/{wrong}/dismiss");
        owner.post(&path, &json!({})).await.expect_code(404, "not_found");
    }
    for (name, role, status) in [("m", "MARKETING", 200), ("w", "WAREHOUSE", 403), ("v", "VIEWER", 403)] {
        owner.member(name, role).await.post(&path, &json!({})).await.expect(status);
    }
    assert_eq!(app.written().await, written);
    app.stop().await;
}
