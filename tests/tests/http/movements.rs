//! History: every fact about stock, filtered, sorted, summed up by day, and as a file.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::{Answer, Person, TestApp};

/// Two products, two locations, one movement of nearly every kind.
async fn history(app: &TestApp) -> Person<'_> {
    let owner = app.register("History").await;
    owner.product("A").await;
    owner.product("B").await;
    owner.location("SHOP", "STORE").await;
    owner.opening_at("A", "MAIN", 100, "2024-01-01T08:00:00Z").await;
    owner.opening_at("B", "MAIN", 50, "2024-01-01T08:00:00Z").await;
    let sale = |kind: &str, line_id: &str, item_id: &str, quantity: i64, sold_at: &str| {
        json!({"kind": kind, "channel": "web", "order_id": "O-7", "line_id": line_id, "item_id": item_id,
            "quantity": quantity, "sold_at": sold_at})
    };
    let lines = json!([
        sale("sale", "1", "A", 10, "2024-01-02T09:00:00Z"),
        sale("sale", "2", "B", 5, "2024-01-02T10:00:00Z"),
        sale("cancellation", "1", "A", 4, "2024-01-03T09:00:00Z"),
        sale("return", "3", "A", 1, "2024-01-03T10:00:00Z"),
    ]);
    owner.post("/sales/batch", &lines).await.expect(200);
    let old = json!(["BACKDATED", "LARGE_CHANGE"]);
    let transfer = json!({"item_id": "A", "from_location_id": "MAIN", "to_location_id": "SHOP", "quantity": 7,
        "transferred_at": "2024-01-04T09:00:00Z", "notes": "for the Window", "confirm": old});
    owner.post("/inventory/transfer", &transfer).await.expect(200);
    let adjust = json!({"item_id": "A", "location_id": "SHOP", "type": "SUBTRACT", "quantity": 2, "reason": "DAMAGE",
        "adjusted_at": "2024-01-05T09:00:00Z", "notes": "=HYPERLINK(1)", "confirm": old});
    owner.post("/inventory/adjust", &adjust).await.expect(200);
    let receive = json!({"item_id": "B", "location_id": "MAIN", "quantity": 20, "reference": "PO-1",
        "received_at": "2024-01-06T09:00:00Z", "confirm": old});
    owner.post("/inventory/receive", &receive).await.expect(200);
    owner
}

fn effects(answer: &Answer) -> Vec<i64> {
    answer.items().iter().map(|row| row["effect"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn movements_are_filtered_and_sorted() {
    let app = TestApp::start().await;
    let owner = history(&app).await;
    let me = format!("user:{}", owner.get("/auth/me").await.text("/user/user_id"));
    let list =
        async |query: &str| owner.get_caught_up(&format!("/inventory/movements?{query}")).await.expect(200);
    assert_eq!(effects(&list("").await), [20, -2, 7, -7, 1, 4, -5, -10, 50, 100], "newest first");
    for (query, expected) in [
        ("item_id=B", vec![20, -5, 50]),
        ("location_id=SHOP", vec![-2, 7]),
        ("type=OUTBOUND", vec![-5, -10]),
        ("type=INITIAL_LOAD&sort=quantity", vec![50, 100]),
        ("reference_type=SALE", vec![4, -5, -10]),
        ("reference_type=RETURN", vec![1]),
        ("reference_id=O-7&item_id=A", vec![1, 4, -10]),
        ("reference_type=PURCHASE_ORDER&reference_id=PO-1", vec![20]),
        ("search=window", vec![7, -7]),
        ("search=po-1", vec![20]),
        ("from=2024-01-04&to=2024-01-05", vec![-2, 7, -7]),
        ("from=2024-01-02T10:00:00Z&to=2024-01-02T10:00:00Z", vec![-5]),
        ("as_of=2024-01-02", vec![-5, -10, 50, 100]),
        ("sort=effect&page_size=3", vec![-10, -7, -5]),
        ("sort=-effect,position&page_size=2&page=2", vec![20, 7]),
        ("sort=item_id,-moved_at&page_size=2", vec![-2, -7]),
    ] {
        assert_eq!(effects(&list(query).await), expected, "{query}");
    }
    assert_eq!(list(&format!("created_by={me}")).await.number("/total"), 10);
    assert_eq!(list("created_by=user:nobody").await.number("/total"), 0);
    for query in ["sort=colour", "type=GIFT", "from=yesterday", "page_size=501", "page=0"] {
        owner.get(&format!("/inventory/movements?{query}")).await.expect(422);
    }
    owner.get("/inventory/movements?item_id=NOBODY").await.expect_code(404, "unknown_item");
    owner.get("/inventory/movements/NOBODY").await.expect_code(404, "unknown_item");
    let of_b = owner.get("/inventory/movements/B?type=OUTBOUND").await.expect(200);
    let row = &of_b.items()[0];
    assert_eq!(
        (&row["item_id"], &row["movement_type"], &row["quantity"]),
        (&json!("B"), &json!("OUTBOUND"), &json!(-5))
    );
    assert_eq!((&row["reference_type"], &row["reference_id"]), (&json!("SALE"), &json!("O-7")));
    assert_eq!((&row["balance_after"], &row["date_local"]), (&json!(45), &json!("2024-01-02")));
    assert_eq!(row["created_by"], json!(me));
    app.stop().await;
}

#[tokio::test]
async fn pages_and_cursors_show_every_movement_once() {
    let app = TestApp::start().await;
    let owner = history(&app).await;
    let whole = effects(&owner.get_caught_up("/inventory/movements").await.expect(200));
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = owner.get(&format!("/inventory/movements?page_size=3{cursor}")).await.expect(200);
        assert_eq!(page.number("/total"), 10);
        paged.extend(effects(&page));
        match page.body["page"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, whole);
    owner.get("/inventory/movements?cursor=nonsense!").await.expect(422);
    app.stop().await;
}

#[tokio::test]
async fn days_sum_up_movements() {
    let app = TestApp::start().await;
    let owner = history(&app).await;
    let days = async |query: &str| {
        let list = owner.get_caught_up(&format!("/inventory/movements/daily?{query}")).await.expect(200);
        let day = |row: &Value| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            let number = |key: &str| row[key].as_i64().unwrap();
            (
                text("date_local"),
                text("movement_type"),
                number("movements"),
                number("quantity_in"),
                number("quantity_out"),
            )
        };
        list.items().iter().map(day).collect::<Vec<_>>()
    };
    let row = |date: &str, kind: &str, movements: i64, units_in: i64, units_out: i64| {
        (date.to_owned(), kind.to_owned(), movements, units_in, units_out)
    };
    let expected = [
        row("2024-01-01", "INITIAL_LOAD", 2, 150, 0),
        row("2024-01-02", "OUTBOUND", 2, 0, 15),
        row("2024-01-03", "INBOUND", 2, 5, 0),
        row("2024-01-04", "TRANSFER", 2, 7, 7),
        row("2024-01-05", "ADJUSTMENT", 1, 0, 2),
        row("2024-01-06", "INBOUND", 1, 20, 0),
    ];
    assert_eq!(days("sort=date_local").await, expected);
    assert_eq!(days("").await.first().unwrap().0, "2024-01-06");
    assert_eq!(days("item_id=B&type=OUTBOUND").await, [row("2024-01-02", "OUTBOUND", 1, 0, 5)]);
    assert_eq!(
        days("location_id=SHOP&from=2024-01-04&to=2024-01-04").await,
        [row("2024-01-04", "TRANSFER", 1, 7, 0)]
    );
    app.stop().await;
}

#[tokio::test]
async fn history_as_it_was_known_then() {
    let app = TestApp::start().await;
    let owner = app.register("Known").await;
    owner.product("A").await;
    let at = |clock: &TestApp| clock.running.state.clock.now().to_rfc3339().replace('+', "%2B");
    owner.opening("A", 100).await;
    app.running.state.clock.advance(TimeDelta::minutes(5));
    let before = at(&app);
    app.running.state.clock.advance(TimeDelta::minutes(5));
    let sold_at = (app.running.state.clock.now() - TimeDelta::minutes(7)).to_rfc3339();
    let late = json!([{"channel": "web", "order_id": "1", "line_id": "1", "item_id": "A", "quantity": 30, "sold_at": sold_at}]);
    owner.post("/sales/batch", &late).await.expect(200);
    assert_eq!(owner.stock_where("A", &format!("&as_of={before}")).await["MAIN"], 70);
    assert_eq!(owner.stock_where("A", &format!("&as_of={before}&known_at={before}")).await["MAIN"], 100);
    let known = owner.get_caught_up(&format!("/inventory/movements?known_at={before}")).await.expect(200);
    assert_eq!(effects(&known), [100]);
    assert_eq!(owner.get_caught_up("/inventory/movements").await.number("/total"), 2);
    app.stop().await;
}

#[tokio::test]
async fn a_file_holds_the_whole_filtered_list_with_formulas_escaped() {
    let app = TestApp::start().await;
    let owner = history(&app).await;
    owner.get_caught_up("/inventory/movements").await;
    let csv =
        owner.get("/inventory/movements?item_id=A&format=csv&page_size=2&sort=position").await.expect(200);
    assert!(csv.headers["content-disposition"].to_str().unwrap().contains("movements.csv"));
    let text = csv.body.as_str().unwrap();
    assert!(text.starts_with("\u{feff}movement_id,item_id,sku,product_name,location_id,"), "{text}");
    assert_eq!(text.lines().count(), 1 + 7, "the whole list, not a page");
    assert!(text.contains(",'=HYPERLINK(1),"), "{text}");
    assert!(text.contains(",-10,-10,90,"), "figures stay figures: {text}");
    let packer = owner.member("packer", "WAREHOUSE").await;
    packer.get("/inventory/movements?format=csv").await.expect(403);
    packer.get("/inventory/movements").await.expect(200);
    packer.get("/inventory?format=xlsx").await.expect(403);
    app.stop().await;
}

#[tokio::test]
async fn two_instants_are_compared_place_by_place() {
    let app = TestApp::start().await;
    let owner = history(&app).await;
    let diff = async |query: &str| owner.get_caught_up(&format!("/inventory/diff?{query}")).await.expect(200);
    let row = |row: &Value| {
        let number = |key: &str| row[key].as_i64().unwrap();
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        assert_eq!(number("change"), number("quantity_after") - number("quantity_before"));
        (
            text("item_id"),
            text("location_id"),
            number("quantity_before"),
            number("change"),
            number("movements"),
        )
    };
    let rows = |answer: &Answer| answer.items().iter().map(row).collect::<Vec<_>>();
    let place = |item: &str, location: &str, before, change, movements| {
        (item.to_owned(), location.to_owned(), before, change, movements)
    };
    // 3 January: a cancellation and a return; 4 and 5 January: 7 pieces to the shop, 2 of them broken.
    assert_eq!(
        rows(&diff("from=2024-01-02&to=2024-01-05").await),
        [place("A", "MAIN", 90, -2, 3), place("A", "SHOP", 0, 5, 2)]
    );
    assert_eq!(
        rows(&diff("from=2024-01-02T09:00:00Z&to=2024-01-02T10:00:00Z").await),
        [place("B", "MAIN", 50, -5, 1)]
    );
    let all = "from=2023-12-31&to=2024-02-01";
    assert_eq!(
        rows(&diff(&format!("{all}&sort=-change")).await),
        [place("A", "MAIN", 0, 88, 5), place("B", "MAIN", 0, 65, 3), place("A", "SHOP", 0, 5, 2)]
    );
    assert_eq!(rows(&diff(&format!("{all}&item_id=A&location_id=SHOP")).await).len(), 1);
    assert_eq!(rows(&diff(&format!("{all}&search=b")).await), [place("B", "MAIN", 0, 65, 3)]);
    assert_eq!(diff(&format!("{all}&page_size=1&page=2")).await.number("/total"), 3);
    assert_eq!(rows(&diff(&format!("{all}&known_at=2024-01-31")).await), [], "nothing was recorded by then");
    let file = owner.get(&format!("/inventory/diff?{all}&format=csv")).await.expect(200);
    assert_eq!(file.body.as_str().unwrap().lines().count(), 4, "{:#}", file.body);
    for query in ["", "from=2024-01-01", "from=2024-01-02&to=2024-01-01", "from=x&to=2024-01-01"] {
        owner.get(&format!("/inventory/diff?{query}")).await.expect(422);
    }
    owner
        .get("/inventory/diff?from=2024-01-01&to=2024-01-02&item_id=NOBODY")
        .await
        .expect_code(404, "unknown_item");
    app.stop().await;
}

#[tokio::test]
async fn a_figure_is_explained_by_the_events_behind_it() {
    let app = TestApp::start().await;
    let owner = history(&app).await;
    let answer = owner.get_caught_up("/inventory/A/explain").await.expect(200);
    assert_eq!(answer.number("/total_stock"), 93);
    let main = &answer.body["locations"][0];
    assert_eq!((&main["location_id"], &main["quantity"]), (&json!("MAIN"), &json!(88)));
    assert_eq!(
        (&main["stated"]["stated_quantity"], &main["stated"]["position"]),
        (&json!(100), &main["stated"]["position"])
    );
    let quantities = |place: &Value| -> Vec<i64> {
        place["movements"].as_array().unwrap().iter().map(|row| row["quantity"].as_i64().unwrap()).collect()
    };
    assert_eq!(quantities(main), [-7, 1, 4, -10]);
    for row in main["movements"].as_array().unwrap() {
        let path = row["event"].as_str().unwrap().strip_prefix("/api/v1").unwrap();
        let event = owner.get(path).await.expect(200);
        assert_eq!(event.items()[0]["position"], row["position"]);
        assert_eq!(event.items()[0]["stream"], "stock_item:A");
    }
    let short = owner.get("/inventory/A/explain?location_id=MAIN&limit=1").await.expect(200);
    let main = &short.body["locations"][0];
    assert_eq!(
        (quantities(main), &main["earlier_movements"], &main["earlier_quantity"]),
        (vec![-7], &json!(3), &json!(-5))
    );
    let then = owner.get("/inventory/A/explain?as_of=2024-01-02").await.expect(200);
    assert_eq!((then.number("/total_stock"), quantities(&then.body["locations"][0])), (90, vec![-10]));
    let unknown_then = owner.get("/inventory/A/explain?known_at=2024-01-31").await.expect(200);
    assert_eq!(unknown_then.body["locations"], json!([]));
    owner.get("/inventory/A/explain?limit=501").await.expect(422);
    owner.get("/inventory/NOBODY/explain").await.expect_code(404, "unknown_item");
    app.stop().await;
}
