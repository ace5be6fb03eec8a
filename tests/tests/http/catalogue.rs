//! Products: creating, editing, naming, listing.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, TestApp};

fn ids(answer: &Answer) -> Vec<String> {
    answer.items().iter().map(|item| item["item_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_product_is_created_read_edited_renamed_and_deactivated() {
    let app = TestApp::start().await;
    let owner = app.register("Hearts").await;
    let full = json!({
        "item_id": "A/1", "name": "Heart", "cost_price": "1.20", "selling_price": {"amount": 2.5, "currency": "EUR"},
        "lead_time_days": 7, "manual_daily_forecast": 1.5, "listed_on": "2011-11-30", "barcodes": ["400"],
        "dimensions_mm": [1, 2, 3], "listings": [{"channel": "ozon", "external_id": "OZ"}]
    });
    let made = owner.post("/products", &full).await.expect(201);
    assert_eq!(made.headers["location"], "/api/v1/products/A%2F1");
    assert_eq!(made.body["unit_cost"], json!({"amount": "1.20", "currency": "EUR"}));
    assert_eq!(made.body["category"], "Uncategorized");
    assert!(made.number("/position") > 0);
    owner.post("/products", &full).await.expect(409);

    let read = owner.get_caught_up("/products/A%2F1").await.expect(200);
    assert_eq!(read.headers["etag"], "\"1\"");
    assert_eq!(read.body["manual_daily_forecast"], 1.5);
    assert_eq!(read.body["cost_missing"], false);
    assert_eq!(read.body["name"], "Heart");
    owner.put("/products/A%2F1", &read.body).await.expect(200);
    assert_eq!(owner.get_caught_up("/products/OZ").await.expect(200).body["version"], 1);

    let stale = owner
        .request(Method::PUT, "/products/A%2F1")
        .header("If-Match", "\"7\"")
        .json(&json!({"category": "Hearts"}));
    let stale = Answer::of(stale).await.expect(412);
    assert_eq!((stale.text("/code"), stale.number("/version")), ("stale_version", 1));

    let edited = json!({"item_id": "B", "unit_cost": null, "lead_time_days": null});
    let edited = owner.put("/products/A%2F1", &edited).await.expect(200);
    assert_eq!(edited.body["cost_missing"], true);
    assert_eq!(edited.body["unit_cost"], json!({"amount": "0", "currency": "EUR"}));
    assert_eq!(edited.body["lead_time_days"], Value::Null);
    let renamed = owner.get_caught_up("/products/A%2F1").await.expect(200);
    assert_eq!(renamed.body["item_id"], "B");
    owner.put("/products/B", &renamed.body).await.expect(200);
    assert_eq!(owner.get_caught_up("/products/B").await.body["cost_missing"], true);

    let gone = owner.delete("/products/B").await.expect(200);
    assert_eq!(gone.body["is_active"], false);
    assert_eq!(owner.get_caught_up("/products").await.expect(200).number("/total"), 0);
    assert_eq!(ids(&owner.get("/products?is_active=false").await), ["B"]);
    owner.post("/products/B/reactivate", &json!({})).await.expect(200);
    assert_eq!(ids(&owner.get_caught_up("/products").await), ["B"]);
    owner.get("/products/unknown").await.expect_code(404, "unknown_item");
    owner.put("/products/unknown", &json!({})).await.expect_code(404, "unknown_item");
    app.stop().await;
}

#[tokio::test]
async fn an_array_has_a_verdict_for_each_row_and_the_list_is_sorted_and_filtered() {
    let app = TestApp::start().await;
    let owner = app.register("Many").await;
    let rows = json!([
        {"item_id": "A", "product_name": "Zebra", "category": "X", "unit_cost": "3.00", "sku": "SAME"},
        {"item_id": "", "product_name": "nameless"},
        {"item_id": "B", "product_name": "Yak", "category": "Y", "unit_cost": "1.00", "sku": "SAME"},
        {"item_id": "B", "product_name": "again"},
        {"item_id": "C", "product_name": "=Xylophone", "category": "X", "weight_g": 5},
        {"item_id": "D", "product_name": "bad money", "unit_cost": {"amount": "1", "currency": "XXQ"}},
        {"item_id": "E", "product_name": "bad cost", "unit_cost": "-1"}
    ]);
    let made = owner.post("/products", &rows).await.expect(200);
    assert_eq!((made.number("/accepted"), made.number("/refused")), (3, 4), "{:#}", made.body);
    let pointers: Vec<&Value> = made.items().iter().map(|item| &item["pointer"]).collect();
    assert_eq!(pointers[1], "/1/item_id");
    assert_eq!(pointers[5], "/5/unit_cost");
    assert_eq!(pointers[6], "/6/unit_cost");
    assert_eq!(made.body["items"][3]["verdict"], "refused");

    assert_eq!(ids(&owner.get_caught_up("/products").await.expect(200)), ["A", "B", "C"]);
    for (query, expected) in [
        ("sort=-unit_cost", vec!["A", "B", "C"]),
        ("sort=unit_cost", vec!["B", "A", "C"]),
        ("sort=name", vec!["C", "B", "A"]),
        ("sort=category,-item_id", vec!["C", "A", "B"]),
        ("sort=weight_g", vec!["C", "A", "B"]),
        ("sort=-created_at,item_id", vec!["A", "B", "C"]),
        ("category=X", vec!["A", "C"]),
        ("search=yAK", vec!["B"]),
        ("location_id=MAIN", vec![]),
        ("page=2&page_size=2", vec!["C"]),
    ] {
        assert_eq!(ids(&owner.get(&format!("/products?{query}")).await.expect(200)), expected, "{query}");
    }
    owner.get("/products?sort=nonsense").await.expect(422);
    owner.get("/products/SAME").await.expect_code(409, "ambiguous_item");

    let csv = owner.get("/products/export").await.expect(200);
    let csv = csv.body.as_str().unwrap();
    assert!(csv.starts_with("\u{feff}item_id,sku,product_name"), "{csv}");
    assert!(csv.contains("\r\nC,C,'=Xylophone,X,,,true,"), "{csv}");
    let xlsx = owner.get("/products?format=xlsx").await.expect(200);
    assert!(xlsx.headers["content-type"].to_str().unwrap().contains("spreadsheetml"));
    app.stop().await;
}

#[tokio::test]
async fn the_warehouse_sees_no_money_and_changes_no_product() {
    let app = TestApp::start().await;
    let owner = app.register("Roles").await;
    owner
        .post("/products", &json!({"item_id": "A", "product_name": "A", "unit_cost": "1.00"}))
        .await
        .expect(201);
    owner.get_caught_up("/products/A").await.expect(200);
    let key = owner.post("/api-keys", &json!({"name": "scanner", "role": "WAREHOUSE"})).await.expect(201);
    let secret = ["/secret", "/key", "/api_key"]
        .iter()
        .find_map(|place| key.body.pointer(place).and_then(Value::as_str))
        .unwrap_or_else(|| panic!("{:#}", key.body))
        .to_owned();
    let ask = async |method: Method, path: &str, body: Option<Value>| {
        let request =
            app.http.request(method, app.url(&format!("/api/v1{path}"))).header("X-API-Key", &secret);
        Answer::of(if let Some(body) = body { request.json(&body) } else { request }).await
    };
    let one = ask(Method::GET, "/products/A", None).await.expect(200);
    let listed = format!("/products?min_position={}", owner.head());
    let listed = ask(Method::GET, &listed, None).await.expect(200);
    for product in [&one.body, &listed.items()[0]] {
        for column in ["unit_cost", "cost_price", "cost_missing", "selling_price"] {
            assert!(product.get(column).is_none(), "{column}: {product:#}");
        }
    }
    ask(Method::GET, "/products?sort=unit_cost", None).await.expect(422);
    ask(Method::GET, "/products?format=csv", None).await.expect(403);
    ask(Method::GET, "/products/export", None).await.expect(403);
    ask(Method::PUT, "/products/A", Some(json!({"category": "X"}))).await.expect(403);
    ask(Method::PUT, "/settings", Some(json!({}))).await.expect(403);
    ask(Method::GET, "/settings", None).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn a_repeat_with_the_same_key_changes_nothing() {
    let app = TestApp::start().await;
    let owner = app.register("Keys").await;
    let one = json!({"item_id": "A", "product_name": "A"});
    let many = json!([{"item_id": "B", "product_name": "B"}, {"item_id": "", "product_name": "C"}]);
    for (key, body, status) in [("k1", &one, 201), ("k2", &many, 200)] {
        let first = owner.post_keyed("/products", key, body).await.expect(status);
        let again = owner.post_keyed("/products", key, body).await.expect(status);
        assert_eq!(again.body, first.body);
        assert_eq!(again.headers["idempotent-replay"], "true");
        let other = json!({"item_id": "Z", "product_name": "Z"});
        owner.post_keyed("/products", key, &other).await.expect(422);
    }
    for bad in [
        json!({"item_id": "D", "product_name": "D", "listed_on": "-0001-01-01"}),
        json!({"item_id": "D", "product_name": "D", "lead_time_days": -1}),
        json!({"item_id": "D", "product_name": "\u{0}"}),
        json!({"item_id": "D", "product_name": null}),
        json!([]),
    ] {
        owner.post("/products", &bad).await.expect(422);
    }
    owner.get("/products/%00").await.expect(404);
    owner.get("/locations/%00").await.expect(404);
    app.stop().await;
}

#[tokio::test]
async fn a_product_is_found_by_every_name_it_bears_or_bore() {
    let app = TestApp::start().await;
    let owner = app.register("Names").await;
    let full = json!({"item_id": "Товар/ 1", "name": "Кружка", "sku": "SKU 1", "barcodes": ["4006381333931"],
        "listings": [{"channel": "ozon", "external_id": "OZ/7"}]});
    let made = owner.post("/products", &full).await.expect(201);
    let path = "/products/%D0%A2%D0%BE%D0%B2%D0%B0%D1%80%2F%201";
    assert_eq!(made.headers["location"], format!("/api/v1{path}").as_str());
    let names = [path, "/products/SKU%201", "/products/4006381333931", "/products/OZ%2F7"];
    for name in names {
        assert_eq!(owner.get_caught_up(name).await.expect(200).text("/item_id"), "Товар/ 1", "{name}");
    }
    owner.opening("SKU 1", 5).await;
    owner.put(path, &json!({"item_id": "MUG"})).await.expect(200);
    owner.put("/products/MUG", &json!({"item_id": "CUP"})).await.expect(200);
    for name in names.into_iter().chain(["/products/MUG", "/products/CUP"]) {
        assert_eq!(owner.get_caught_up(name).await.expect(200).text("/item_id"), "CUP", "{name}");
    }
    owner
        .post("/products", &json!({"item_id": "MUG", "name": "taken"}))
        .await
        .expect_code(409, "product_exists");
    let add = json!({"item_id": "Товар/ 1", "location_id": "MAIN", "type": "ADD", "quantity": 1, "reason": "OTHER"});
    let added = owner.post("/inventory/adjust", &add).await.expect(200);
    assert_eq!((added.text("/item_id"), added.number("/quantity_after")), ("CUP", 6));
    let moved = owner.get_caught_up("/inventory/movements/MUG").await.expect(200);
    assert_eq!((moved.number("/total"), moved.text("/items/0/item_id")), (2, "CUP"));
    assert_eq!(owner.stock("CUP").await["MAIN"], 6);
    app.stop().await;
}

#[tokio::test]
async fn a_name_that_two_products_bear_is_not_guessed() {
    let app = TestApp::start().await;
    let owner = app.register("Twins").await;
    for item in ["A", "B"] {
        owner.post("/products", &json!({"item_id": item, "name": item, "sku": "TWIN"})).await.expect(201);
    }
    for path in ["/products/TWIN", "/inventory/movements/TWIN", "/products/TWIN/demand"] {
        owner.get_caught_up(path).await.expect_code(409, "ambiguous_item");
    }
    owner.put("/products/TWIN", &json!({"name": "x"})).await.expect_code(409, "ambiguous_item");
    owner.post("/products", &json!({"item_id": "TWIN", "name": "own key"})).await.expect(201);
    assert_eq!(
        owner.get_caught_up("/products/TWIN").await.expect(200).text("/name"),
        "own key",
        "the key goes first"
    );
    app.stop().await;
}
