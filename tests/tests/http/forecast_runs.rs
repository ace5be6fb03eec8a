//! Runs of forecasts, asked for and made when a day begins; how good they were.

use std::time::Duration;

use chrono::{Days, NaiveDate, TimeDelta};
use connectors::forecaster::ForecasterConfig;
use reqwest::Url;
use serde_json::{Value, json};
use tests::{Answer, Person, TestApp, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn today(app: &TestApp) -> NaiveDate {
    app.running.state.clock.now().date_naive()
}

/// Units of a product sold on a day, around noon.
fn sold(item: &str, on: NaiveDate, units: i64) -> Value {
    json!({"channel": "web", "order_id": "O", "line_id": format!("{item} {on}"), "item_id": item, "location_id": "MAIN",
        "quantity": units, "sold_at": format!("{on}T11:00:00Z")})
}

/// Sales of a product on many days before today, the newest yesterday.
async fn sell(owner: &Person<'_>, item: &str, units: impl IntoIterator<Item = i64>) {
    let yesterday = today(owner.app) - Days::new(1);
    let days = (0..).zip(units).filter(|(_, units)| *units > 0);
    let lines: Vec<Value> = days.map(|(ago, units)| sold(item, yesterday - Days::new(ago), units)).collect();
    let answer = owner.post("/sales/batch", &json!(lines)).await.expect(200);
    assert_eq!(answer.number("/accepted"), i64::try_from(lines.len()).unwrap(), "{:#}", answer.body);
}

/// A run that somebody asks for, once it is there.
async fn run(owner: &Person<'_>, body: Value) -> Answer {
    let started = owner.post("/forecast", &body).await.expect(202);
    assert_eq!(started.headers["location"], format!("/api/v1/jobs/{}", started.text("/job_id")).as_str());
    let path = format!("/forecast/{}", started.text("/run_id"));
    until(&path, async || {
        let read = owner.get(&path).await.expect(200);
        assert!(!["failed", "empty"].contains(&read.text("/status")), "{:#}", read.body);
        (read.text("/status") == "published").then_some(read)
    })
    .await
}

async fn plans(owner: &Person<'_>) -> Value {
    let list = owner.get_caught_up("/inventory?page_size=500&sort=item_id").await.expect(200);
    json!(list.items())
}

#[tokio::test]
async fn a_run_by_the_rules_says_what_the_plans_say_and_changes_none() {
    let app = TestApp::start().await;
    let owner = app.register("Runs").await;
    for item in ["A", "B", "GONE"] {
        owner.product(item).await;
    }
    owner.post("/products/GONE/deactivate", &json!({})).await.expect(200);
    owner.put("/products/B", &json!({"manual_daily_forecast": "1.5"})).await.expect(200);
    sell(&owner, "A", [3; 20]).await;
    let before = plans(&owner).await;
    let made = run(&owner, json!({})).await;
    assert_eq!((made.text("/trigger"), made.text("/policy")), ("REQUESTED", "MOVING_AVERAGE"));
    assert_eq!((made.number("/items_forecast"), made.number("/total")), (2, 2), "{:#}", made.body);
    let day = today(&app);
    assert_eq!(made.text("/published_on"), day.to_string());
    assert_eq!(made.text("/demand_until"), (day - Days::new(1)).to_string());
    assert_eq!(made.text("/inputs_hash").len(), 64);
    for (row, item) in made.items().iter().zip(["A", "B"]) {
        let metrics = owner.get_caught_up(&format!("/products/{item}/metrics")).await.expect(200);
        for name in ["item_id", "method", "daily_forecast", "forecast_14d", "forecast_30d"] {
            assert_eq!(row[name], metrics.body[name], "{item} {name}");
        }
        assert_eq!(row["daily"].as_array().unwrap().len(), 30);
    }
    assert_eq!(plans(&owner).await, before);

    let hash = made.text("/inputs_hash").to_owned();
    let same = run(&owner, json!({})).await;
    assert_eq!(same.text("/inputs_hash"), hash, "computed from the same");
    assert_ne!(same.text("/run_id"), made.text("/run_id"));
    sell(&owner, "B", [1; 3]).await;
    let other = run(&owner, json!({})).await;
    assert_ne!(other.text("/inputs_hash"), hash);
    let latest = owner.get_caught_up("/forecast/latest").await.expect(200);
    assert_eq!(latest.body, other.body);
    let path = format!("/forecast/{}", made.text("/run_id"));
    assert_eq!(owner.get(&path).await.expect(200).body, made.body, "what was published stays");
    let manual = owner.get(&format!("{path}?method=MANUAL&page_size=1")).await.expect(200);
    assert_eq!((manual.number("/total"), &manual.items()[0]["item_id"]), (1, &json!("B")));
    let file = owner.get(&format!("{path}?format=csv")).await.expect(200);
    assert_eq!(file.body.as_str().unwrap().lines().count(), 3, "{}", file.body);
    app.stop().await;
}

#[tokio::test]
async fn a_run_is_made_for_one_location_and_refused_where_it_cannot_be() {
    let app = TestApp::start().await;
    let owner = app.register("Places").await;
    owner.product("A").await;
    owner.location("SHOP", "STORE").await;
    sell(&owner, "A", [2; 10]).await;
    let there = run(&owner, json!({"location_id": "SHOP"})).await;
    assert_eq!((there.text("/location_id"), &there.items()[0]["daily_forecast"]), ("SHOP", &json!(0.0)));
    owner.get_caught_up("/forecast/latest").await.expect_code(404, "not_found");
    let latest = owner.get_caught_up("/forecast/latest?location_id=SHOP&policy=MOVING_AVERAGE").await;
    assert_eq!(latest.expect(200).text("/run_id"), there.text("/run_id"));

    let first = owner.post_keyed("/forecast", "run-1", &json!({})).await.expect(202);
    let again = owner.post_keyed("/forecast", "run-1", &json!({})).await.expect(202);
    assert_eq!(first.body, again.body);
    owner.post("/forecast", &json!({"location_id": "NOWHERE"})).await.expect_code(404, "unknown_location");
    let refused =
        owner.post("/forecast", &json!({"policy": "MAGIC"})).await.expect_code(422, "invalid_value");
    assert_eq!(refused.text("/errors/0/pointer"), "/policy");
    owner.post("/forecast", &json!({"nonsense": 1})).await.expect_code(422, "unknown_field");
    let outside = owner.post("/forecast", &json!({"policy": "EXTERNAL"})).await;
    outside.expect_code(409, "no_model_service");
    let path = format!("/forecast/{}", there.text("/run_id"));
    owner.get(&format!("{path}?method=MAGIC")).await.expect_code(422, "invalid_parameter");
    owner.get("/forecast/latest?policy=MAGIC").await.expect(422);
    let day = until("the day", async || {
        let jobs = owner.get("/jobs?kind=day_start").await.expect(200);
        jobs.items().first().map(|job| job["job_id"].as_str().unwrap().to_owned())
    })
    .await;
    owner.get(&format!("/forecast/{day}")).await.expect_code(404, "not_found");
    for (name, role, status) in [("m", "MARKETING", 202), ("w", "WAREHOUSE", 403), ("v", "VIEWER", 403)] {
        let member = owner.member(name, role).await;
        member.post("/forecast", &json!({})).await.expect(status);
        member.get(&path).await.expect(200);
    }
    let stranger = app.register("Stranger").await;
    stranger.get(&path).await.expect_code(404, "not_found");
    app.stop().await;
}

#[tokio::test]
async fn an_automatic_run_takes_the_better_method_and_plans_follow_it() {
    let app = TestApp::start().await;
    let owner = app.register("Automatic").await;
    for item in ["A", "B"] {
        owner.product(item).await;
        // Every fourth week sells: a long memory wins over the last two weeks.
        sell(&owner, item, (0..280).map(|ago| if ago % 28 < 7 { 8 } else { 0 })).await;
    }
    owner.product("NEW").await;
    owner.put("/settings/forecast-policy", &json!({"policy": "AUTOMATIC"})).await.expect(200);
    let by_rules = owner.get_caught_up("/products/A/metrics").await.expect(200);
    assert_eq!(by_rules.text("/method"), "MOVING_AVERAGE", "nothing was published yet");
    let made = run(&owner, json!({})).await;
    assert_eq!(made.text("/policy"), "AUTOMATIC");
    let [a, _, new] = made.items() else { panic!("{:#}", made.body) };
    assert_ne!(a["method"], "MOVING_AVERAGE");
    assert_eq!(new["method"], "MANUAL", "there is nothing to choose by");
    let followed = owner.get_caught_up("/products/A/metrics").await.expect(200);
    assert_eq!(
        (&followed.body["method"], &followed.body["forecast_14d"]),
        (&a["method"], &a["forecast_14d"])
    );
    let seedless = owner.get_caught_up("/products/NEW/metrics").await.expect(200);
    assert_eq!(seedless.body["needs_seed"], true, "the rules hold where the run says what they say");
    run(&owner, json!({"policy": "MOVING_AVERAGE"})).await;
    let still = owner.get_caught_up("/products/A/metrics").await.expect(200);
    assert_eq!(still.body["method"], a["method"], "a run by another policy than the company's");
    owner.put("/settings/forecast-policy", &json!({"policy": "MOVING_AVERAGE"})).await.expect(200);
    let back = owner.get_caught_up("/products/A/metrics").await.expect(200);
    assert_eq!(back.body["daily_forecast"], by_rules.body["daily_forecast"]);
    app.stop().await;
}

#[tokio::test]
async fn exponential_smoothing_is_asked_and_the_rules_speak_where_it_says_nothing() {
    let app = TestApp::start().await;
    let owner = app.register("Smoothing").await;
    for item in ["SHORT", "STOPPED", "WEEKLY"] {
        owner.product(item).await;
    }
    owner.product("NEVER").await;
    sell(&owner, "SHORT", [3; 20]).await;
    // Nothing within a quarter.
    sell(&owner, "STOPPED", (0..200).map(|ago| if ago < 120 { 0 } else { 4 })).await;
    // Fourteen on one day of the week: yesterday, and seven days later again.
    sell(&owner, "WEEKLY", (0..100).map(|ago| if ago % 7 == 0 { 14 } else { 0 })).await;
    let chosen = owner.put("/settings/forecast-policy", &json!({"policy": "AUTO_ETS"})).await.expect(200);
    assert_eq!(chosen.text("/policy"), "AUTO_ETS");
    let made = run(&owner, json!({})).await;
    assert_eq!((made.text("/policy"), made.number("/fell_back")), ("AUTO_ETS", 3), "{:#}", made.body);
    let methods: Vec<&str> = made.items().iter().map(|row| row["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["MANUAL", "MOVING_AVERAGE", "MOVING_AVERAGE", "AUTO_ETS"], "{:#}", made.body);
    let weekly = &made.items()[3];
    for (day, units) in (1..).zip(weekly["daily"].as_array().unwrap()) {
        let expected = if day % 7 == 0 { 14.0 } else { 0.0 };
        assert!((units.as_f64().unwrap() - expected).abs() < 0.1, "{day}: {units}");
    }
    assert!((weekly["forecast_14d"].as_f64().unwrap() - 28.0).abs() < 0.1, "{weekly:#}");
    let followed = owner.get_caught_up("/products/WEEKLY/metrics").await.expect(200);
    for name in ["method", "daily_forecast", "forecast_14d", "forecast_30d"] {
        assert_eq!(followed.body[name], weekly[name], "{name}");
    }
    let by_rules = owner.get("/products/SHORT/metrics").await.expect(200);
    assert_eq!((by_rules.text("/method"), &by_rules.body["daily_forecast"]), ("MOVING_AVERAGE", &json!(3.0)));

    owner.put("/settings/forecast-policy", &json!({"policy": "MOVING_AVERAGE"})).await.expect(200);
    let asked = run(&owner, json!({"policy": "AUTO_ETS", "location_id": "MAIN"})).await;
    assert_eq!(asked.items()[3]["forecast_14d"], weekly["forecast_14d"], "all was sold there");
    let latest = owner.get_caught_up("/forecast/latest?policy=AUTO_ETS").await.expect(200);
    assert_eq!(latest.text("/run_id"), made.text("/run_id"));
    let of_it = owner.get("/forecast/latest?policy=AUTO_ETS&method=AUTO_ETS").await.expect(200);
    assert_eq!((of_it.number("/total"), &of_it.items()[0]["item_id"]), (1, &json!("WEEKLY")));
    app.stop().await;
}

#[tokio::test]
async fn each_day_publishes_one_run_and_days_that_nobody_saw_none() {
    let app = TestApp::start().await;
    let owner = app.register("Daily").await.key("OWNER").await;
    owner.product("A").await;
    app.running.state.clock.advance(TimeDelta::days(1));
    let daily = async |count: usize| {
        until("runs", async || {
            let runs = owner.events("&type=ForecastRunPublished").await;
            (runs.len() >= count).then_some(runs)
        })
        .await
    };
    assert_eq!(daily(1).await[0]["data"]["trigger"], "DAY_STARTED");
    app.running.state.clock.advance(TimeDelta::days(3));
    let runs = daily(2).await;
    let jobs = until("jobs", async || {
        let jobs = owner.get("/jobs?kind=forecast_run&state=finished").await.expect(200);
        (jobs.number("/total") == 2).then_some(jobs)
    })
    .await;
    assert_eq!(runs.len(), 2, "days in between are over");
    let newest = &runs[1]["data"];
    assert_eq!(newest["published_on"], json!(today(&app)));
    assert_eq!(newest["run_id"], jobs.items()[0]["job_id"]);
    assert_eq!(runs[1]["metadata"]["actor"], "system:scheduler");
    app.stop().await;
}

/// A model on a free port that says something of A, nonsense of B and nothing of anything else. Answers its address.
async fn model() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/forecast", listener.local_addr().unwrap()).parse().unwrap();
    let says = json!({"forecasts": [
        {"item_id": "A", "model": "chronos-2", "daily": vec![2.5; 30], "quantiles": [{"percent": 90, "daily": vec![4; 30]}]},
        {"item_id": "B", "model": "chronos-2", "daily": [1]},
    ]});
    let says = says.to_string();
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{says}", says.len());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = Vec::new();
            // The question ends with its only array of items.
            while !asked.ends_with(b"]}]}") {
                if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_model_outside_is_asked_and_the_rules_speak_where_it_says_nothing_usable() {
    let url = model().await;
    let forecaster = ForecasterConfig { url, time_out: Duration::from_secs(10) };
    let app = TestApp::start_with(|config| config.forecaster = Some(forecaster)).await;
    let owner = app.register("Outside").await;
    for item in ["A", "B", "C"] {
        owner.product(item).await;
        sell(&owner, item, [3; 20]).await;
    }
    owner.product("NEW").await;
    owner.put("/settings/forecast-policy", &json!({"policy": "EXTERNAL"})).await.expect(200);
    let made = run(&owner, json!({})).await;
    assert_eq!((made.text("/policy"), made.number("/fell_back")), ("EXTERNAL", 3), "{:#}", made.body);
    let methods: Vec<&str> = made.items().iter().map(|row| row["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["EXTERNAL", "MOVING_AVERAGE", "MOVING_AVERAGE", "MANUAL"]);
    let a = &made.items()[0];
    assert_eq!((&a["model"], &a["forecast_14d"]), (&json!("chronos-2"), &json!(35.0)));
    assert_eq!((&a["quantiles"][0]["percent"], &a["quantiles"][0]["daily"][29]), (&json!(90), &json!(4.0)));
    let job = owner.get(&format!("/jobs/{}", made.text("/run_id"))).await.expect(200);
    assert!(job.text("/result/failure").contains('B'), "{:#}", job.body);
    let daily = async |item: &str| {
        let metrics = owner.get_caught_up(&format!("/products/{item}/metrics")).await.expect(200);
        metrics.body["daily_forecast"].as_f64().unwrap()
    };
    assert_eq!((daily("A").await, daily("B").await), (2.5, 3.0));
    app.stop().await;
}

/// A company whose forecasts of 14 days are over: two products, a model outside and the rules.
async fn judged(app: &TestApp) -> Person<'_> {
    let owner = app.register("Judged").await.key("OWNER").await;
    for (item, cost) in [("A", "2"), ("B", "1")] {
        let product = json!({"item_id": item, "name": item, "unit_cost": cost});
        owner.post("/products", &product).await.expect(201);
        owner.opening_at(item, "MAIN", 1_000, "2024-01-01T00:00:00Z").await;
    }
    let row = |item: &str, units: i64| json!({"item_id": item, "model": "chronos-2", "forecast_14d": units, "forecast_30d": 2 * units});
    owner.post("/forecasts/import", &json!([row("A", 14), row("B", 28)])).await.expect(200);
    run(&owner, json!({})).await;
    let published_on = today(app);
    app.running.state.clock.advance(TimeDelta::days(14));
    let lines = [
        sold("A", published_on, 100),
        sold("A", published_on + Days::new(1), 7),
        sold("A", published_on + Days::new(13), 3),
        sold("B", published_on + Days::new(5), 30),
    ];
    let taken = owner.post("/sales/batch", &json!(lines)).await.expect(200);
    assert_eq!(taken.number("/accepted"), 4, "{:#}", taken.body);
    app.running.state.clock.advance(TimeDelta::days(1));
    let last = json!(published_on + Days::new(15));
    until("the day", async || {
        let days = owner.events("&type=DayStarted").await;
        days.iter().any(|day| day["data"]["date"] == last).then_some(())
    })
    .await;
    owner
}

#[tokio::test]
async fn forecasts_are_judged_when_their_days_are_over() {
    let app = TestApp::start().await;
    let owner = judged(&app).await;
    let report = owner.get_caught_up("/analytics/forecast-accuracy").await.expect(200);
    assert_eq!(report.text("/published_to"), (today(&app) - Days::new(15)).to_string());
    assert_eq!((report.number("/runs"), report.number("/forecasts")), (2, 4), "{:#}", report.body);
    // The model said 14 and 28 where 10 and 30 were sold, the rules 0 for what was never sold.
    assert_eq!((report.number("/units_sold"), &report.body["wape"]), (80, &json!(57.5)));
    let by = |method: &str| {
        let methods = report.body["by_method"].as_array().unwrap();
        methods.iter().find(|row| row["method"] == method).unwrap().clone()
    };
    let outside = by("EXTERNAL");
    let figures = ["wape", "bias", "mape", "rmse", "wape_at_cost"].map(|name| outside[name].clone());
    assert_eq!(json!(figures), json!([15.0, 5.0, 23.33, 3.1623, 20.0]));
    assert_eq!(outside["error_value"], json!({"amount": "10.00", "currency": "EUR"}));
    assert_eq!((&by("MANUAL")["wape"], &by("MANUAL")["bias"]), (&json!(100.0), &json!(-100.0)));
    assert_eq!((&report.body["trend"], &report.body["last_month"]["wape"]), (&Value::Null, &Value::Null));
    assert_eq!(report.body["days"].as_array().unwrap().len(), 1);
    let worst: Vec<&Value> = report.body["worst_items"].as_array().unwrap().iter().collect();
    assert_eq!((&worst[0]["item_id"], worst.len()), (&json!("B"), 2));

    let board = owner.get("/dashboard").await.expect(200);
    let widget = &board.body["widgets"]["forecast_accuracy"];
    assert_eq!((&widget["wape"], &widget["forecasts"]), (&report.body["wape"], &json!(4)));
    assert_eq!(&owner.get("/dashboard/metrics").await.expect(200).body["forecast_accuracy"], widget);
    let place = owner.get("/dashboard?location_id=MAIN").await.expect(200);
    assert_eq!(place.body["widgets"]["forecast_accuracy"], Value::Null);
    let past = owner.get("/analytics/forecast-accuracy?as_of=2024-06-01").await.expect(200);
    assert_eq!((past.number("/runs"), &past.body["wape"]), (0, &Value::Null));
    let worker = owner.key("WAREHOUSE").await.get("/analytics/forecast-accuracy").await.expect(200);
    assert_eq!((&worker.body["wape"], worker.body.get("error_value")), (&json!(57.5), None));

    app.running.state.clock.advance(TimeDelta::days(14));
    let later = until("two weeks later", async || {
        let report = owner.get_caught_up("/analytics/forecast-accuracy").await.expect(200);
        (report.body["wape_14_days_ago"] == 57.5).then_some(report)
    })
    .await;
    assert_eq!(later.body["trend"], Value::Null, "{:#}", later.body);
    app.stop().await;
}

#[tokio::test]
async fn sources_are_compared_on_the_same_products_and_days() {
    let app = TestApp::start().await;
    let owner = judged(&app).await;
    let found = owner.get_caught_up("/analytics/forecast-comparison").await.expect(200);
    let sources = found.body["sources"].as_array().unwrap();
    let seen: Vec<_> = sources
        .iter()
        .map(|row| {
            (row["source"].as_str().unwrap(), row["wape"].as_f64().unwrap(), row["forecasts"].as_i64())
        })
        .collect();
    assert_eq!(seen, [("chronos-2", 15.0, Some(2)), ("MOVING_AVERAGE", 100.0, Some(2))]);
    let one = owner.get("/analytics/forecast-comparison?sources=MOVING_AVERAGE,nobody").await.expect(200);
    assert_eq!(one.body["sources"].as_array().unwrap().len(), 1);
    let to = found.text("/published_to");
    for (query, pointer) in [
        ("to=2999-01-01".to_owned(), "?to"),
        (format!("to={to}&from=2024-01-01"), "?from"),
        ("to=2024-01-01&from=2024-01-02".to_owned(), "?from"),
    ] {
        let refused = owner.get(&format!("/analytics/forecast-comparison?{query}")).await;
        assert_eq!(refused.expect_code(422, "invalid_parameter").text("/errors/0/pointer"), pointer);
    }
    app.stop().await;
}
