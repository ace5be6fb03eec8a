//! What people do to stock, and what they are refused.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Person, TestApp};

async fn shop(app: &TestApp) -> Person<'_> {
    let owner = app.register("Stock").await;
    owner.product("A").await;
    owner.location("SHOP", "STORE").await;
    owner.opening("A", 100).await;
    owner
}

fn adjust(kind: &str, quantity: i64) -> Value {
    json!({"item_id": "A", "location_id": "MAIN", "type": kind, "quantity": quantity, "reason": "OTHER"})
}

fn with(mut body: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

/// An instant so many days before the server's present.
fn days_ago(app: &TestApp, days: i64) -> String {
    (app.running.state.clock.now() - TimeDelta::days(days)).to_rfc3339()
}

#[tokio::test]
async fn an_adjustment_answers_the_new_stock() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    owner.location("WEB", "WEBSITE").await;
    owner.opening_at("A", "WEB", 100, &days_ago(&app, 0)).await;
    owner.opening_at("A", "SHOP", 5, &days_ago(&app, 0)).await;
    let note = json!({"notes": "  broken  ", "reason": "DAMAGE"});
    let done = owner.post("/inventory/adjust", &with(adjust("SUBTRACT", 30), &note)).await.expect(200);
    assert_eq!((done.number("/quantity_before"), done.number("/quantity_after")), (100, 70));
    assert_eq!(done.number("/total_stock"), 75, "a website mirrors stock that lies elsewhere");
    assert_eq!((done.number("/quantity"), done.number("/effect")), (-30, -30));
    assert_eq!(done.headers["stocktrail-position"], done.number("/position").to_string().as_str());
    assert_eq!(done.headers["etag"], "\"70\"");
    let set = owner.post("/inventory/adjust", &adjust("SET_TO", 70)).await.expect(200);
    assert_eq!(
        (set.number("/quantity"), set.number("/quantity_after")),
        (0, 70),
        "a statement is always recorded"
    );
    let add = owner.post("/inventory/adjust", &adjust("ADD", 5)).await.expect(200);
    assert_eq!(add.number("/quantity_after"), 75);

    let events = owner.events("&type=StockAdjusted").await;
    assert_eq!(events.len(), 3);
    assert_eq!(
        (&events[0]["data"]["notes"], &events[0]["data"]["reason"]),
        (&json!("broken"), &json!("DAMAGE"))
    );
    assert_eq!(events[0]["stream"], "stock_item:A");
    let expected = [("MAIN".to_owned(), 75), ("SHOP".to_owned(), 5), ("WEB".to_owned(), 100)];
    assert_eq!(owner.stock("A").await, expected.into());
    app.stop().await;
}

#[tokio::test]
async fn a_person_cannot_take_what_is_not_there() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let written = app.written().await;
    for kind in ["SUBTRACT", "ADD"] {
        let refused = owner.post("/inventory/adjust", &adjust(kind, 0)).await;
        refused.expect_code(422, "quantity_not_positive");
    }
    let refused = owner.post("/inventory/adjust", &adjust("SUBTRACT", 101)).await;
    let refused = refused.expect_code(409, "would_go_below_zero");
    assert_eq!((refused.number("/on_hand"), refused.number("/asked")), (100, 101));
    assert_eq!(refused.text("/location_id"), "MAIN");
    owner.post("/inventory/adjust", &adjust("SET_TO", -1)).await.expect_code(422, "negative_stock");
    owner
        .post("/inventory/adjust", &adjust("ADD", 1_000_000_001))
        .await
        .expect_code(422, "quantity_too_large");
    let nobody = with(adjust("ADD", 1), &json!({"item_id": "NOBODY"}));
    owner.post("/inventory/adjust", &nobody).await.expect_code(404, "unknown_item");
    let nowhere = with(adjust("ADD", 1), &json!({"location_id": "NOWHERE"}));
    owner.post("/inventory/adjust", &nowhere).await.expect_code(404, "unknown_location");
    let typo = owner.post("/inventory/adjust", &with(adjust("ADD", 1), &json!({"quanity": 1}))).await;
    typo.expect_code(422, "unknown_field");
    let wrong = owner.post("/inventory/adjust", &with(adjust("ADD", 1), &json!({"quantity": "five"}))).await;
    assert_eq!(wrong.expect_code(422, "invalid_value").text("/errors/0/pointer"), "/quantity");
    let soon = (app.running.state.clock.now() + TimeDelta::minutes(6)).to_rfc3339();
    let soon = owner.post("/inventory/adjust", &with(adjust("ADD", 1), &json!({"adjusted_at": soon}))).await;
    soon.expect_code(422, "in_the_future");
    assert_eq!(app.written().await, written, "a refusal writes nothing");
    assert_eq!(owner.stock("A").await["MAIN"], 100);
    app.stop().await;
}

#[tokio::test]
async fn large_and_old_changes_are_said_twice() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let asked = |answer: Answer| answer.expect_code(409, "confirmation_required").body["confirm"].clone();
    let large = adjust("SUBTRACT", 51);
    assert_eq!(asked(owner.post("/inventory/adjust", &large).await), json!(["LARGE_CHANGE"]));
    owner.post("/inventory/adjust", &adjust("SUBTRACT", 50)).await.expect(200);
    let old = with(adjust("ADD", 1), &json!({"adjusted_at": days_ago(&app, 31)}));
    assert_eq!(asked(owner.post("/inventory/adjust", &old).await), json!(["BACKDATED"]));
    let both = with(adjust("ADD", 26), &json!({"adjusted_at": days_ago(&app, 31)}));
    assert_eq!(asked(owner.post("/inventory/adjust", &both).await), json!(["BACKDATED", "LARGE_CHANGE"]));
    let half = with(both.clone(), &json!({"confirm": ["BACKDATED"]}));
    assert_eq!(asked(owner.post("/inventory/adjust", &half).await), json!(["LARGE_CHANGE"]));
    let whole = with(both, &json!({"confirm": ["LARGE_CHANGE", "BACKDATED"]}));
    let done = owner.post("/inventory/adjust", &whole).await.expect(200);
    assert_eq!(done.body["confirmed"], json!(["BACKDATED", "LARGE_CHANGE"]));
    let stored = owner.events("&type=StockAdjusted").await;
    assert_eq!(stored.last().unwrap()["data"]["confirmed"], json!(["BACKDATED", "LARGE_CHANGE"]));

    let base_zero = with(adjust("ADD", 500), &json!({"location_id": "SHOP"}));
    owner.post("/inventory/adjust", &base_zero).await.expect(200);
    owner
        .put("/settings", &json!({"large_change_percent": 10, "backdate_confirm_days": 2}))
        .await
        .expect(200);
    assert_eq!(asked(owner.post("/inventory/adjust", &adjust("ADD", 6)).await), json!(["LARGE_CHANGE"]));
    let old = with(adjust("ADD", 1), &json!({"adjusted_at": days_ago(&app, 3)}));
    assert_eq!(asked(owner.post("/inventory/adjust", &old).await), json!(["BACKDATED"]));
    app.stop().await;
}

#[tokio::test]
async fn who_saw_another_stock_is_told_the_present_one() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let seen = |quantity: i64| with(adjust("ADD", 1), &json!({"expected_quantity": quantity}));
    let stale = owner.post("/inventory/adjust", &seen(99)).await.expect_code(412, "stale_quantity");
    assert_eq!((stale.number("/actual"), stale.number("/expected")), (100, 99));
    owner.post("/inventory/adjust", &seen(100)).await.expect(200);
    let matched = async |etag: &str, path: &str, body: &Value| {
        Answer::of(owner.request(Method::POST, path).header("If-Match", etag).json(body)).await
    };
    matched("\"100\"", "/inventory/adjust", &adjust("ADD", 1)).await.expect_code(412, "stale_quantity");
    matched("\"nonsense\"", "/inventory/adjust", &adjust("ADD", 1)).await.expect(412);
    matched("*", "/inventory/adjust", &adjust("ADD", 1)).await.expect(200);
    let done = matched("\"102\"", "/inventory/adjust", &adjust("ADD", 1)).await.expect(200);
    let etag = done.headers["etag"].to_str().unwrap().to_owned();
    let count = json!({"item_id": "A", "location_id": "MAIN", "quantity": 90});
    matched(&etag, "/inventory/count", &count).await.expect(200);
    matched(&etag, "/inventory/count", &count).await.expect(412);
    let transfer =
        json!({"item_id": "A", "from_location_id": "MAIN", "to_location_id": "SHOP", "quantity": 1});
    matched(&etag, "/inventory/transfer", &transfer).await.expect(412);
    matched("\"90\"", "/inventory/transfer", &transfer).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn a_preview_says_what_would_happen_and_writes_nothing() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let written = app.written().await;
    let preview = owner.post("/inventory/adjust/preview", &adjust("SUBTRACT", 60)).await.expect(200);
    assert_eq!((preview.number("/quantity_before"), preview.number("/quantity_after")), (100, 40));
    assert_eq!(preview.body["confirm"], json!(["LARGE_CHANGE"]));
    assert_eq!(preview.number("/total_stock"), 40);
    let said = with(adjust("SUBTRACT", 60), &json!({"confirm": ["LARGE_CHANGE"]}));
    assert_eq!(owner.post("/inventory/adjust/preview", &said).await.body["confirm"], json!([]));
    let refused = owner.post("/inventory/adjust/preview", &adjust("SUBTRACT", 101)).await;
    refused.expect_code(409, "would_go_below_zero");
    assert_eq!(app.written().await, written);
    app.stop().await;
}

#[tokio::test]
async fn deliveries_returns_counts_and_transfers() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let here = |quantity: i64| json!({"item_id": "A", "location_id": "MAIN", "quantity": quantity});
    let received = with(here(24), &json!({"reference": "PO-7", "notes": "pallet"}));
    assert_eq!(owner.post("/inventory/receive", &received).await.expect(200).number("/quantity_after"), 124);
    let back = with(here(1), &json!({"reference": "O-1"}));
    assert_eq!(owner.post("/inventory/return", &back).await.expect(200).number("/quantity_after"), 125);
    let counted = owner.post("/inventory/count", &here(5)).await.expect(200);
    assert_eq!(
        (counted.number("/quantity"), counted.number("/quantity_after")),
        (-120, 5),
        "a count needs no second word"
    );
    for path in ["/inventory/receive", "/inventory/return"] {
        owner.post(path, &here(0)).await.expect_code(422, "quantity_not_positive");
    }
    owner.post("/inventory/count", &here(-1)).await.expect_code(422, "negative_stock");

    let transfer = |quantity: i64, to: &str| json!({"item_id": "A", "from_location_id": "MAIN", "to_location_id": to, "quantity": quantity});
    let moved = owner.post("/inventory/transfer", &transfer(2, "SHOP")).await.expect(200);
    assert_eq!((moved.number("/from/quantity_after"), moved.number("/to/quantity_after")), (3, 2));
    assert_eq!(moved.number("/total_stock"), 5);
    owner.post("/inventory/transfer", &transfer(4, "SHOP")).await.expect_code(409, "would_go_below_zero");
    owner.post("/inventory/transfer", &transfer(1, "MAIN")).await.expect_code(422, "same_location");
    owner.post("/inventory/transfer", &transfer(0, "SHOP")).await.expect_code(422, "quantity_not_positive");
    owner.post("/inventory/transfer", &transfer(1, "NOWHERE")).await.expect_code(404, "unknown_location");
    owner.location("CLOSED", "STORE").await;
    owner.delete("/locations/CLOSED").await.expect(200);
    owner.post("/inventory/transfer", &transfer(1, "CLOSED")).await.expect_code(409, "inactive_location");
    assert_eq!(owner.events("&type=StockTransferred").await.len(), 1);
    assert_eq!(owner.stock("A").await, [("MAIN".to_owned(), 3), ("SHOP".to_owned(), 2)].into());
    app.stop().await;
}

#[tokio::test]
async fn stock_is_opened_once_alone_or_by_the_thousand() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let open =
        |item: &str, quantity: i64| json!({"item_id": item, "location_id": "MAIN", "quantity": quantity});
    owner.post("/inventory/opening", &open("A", 1)).await.expect_code(409, "already_opened");
    owner.product("B").await;
    let rows =
        json!([open("B", 7), open("A", 1), open("NOBODY", 1), open("B", 8), open("B", -1), open("", 1)]);
    let many = owner.post("/inventory/opening", &rows).await.expect(200);
    assert_eq!((many.number("/accepted"), many.number("/refused")), (1, 5));
    let codes: Vec<&Value> = many.items().iter().map(|item| &item["code"]).collect();
    assert_eq!(
        json!(codes),
        json!([null, "already_opened", "unknown_item", "already_opened", "negative_stock", "invalid_key"])
    );
    assert_eq!(many.text("/items/2/pointer"), "/2/item_id");
    assert_eq!(owner.stock("B").await["MAIN"], 7);
    let many: Vec<Value> = (0..1_001).map(|_| open("B", 1)).collect();
    owner.post("/inventory/opening", &json!(many)).await.expect_code(422, "row_count");

    owner.product("C").await;
    let closed = with(open("C", 9), &json!({"date": "2024-06-30"}));
    owner.post("/inventory/opening", &closed).await.expect(200);
    let stored = owner.events("&type=OpeningBalanceSet&item=C").await;
    assert_eq!(stored[0]["effective_at"], "2024-06-30T22:59:59.999999Z", "the close of the day in London");
    let sale = |line_id: &str, sold_at: &str| json!({"channel": "web", "order_id": "1", "line_id": line_id, "item_id": "C", "quantity": 2, "sold_at": sold_at});
    let lines = json!([sale("1", "2024-06-30T12:00:00Z"), sale("2", "2024-07-01T12:00:00Z")]);
    owner.post("/sales/batch", &lines).await.expect(200);
    assert_eq!(owner.stock("C").await["MAIN"], 7, "the stock stated for the evening holds the sale of noon");
    app.stop().await;
}

#[tokio::test]
async fn a_late_fact_before_a_statement_changes_no_stock_of_today() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let at = |minutes: i64| (app.running.state.clock.now() - TimeDelta::minutes(minutes)).to_rfc3339();
    app.running.state.clock.advance(TimeDelta::hours(3));
    let owner = app.login(&owner.email).await;
    let counted = json!({"item_id": "A", "location_id": "MAIN", "quantity": 90, "counted_at": at(60)});
    let counted = owner.post("/inventory/count", &counted).await.expect(200);
    let late = with(adjust("SUBTRACT", 10), &json!({"adjusted_at": at(90)}));
    let late = owner.post("/inventory/adjust", &late).await.expect(200);
    assert_eq!(
        (late.number("/quantity"), late.number("/effect"), late.number("/quantity_after")),
        (-10, 0, 90)
    );
    assert_eq!(late.text("/superseded_by"), counted.text("/movement_id"));
    let later = with(adjust("SUBTRACT", 10), &json!({"adjusted_at": at(30)}));
    assert_eq!(owner.post("/inventory/adjust", &later).await.expect(200).number("/quantity_after"), 80);
    let past = |at: &str| format!("&as_of={}", at.replace('+', "%2B"));
    assert_eq!(owner.stock_where("A", &past(&at(91))).await["MAIN"], 100);
    assert_eq!(owner.stock_where("A", &past(&at(89))).await["MAIN"], 90, "in the past the late fact counts");
    assert_eq!(owner.stock_where("A", &past(&at(59))).await["MAIN"], 90);
    assert_eq!(owner.stock_where("A", &past(&at(29))).await["MAIN"], 80);
    app.stop().await;
}

#[tokio::test]
async fn what_happened_outside_opens_and_closes_a_discrepancy() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let sold = json!([{"channel": "web", "order_id": "1", "line_id": "1", "item_id": "A", "quantity": 130,
        "sold_at": app.running.state.clock.now().to_rfc3339()}]);
    owner.post("/sales/batch", &sold).await.expect(200);
    assert_eq!(owner.stock("A").await["MAIN"], -30);
    owner.post("/inventory/adjust", &adjust("SUBTRACT", 1)).await.expect_code(409, "would_go_below_zero");
    owner
        .post("/inventory/receive", &json!({"item_id": "A", "location_id": "MAIN", "quantity": 10}))
        .await
        .expect(200);
    assert_eq!(owner.stock("A").await["MAIN"], -20);
    owner
        .post("/inventory/count", &json!({"item_id": "A", "location_id": "MAIN", "quantity": 0}))
        .await
        .expect(200);
    let signs: Vec<Value> = owner
        .events("&stream=stock_item:A")
        .await
        .iter()
        .map(|event| event["data"]["entry"]["movements"][0]["discrepancy"].clone())
        .collect();
    assert_eq!(json!(signs), json!([null, "opened", null, "closed"]));
    app.stop().await;
}

#[tokio::test]
async fn a_key_makes_an_order_count_once() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let body = adjust("SUBTRACT", 10);
    let tries = (0..16).map(|_| owner.post_keyed("/inventory/adjust", "k-1", &body));
    let answers = futures::future::join_all(tries).await;
    let replays = answers.iter().filter(|answer| answer.headers.contains_key("idempotent-replay")).count();
    assert_eq!(replays, 15);
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
    assert_eq!(owner.stock("A").await["MAIN"], 90);
    let other = owner.post_keyed("/inventory/adjust", "k-1", &adjust("SUBTRACT", 11)).await;
    other.expect_code(422, "idempotency_key_reused");
    owner.post_keyed("/inventory/count", "k-1", &body).await.expect(422);
    let refused = owner.post_keyed("/inventory/adjust", "k-2", &adjust("SUBTRACT", 91)).await.expect(409);
    assert_eq!(refused.text("/code"), "would_go_below_zero");
    let more = json!({"item_id": "A", "location_id": "MAIN", "quantity": 200});
    owner.post("/inventory/receive", &more).await.expect(200);
    let again = owner.post_keyed("/inventory/adjust", "k-2", &adjust("SUBTRACT", 91)).await.expect(200);
    assert!(
        !again.headers.contains_key("idempotent-replay"),
        "a refusal wrote nothing, so it is decided anew"
    );
    let empty = owner.post_keyed("/inventory/adjust", " ", &body).await;
    empty.expect_code(400, "bad_idempotency_key");
    let other_person = app.register("Else").await;
    other_person.product("A").await;
    other_person.opening("A", 5).await;
    let theirs = other_person.post_keyed("/inventory/adjust", "k-1", &adjust("ADD", 1)).await.expect(200);
    assert_eq!(theirs.number("/quantity_after"), 6, "keys of two companies never meet");
    app.stop().await;
}
