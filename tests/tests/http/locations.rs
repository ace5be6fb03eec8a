//! Locations, which are warehouses to older clients.

use serde_json::json;
use tests::TestApp;

#[tokio::test]
async fn locations_and_warehouses_are_the_same() {
    let app = TestApp::start().await;
    let owner = app.register("Places").await;
    let made = owner
        .post("/warehouses", &json!({"location_id": "FF", "name": "Ozon FF", "warehouse_type": "MARKETPLACE_FF", "marketplace": "OZON"}))
        .await
        .expect(201);
    assert_eq!((made.text("/kind"), made.text("/authority")), ("MARKETPLACE_FF", "EXTERNAL"));
    owner.post("/locations", &json!({"location_id": "X", "name": "ozon ff"})).await.expect(409);
    owner.post("/locations", &json!({"name": "no code"})).await.expect(422);

    let listed = owner.get_caught_up("/locations").await.expect(200);
    let codes: Vec<&str> = listed.items().iter().map(|item| item["location_id"].as_str().unwrap()).collect();
    assert_eq!(codes, ["MAIN", "FF"]);
    let edited = owner.put("/locations/FF", &json!({"city": "Киров", "is_primary": true})).await.expect(200);
    assert_eq!(edited.body["is_primary"], true);
    assert_eq!(owner.get_caught_up("/warehouses/MAIN").await.expect(200).body["is_primary"], false);

    owner.product("A").await;
    owner.opening("A", 5).await;
    owner.delete("/locations/MAIN").await.expect(409);
    let take = json!({"item_id": "A", "location_id": "MAIN", "type": "SET_TO", "quantity": 0, "reason": "LOSS",
        "confirm": ["LARGE_CHANGE"]});
    owner.post("/inventory/adjust", &take).await.expect(200);
    let closed = owner.delete("/locations/MAIN").await.expect(200);
    assert_eq!(closed.body["is_active"], false);
    owner.delete("/locations/FF").await.expect(409);
    owner.post("/locations/MAIN/reactivate", &json!({})).await.expect(200);
    owner.get("/locations/NONE").await.expect_code(404, "unknown_location");
    owner.delete("/locations/NONE").await.expect(404);
    app.stop().await;
}
