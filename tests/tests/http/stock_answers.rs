//! Orders about stock, the stock list and history, through HTTP.

use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH};
use serde_json::{Value, json};
use tests::{Answer, Person, TestApp};

async fn shop(app: &TestApp) -> Person<'_> {
    let owner = app.register("Hearts").await;
    owner.location("SHOP", "STORE").await;
    owner.location("WEB", "WEBSITE").await;
    for (item, cost) in [("A", json!("2.50")), ("B", json!(null)), ("C", json!("1"))] {
        let body = json!({"item_id": item, "product_name": format!("Item {item}"), "category": "Toys", "unit_cost": cost});
        owner.post("/products", &body).await.expect(201);
    }
    owner
}

fn order(kind: &str, quantity: i64) -> Value {
    json!({"item_id": "A", "location_id": "MAIN", "type": kind, "quantity": quantity, "reason": "CORRECTION"})
}

#[tokio::test]
async fn orders_answer_the_new_stock() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let rows = json!([
        {"item_id": "A", "location_id": "MAIN", "quantity": 10, "date": "2024-03-31"},
        {"item_id": "B", "location_id": "MAIN", "quantity": 4},
        {"item_id": "nobody", "location_id": "MAIN", "quantity": 1},
        {"item_id": "C", "location_id": "MAIN", "quantity": -1},
        {"item_id": " ", "location_id": "MAIN", "quantity": 1},
    ]);
    let opened = owner.post("/inventory/opening", &rows).await.expect(200);
    assert_eq!((opened.body["accepted"].as_i64(), opened.body["refused"].as_i64()), (Some(2), Some(3)));
    assert_eq!(opened.body["items"][2]["code"], "unknown_item");
    assert_eq!(opened.body["items"][4]["pointer"], "/4/item_id");
    let again = json!({"item_id": "A", "location_id": "MAIN", "quantity": 3});
    assert_eq!(owner.post("/inventory/opening", &again).await.expect(409).body["code"], "already_opened");

    let added = owner.post("/inventory/adjust", &order("ADD", 5)).await.expect(200);
    assert_eq!(added.body["quantity_before"], 10);
    assert_eq!(added.body["quantity_after"], 15);
    assert_eq!(added.body["total_stock"], 15);
    assert_eq!(added.headers[ETAG], "\"15\"");
    let below = owner.post("/inventory/adjust", &order("SUBTRACT", 16)).await.expect(409);
    assert_eq!((&below.body["code"], &below.body["on_hand"]), (&json!("would_go_below_zero"), &json!(15)));

    let moved = json!({"item_id": "A", "from_location_id": "MAIN", "to_location_id": "SHOP", "quantity": 6});
    let moved = owner.post("/inventory/transfer", &moved).await.expect(200);
    assert_eq!(
        (&moved.body["from"]["quantity_after"], &moved.body["to"]["quantity_after"]),
        (&json!(9), &json!(6))
    );
    let counted = json!({"item_id": "A", "location_id": "WEB", "quantity": 20});
    owner.post("/inventory/count", &counted).await.expect(200);
    let arrival = json!({"item_id": "A", "location_id": "SHOP", "quantity": 2, "reference": "PO-7"});
    let received = owner.post("/inventory/receive", &arrival).await.expect(200);
    assert_eq!((&received.body["quantity_after"], &received.body["total_stock"]), (&json!(8), &json!(17)));
    let returned = owner.post("/inventory/return", &arrival).await.expect(200);
    assert_eq!(returned.body["quantity_after"], 10);
    let stock = owner.stock("A").await;
    assert_eq!(
        stock.into_iter().collect::<Vec<_>>(),
        [("MAIN".into(), 9), ("SHOP".into(), 10), ("WEB".into(), 20)]
    );
    app.stop().await;
}

#[tokio::test]
async fn large_and_stale_orders_are_held_up() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    owner.opening("A", 10).await;
    let large = owner.post("/inventory/adjust", &order("ADD", 6)).await.expect(409);
    assert_eq!(
        (&large.body["code"], &large.body["confirm"]),
        (&json!("confirmation_required"), &json!(["LARGE_CHANGE"]))
    );
    let preview = owner.post("/inventory/adjust/preview", &order("ADD", 6)).await.expect(200);
    assert_eq!(
        (&preview.body["quantity_after"], &preview.body["confirm"]),
        (&json!(16), &json!(["LARGE_CHANGE"]))
    );
    assert_eq!(owner.stock("A").await["MAIN"], 10, "a preview writes nothing");
    let mut confirmed = order("ADD", 6);
    confirmed["confirm"] = json!(["LARGE_CHANGE"]);
    owner.post("/inventory/adjust", &confirmed).await.expect(200);

    let mut stale = order("ADD", 1);
    stale["expected_quantity"] = json!(10);
    let refused = owner.post("/inventory/adjust", &stale).await.expect(412);
    assert_eq!(refused.body["actual"], 16);
    let matching = |tag: &str| {
        let request = owner.request(Method::POST, "/inventory/adjust").header(IF_MATCH, tag);
        Answer::of(request.json(&order("ADD", 1)))
    };
    matching("\"10\"").await.expect(412);
    matching("\"nonsense\"").await.expect(412);
    assert_eq!(matching("\"16\"").await.expect(200).body["quantity_after"], 17);
    app.stop().await;
}

#[tokio::test]
async fn the_list_is_sorted_filtered_and_hides_money() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    for (item, quantity) in [("A", 5), ("B", 9), ("C", 7)] {
        owner.opening(item, quantity).await;
    }
    let ids = |answer: &Answer| -> Vec<String> {
        answer.items().iter().map(|row| row["item_id"].as_str().unwrap().to_owned()).collect()
    };
    for (query, expected) in [
        ("sort=-total_stock", ["B", "C", "A"]),
        ("sort=stock:MAIN", ["A", "C", "B"]),
        ("sort=unit_cost", ["C", "A", "B"]),
        ("sort=inventory_value&order=desc", ["A", "C", "B"]),
        ("", ["A", "B", "C"]),
    ] {
        assert_eq!(
            ids(&owner.get_caught_up(&format!("/inventory?{query}")).await.expect(200)),
            expected,
            "{query}"
        );
    }
    assert_eq!(ids(&owner.get_caught_up("/inventory?min_stock=6&max_stock=8").await.expect(200)), ["C"]);
    assert_eq!(ids(&owner.get_caught_up("/inventory?search=ITEM%20b").await.expect(200)), ["B"]);
    assert_eq!(
        ids(&owner.get_caught_up("/inventory?is_active=false").await.expect(200)),
        Vec::<String>::new()
    );
    let page = owner.get_caught_up("/inventory?page_size=2&page=2").await.expect(200);
    assert_eq!((ids(&page), page.body["total"].as_i64()), (vec!["C".to_owned()], Some(3)));
    let row = &owner.get_caught_up("/inventory").await.expect(200).body["items"][0];
    assert_eq!(row["unit_cost"], json!({"amount": "2.50", "currency": "EUR"}));
    assert_eq!(row["inventory_value"], json!({"amount": "12.50", "currency": "EUR"}));
    let file = owner.get_caught_up("/inventory?format=csv").await.expect(200);
    assert_eq!(file.body.as_str().unwrap().lines().count(), 4);
    owner.get_caught_up("/inventory?format=xlsx").await.expect(200);
    owner.get("/inventory?sort=nonsense").await.expect(422);

    let packer = owner.member("packer", "WAREHOUSE").await;
    let row = &packer.get("/inventory").await.expect(200).body["items"][0];
    assert!(row.get("unit_cost").is_none() && row.get("inventory_value").is_none());
    packer.get("/inventory?sort=unit_cost").await.expect(422);
    packer.get("/inventory?format=csv").await.expect(403);
    packer.post("/inventory/adjust", &order("ADD", 1)).await.expect(200);
    let viewer = owner.member("viewer", "VIEWER").await;
    viewer.post("/inventory/adjust", &order("ADD", 1)).await.expect(403);
    app.stop().await;
}

#[tokio::test]
async fn history_and_the_past_are_read_back() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    owner.opening_at("A", "MAIN", 10, "2024-03-01T12:00:00+00:00").await;
    let mut late = order("ADD", 3);
    late["adjusted_at"] = json!("2024-04-02T23:30:00+00:00");
    late["confirm"] = json!(["BACKDATED"]);
    let late = owner.post("/inventory/adjust", &late).await.expect(200);
    let moved = json!({"item_id": "A", "from_location_id": "MAIN", "to_location_id": "SHOP", "quantity": 4});
    owner.post("/inventory/transfer", &moved).await.expect(200);

    let history = owner.get_caught_up("/inventory/movements/A").await.expect(200);
    let types: Vec<_> = history.items().iter().map(|row| row["movement_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["TRANSFER", "TRANSFER", "ADJUSTMENT", "INITIAL_LOAD"]);
    let adjusted = &history.items()[2];
    assert_eq!(adjusted["movement_id"], late.body["movement_id"]);
    assert_eq!((&adjusted["date_local"], &adjusted["balance_after"]), (&json!("2024-04-03"), &json!(13)));
    let days =
        owner.get_caught_up("/inventory/movements/daily?to=2024-12-31&sort=date_local").await.expect(200);
    assert_eq!(
        days.items()[1],
        json!({"date_local": "2024-04-03", "movement_type": "ADJUSTMENT", "movements": 1,
        "quantity_in": 3, "quantity_out": 0, "net": 3})
    );
    for (query, total) in [
        ("type=TRANSFER", 2),
        ("location_id=SHOP", 1),
        ("from=2024-04-03&to=2024-04-03", 1),
        ("to=2024-04-02", 1),
        ("as_of=2024-04-02T23:30:00Z", 2),
        ("known_at=2024-04-02", 0),
        ("reference_type=IMPORT", 1),
        ("search=item%20a", 4),
        ("item_id=A", 4),
        ("created_by=nobody", 0),
    ] {
        let list = owner.get_caught_up(&format!("/inventory/movements?{query}")).await.expect(200);
        assert_eq!(list.body["total"], total, "{query}");
    }
    owner.get("/inventory/movements/nobody").await.expect(404);
    owner.get("/inventory/movements?as_of=someday").await.expect(422);
    let file = owner.get_caught_up("/inventory/movements?format=csv").await.expect(200);
    assert_eq!(file.body.as_str().unwrap().lines().count(), 5);

    assert_eq!(owner.stock_where("A", "&as_of=2024-04-02").await["MAIN"], 10);
    assert_eq!(owner.stock_where("A", "&as_of=2024-04-03").await["MAIN"], 13);
    assert_eq!(owner.stock_where("A", "&as_of=2024-02-01").await.len(), 0);
    assert_eq!(owner.stock("A").await["MAIN"], 9);
    let other = app.register("Others").await;
    assert_eq!(other.get("/inventory/movements").await.expect(200).body["total"], 0);
    app.stop().await;
}
