//! Lines that name what nobody knows wait, and find their place once.

use serde_json::{Value, json};
use tests::{Person, TestApp};

fn line(line_id: &str, item_id: &str) -> Value {
    json!({"channel": "web", "order_id": "O-1", "line_id": line_id, "item_id": item_id, "quantity": 3,
        "sold_at": "2024-01-05T12:00:00+00:00"})
}

async fn waiting(person: &Person<'_>) -> Vec<(String, String)> {
    let rows = person.get_caught_up("/quarantine").await.expect(200);
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.items().iter().map(|row| (text(row, "quarantine_id"), text(row, "reason"))).collect()
}

#[tokio::test]
async fn a_line_moves_stock_once_after_its_item_is_known() {
    let app = TestApp::start().await;
    let owner = app.register("Waits").await;
    let batch = json!([line("1", "NEW")]);
    let first = owner.post("/sales/batch", &batch).await.expect(200);
    assert_eq!(first.number("/quarantined"), 1);
    let [(id, reason)] = &waiting(&owner).await[..] else { panic!("not one entry") };
    assert_eq!(reason, "UNKNOWN_ITEM");
    let retry = format!("/quarantine/{id}/retry");
    owner.post(&retry, &json!({})).await.expect_code(409, "unknown_item");
    owner.product("NEW").await;
    let released = owner.post(&retry, &json!({})).await.expect(200);
    assert_eq!(
        (released.body["released"].as_bool(), released.body["already_recorded"].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!(owner.stock("NEW").await["MAIN"], -3);
    owner.post(&retry, &json!({})).await.expect_code(409, "already_released");
    assert!(waiting(&owner).await.is_empty());
    assert_eq!(owner.get("/quarantine?status=released").await.items().len(), 1);
    assert_eq!(owner.get("/quarantine?status=all").await.items().len(), 1);

    let written = app.written().await;
    let again = owner.post("/sales/batch", &batch).await.expect(200);
    assert_eq!((again.number("/duplicates"), app.written().await), (1, written));
    assert_eq!(owner.stock("NEW").await["MAIN"], -3);
    let unknown = format!("/quarantine/{}/retry", uuid::Uuid::from_u128(7));
    owner.post(&unknown, &json!({})).await.expect_code(404, "unknown_quarantine_entry");
    app.stop().await;
}

#[tokio::test]
async fn a_line_may_wait_for_a_location_or_for_a_name_that_is_clear() {
    let app = TestApp::start().await;
    let owner = app.register("Waits").await;
    for (item_id, sku) in [("A", "SAME"), ("B", "SAME")] {
        owner.post("/products", &json!({"item_id": item_id, "sku": sku, "name": item_id})).await.expect(201);
    }
    let mut somewhere = line("1", "A");
    somewhere["location_id"] = json!("SHOP");
    let answer = owner.post("/sales/batch", &json!([somewhere, line("2", "SAME")])).await.expect(200);
    assert_eq!(answer.number("/quarantined"), 2);
    let mut entries = waiting(&owner).await;
    entries.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(
        entries.iter().map(|(_, reason)| reason.as_str()).collect::<Vec<_>>(),
        ["AMBIGUOUS_ITEM", "UNKNOWN_LOCATION"]
    );
    let retry =
        async |entry: usize| owner.post(&format!("/quarantine/{}/retry", entries[entry].0), &json!({})).await;
    retry(0).await.expect_code(409, "ambiguous_item");
    retry(1).await.expect_code(409, "unknown_location");
    owner.location("SHOP", "STORE").await;
    owner.put("/products/B", &json!({"sku": "OTHER"})).await.expect(200);
    retry(0).await.expect(200);
    retry(1).await.expect(200);
    assert_eq!(owner.stock("A").await, [("MAIN".to_owned(), -3), ("SHOP".to_owned(), -3)].into());
    app.stop().await;
}

#[tokio::test]
async fn many_who_retry_at_once_release_a_line_once() {
    let app = TestApp::start().await;
    let owner = app.register("Waits").await;
    owner.post("/sales/batch", &json!([line("1", "NEW")])).await.expect(200);
    let id = waiting(&owner).await.remove(0).0;
    owner.product("NEW").await;
    let path = format!("/quarantine/{id}/retry");
    let nothing = json!({});
    let answers = futures::future::join_all((0..8).map(|_| owner.post(&path, &nothing))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status)));
    assert_eq!(owner.stock("NEW").await["MAIN"], -3);
    app.stop().await;
}
