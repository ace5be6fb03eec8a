//! Days and instants that nobody means are refused where they stand, and write nothing.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Person, TestApp};

/// Outside the years that are kept; a reader of JSON and queries takes every one of them for a day.
const ABSURD_DAYS: [&str; 5] = ["0001-01-01", "-0001-06-30", "1899-12-31", "+10000-01-01", "+262000-01-01"];
/// What is no day at all.
const NO_DAYS: [&str; 3] = ["262000-01-01", "2024-02-30", "yesterday"];
/// What is asked of the past at its first and last day.
const LAST_DAYS: [&str; 2] = ["1900-01-01", "9999-12-31"];

fn instant(day: &str) -> String {
    format!("{day}T12:00:00Z")
}

/// Path, with a `?` where it ends, and its parameters that are days or, where `true`, instants alone.
const QUERIES: [(&str, &[&str], bool); 11] = [
    ("/inventory?", &["as_of", "known_at"], false),
    ("/inventory/A/explain?", &["as_of", "known_at"], false),
    ("/inventory/diff?from=1900-01-01&to=9999-12-31&", &["known_at"], false),
    ("/inventory/diff?to=9999-12-31&", &["from"], false),
    ("/inventory/diff?from=1900-01-01&", &["to"], false),
    ("/inventory/movements?", &["from", "to", "as_of", "known_at"], false),
    ("/inventory/movements/A?", &["from", "to", "as_of", "known_at"], false),
    ("/inventory/movements/daily?", &["from", "to"], false),
    ("/products/A/demand?", &["from", "to"], false),
    ("/sales?", &["from", "to"], false),
    ("/events?", &["from", "to", "effective_from", "effective_to"], true),
];

#[tokio::test]
async fn queries_about_absurd_days_name_the_parameter() {
    let app = TestApp::start().await;
    let owner = app.register("Queries").await;
    owner.product("A").await;
    owner.get_caught_up("/products/A").await.expect(200);
    for (path, names, instants_alone) in QUERIES {
        for name in names {
            let ask =
                async |text: &str| owner.get(&format!("{path}{name}={}", text.replace('+', "%2B"))).await;
            for day in ABSURD_DAYS.into_iter().chain(NO_DAYS) {
                let text = if instants_alone { instant(day) } else { day.to_owned() };
                let refused = ask(&text).await.expect_code(422, "invalid_parameter");
                assert_eq!(refused.text("/errors/0/pointer"), format!("?{name}"), "{path} {text}");
            }
            for day in LAST_DAYS {
                let text = if instants_alone { instant(day) } else { day.to_owned() };
                let answer = ask(&text).await;
                // Demand is told for two years at once.
                let too_long = path.contains("demand") && answer.status == 422;
                assert!(answer.status == 200 || too_long, "{path} {text}: {:#}", answer.body);
            }
        }
    }
    for name in ["as_of", "known_at"] {
        owner.get(&format!("/inventory?{name}=9999-12-31T23:59:59-12:00")).await.expect(422);
        owner.get(&format!("/inventory?{name}=1900-01-01T00:00:00%2B14:00")).await.expect(422);
    }
    app.stop().await;
}

/// Every body that speaks of a day or an instant: path, where it stands, whether it is an instant, and the body.
fn bodies(text: &str) -> Vec<(Method, &'static str, &'static str, Value)> {
    let order = |more: Value| {
        let mut body =
            json!({"item_id": "A", "location_id": "MAIN", "quantity": 1, "confirm": ["BACKDATED"]});
        more.as_object().unwrap().iter().for_each(|(key, value)| body[key] = value.clone());
        body
    };
    let adjust = |field: &str| order(json!({"type": "ADD", "reason": "OTHER", field: text}));
    let transfer = json!({"item_id": "A", "from_location_id": "MAIN", "to_location_id": "SHOP", "quantity": 1,
        "transferred_at": text});
    let opening = json!({"item_id": "B", "location_id": "MAIN", "quantity": 1, "opened_at": text});
    let sold = json!({"channel": "web", "order_id": "1", "sold_at": text,
        "lines": [{"item_id": "A", "quantity": 1}, {"item_id": "nobody knows", "quantity": 1}]});
    let post = |path, place, body| (Method::POST, path, place, body);
    vec![
        post("/inventory/adjust", "/adjusted_at", adjust("adjusted_at")),
        post("/inventory/adjust", "/adjusted_at", adjust("effective_at")),
        post("/inventory/adjust/preview", "/adjusted_at", adjust("adjusted_at")),
        post("/inventory/count", "/counted_at", order(json!({"counted_at": text}))),
        post("/inventory/receive", "/received_at", order(json!({"received_at": text}))),
        post("/inventory/return", "/returned_at", order(json!({"returned_at": text}))),
        post("/inventory/transfer", "/transferred_at", transfer),
        post("/inventory/opening", "/opened_at", opening),
        post("/sales", "/sold_at", sold),
    ]
}

async fn send(person: &Person<'_>, method: Method, path: &str, body: &Value) -> Answer {
    Answer::of(person.request(method, path).json(body)).await
}

async fn shop(app: &TestApp) -> Person<'_> {
    let owner = app.register("Bodies").await;
    owner.location("SHOP", "STORE").await;
    owner.product("A").await;
    owner.product("B").await;
    owner.opening("A", 10).await;
    owner
}

#[tokio::test]
async fn bodies_with_absurd_instants_name_the_field_and_write_nothing() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let before = app.written().await;
    let unread = NO_DAYS.map(|day| (day, "invalid_value"));
    let absurd = ABSURD_DAYS.map(|day| (day, "year_out_of_range"));
    for (day, code) in absurd.into_iter().chain(unread).chain([("9999-12-31", "in_the_future")]) {
        for (method, path, place, body) in bodies(&instant(day)) {
            let refused = send(&owner, method, path, &body).await;
            assert_eq!(refused.status, 422, "{path} {day}: {:#}", refused.body);
            assert_eq!(refused.text("/code"), code, "{path} {day}");
            // A field that cannot be read is named as the client wrote it.
            let place = if body["effective_at"].is_string() && code == "invalid_value" {
                "/effective_at"
            } else {
                place
            };
            assert_eq!(refused.text("/errors/0/pointer"), place, "{path} {day}");
        }
    }
    assert_eq!(app.written().await, before);
    app.stop().await;
}

#[tokio::test]
async fn bodies_with_absurd_days_name_the_field_and_write_nothing() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let before = app.written().await;
    let unread = NO_DAYS.map(|day| (day, "invalid_value"));
    let absurd = ABSURD_DAYS.map(|day| (day, "year_out_of_range"));
    let last = [("9999-12-31", "in_the_future")];
    for (day, code) in absurd.into_iter().chain(unread).chain(last) {
        let opening = json!({"item_id": "B", "location_id": "MAIN", "quantity": 1, "date": day});
        let report = json!({"source": "till", "item_id": "A", "date_local": day, "units_sold": 1});
        let product = json!({"item_id": "C", "product_name": "C", "listed_on": day});
        for (method, path, place, body) in [
            (Method::POST, "/inventory/opening", "/date", opening),
            (Method::POST, "/sales/daily", "/date_local", report),
            (Method::POST, "/products", "/listed_on", product.clone()),
            (Method::PUT, "/products/A", "/listed_on", product),
        ] {
            // A product may be listed in years to come.
            if path.starts_with("/products") && code == "in_the_future" {
                continue;
            }
            let refused = send(&owner, method, path, &body).await;
            assert_eq!(refused.status, 422, "{path} {day}: {:#}", refused.body);
            assert_eq!(refused.text("/code"), code, "{path} {day}");
            assert_eq!(refused.text("/errors/0/pointer"), place, "{path} {day}");
        }
    }
    assert_eq!(app.written().await, before);
    app.stop().await;
}

#[tokio::test]
async fn rows_and_lines_with_absurd_instants_are_refused_by_themselves() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let days = ["0001-01-01", "+262000-01-01", "9999-12-31"];
    let codes = ["year_out_of_range", "year_out_of_range", "in_the_future"];
    let row =
        |day: &&str| json!({"item_id": "B", "location_id": "SHOP", "quantity": 1, "opened_at": instant(day)});
    let opened = owner.post("/inventory/opening", &days.iter().map(row).collect()).await.expect(200);
    for (index, (verdict, code)) in opened.items().iter().zip(codes).enumerate() {
        assert_eq!(
            (&verdict["code"], &verdict["pointer"]),
            (&json!(code), &json!(format!("/{index}/opened_at")))
        );
    }
    for item in ["A", "nobody knows"] {
        let line = |day: &&str| {
            json!({"channel": "web", "order_id": "1", "line_id": day, "item_id": item, "quantity": 1,
                "sold_at": instant(day)})
        };
        let sent = owner.post("/sales/batch", &days.iter().map(line).collect()).await.expect(200);
        assert_eq!((sent.number("/rejected"), sent.number("/quarantined")), (3, 0), "{:#}", sent.body);
        for (index, code) in codes.into_iter().enumerate() {
            assert_eq!(sent.text(&format!("/errors/{index}/code")), code);
            assert!(
                sent.text(&format!("/errors/{index}/message")).starts_with("sold_at: "),
                "{:#}",
                sent.body
            );
        }
    }
    app.stop().await;
}
