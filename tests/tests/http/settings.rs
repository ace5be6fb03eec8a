//! Settings and the profile of the company.

use serde_json::{Value, json};
use tests::TestApp;

#[tokio::test]
async fn settings_answer_the_whole_document_and_keep_their_history() {
    let app = TestApp::start().await;
    let owner = app.register("Chosen").await;
    let defaults = owner.get_caught_up("/settings").await.expect(200);
    assert_eq!(defaults.body["high_value_threshold"], json!({"amount": "1000.00", "currency": "EUR"}));
    assert_eq!(defaults.body["safety_buffer_days"], Value::Null);

    let chosen = owner
        .put("/settings", &json!({"dead_stock_days": 60, "high_value_threshold": "500", "urgent_risk": 70.5}))
        .await
        .expect(200);
    assert_eq!(chosen.body["dead_stock_days"], 60);
    assert_eq!(chosen.body["high_value_threshold"]["amount"], "500.00");
    let again = owner.get_caught_up("/settings").await.expect(200);
    assert_eq!(again.body["urgent_risk"], 70.5);
    owner.put("/settings", &chosen.body).await.expect(200);
    owner.put("/settings", &json!({"overstocked_threshold": 3})).await.expect(422);
    owner.put("/settings", &json!({"nonsense": 3})).await.expect(422);
    owner.put("/settings", &json!({"dead_stock_days": null})).await.expect(200);

    let history = owner.get_caught_up("/settings/history").await.expect(200);
    assert_eq!(history.number("/total"), 2);
    assert_eq!(history.items()[0]["changes"], json!({"dead_stock_days": null}));
    assert!(history.items()[0]["actor"].as_str().unwrap().starts_with("user:"));

    let company =
        owner.put("/company", &json!({"name": "New", "timezone": "Europe/Moscow"})).await.expect(200);
    assert_eq!((company.text("/name"), company.text("/timezone")), ("New", "Europe/Moscow"));
    owner.put("/company", &json!({"timezone": "Mars/Olympus"})).await.expect_code(422, "unknown_time_zone");
    assert_eq!(owner.get_caught_up("/company").await.expect(200).text("/name"), "New");
    app.stop().await;
}
