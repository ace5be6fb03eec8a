//! What people choose for planning: rules of recommendations, settings of categories and items, the forecast policy.

use serde_json::{Value, json};
use tests::{Person, TestApp};

async fn history(person: &Person<'_>) -> Vec<(String, Value)> {
    let list = person.get_caught_up("/settings/history?sort=position").await.expect(200);
    let seen = |row: &Value| (row["scope"].as_str().unwrap().to_owned(), row["changes"].clone());
    list.items().iter().map(seen).collect()
}

#[tokio::test]
async fn rules_and_their_thresholds_change_together_or_not_at_all() {
    let app = TestApp::start().await;
    let owner = app.register("Rules").await;
    let path = "/settings/recommendation-rules";
    let defaults = owner.get_caught_up(path).await.expect(200);
    assert_eq!(defaults.body["role_rules"]["MARKETING"], json!(["DEAD_STOCK", "PROMOTE"]));
    assert_eq!(
        defaults.body["threshold_filters"],
        json!({"urgent_risk": 70, "reduce_order_dir": 90, "promote_dir": 30, "suggestion_min_risk": 0})
    );

    let change = json!({"enabled_types": ["PROMOTE", "URGENT"], "role_rules": {"CEO": ["URGENT"]},
        "threshold_filters": {"urgent_risk": 65.5, "promote_dir": 30}});
    let chosen = owner.put(path, &change).await.expect(200);
    assert_eq!(chosen.body["enabled_types"], json!(["URGENT", "PROMOTE"]), "in the order of the rules");
    assert_eq!(chosen.body["role_rules"]["PROCUREMENT"], defaults.body["role_rules"]["PROCUREMENT"]);
    assert_eq!(chosen.body["threshold_filters"]["urgent_risk"], 65.5);
    assert_eq!(owner.get_caught_up("/settings").await.expect(200).body["urgent_risk"], 65.5);

    let written = app.written().await;
    for again in [&change, &chosen.body, &json!({})] {
        let answer = owner.put(path, again).await.expect(200);
        assert_eq!(answer.body["enabled_types"], chosen.body["enabled_types"]);
    }
    let wrong = json!({"enabled_types": ["REORDER"], "threshold_filters": {"urgent_risk": -1}});
    let refused = owner.put(path, &wrong).await.expect_code(422, "invalid_setting");
    assert_eq!(refused.text("/errors/0/pointer"), "/threshold_filters/urgent_risk");
    let other = json!({"threshold_filters": {"dead_stock_days": 3}});
    let refused = owner.put(path, &other).await.expect_code(422, "invalid_setting");
    assert_eq!(refused.text("/errors/0/pointer"), "/threshold_filters/dead_stock_days");
    let unknown =
        owner.put(path, &json!({"enabled_types": ["SELL"]})).await.expect_code(422, "invalid_value");
    assert_eq!(unknown.text("/errors/0/pointer"), "/enabled_types/0");
    assert_eq!(app.written().await, written, "nothing of all that was written");

    let back = json!({"enabled_types": null, "role_rules": {"CEO": null}, "threshold_filters": {"urgent_risk": null}});
    let restored = owner.put(path, &back).await.expect(200);
    for part in ["enabled_types", "role_rules", "threshold_filters"] {
        assert_eq!(restored.body[part], defaults.body[part], "{part}");
    }
    assert_eq!(owner.get_caught_up(path).await.expect(200).body, defaults.body);
    let history = history(&owner).await;
    assert_eq!(history.len(), 4);
    assert_eq!(history[0], ("company".to_owned(), json!({"urgent_risk": 65.5})));
    assert_eq!(history[1].1["enabled_types"], json!(["URGENT", "PROMOTE"]));
    app.stop().await;
}

#[tokio::test]
async fn an_items_settings_go_before_its_categorys_and_those_before_the_companys() {
    let app = TestApp::start().await;
    let owner = app.register("Scopes").await;
    let tea = json!({"item_id": "чай/1", "name": "Tea", "category": "Hot & cold"});
    owner.post("/products", &tea).await.expect(201);
    let (of_category, of_item) = ("category=Hot%20%26%20cold", "item_id=%D1%87%D0%B0%D0%B9%2F1");
    let put = async |query: &str, body: Value| owner.put(&format!("/settings/planning?{query}"), &body).await;
    let get =
        async |query: &str| owner.get_caught_up(&format!("/settings/planning?{query}")).await.expect(200);

    owner.put("/settings", &json!({"promote_dir": 40, "understocked_threshold": 20})).await.expect(200);
    put(of_category, json!({"promote_dir": 50, "dead_stock_days": 60})).await.expect(200);
    let chosen = put(of_item, json!({"promote_dir": 60, "high_value_threshold": "250"})).await.expect(200);
    assert_eq!(chosen.body["settings"]["promote_dir"], 60);
    assert_eq!(chosen.body["settings"]["dead_stock_days"], 60, "of its category");
    assert_eq!(chosen.body["settings"]["understocked_threshold"], 20, "of the company");
    let threshold = json!({"amount": "250.00", "currency": "EUR"});
    assert_eq!(chosen.body["chosen"], json!({"promote_dir": 60, "high_value_threshold": threshold}));
    assert!(chosen.body["settings"].get("digest_time").is_none(), "{:#}", chosen.body);
    let read = get(of_item).await;
    assert_eq!(
        (&read.body["chosen"], &read.body["settings"]),
        (&chosen.body["chosen"], &chosen.body["settings"])
    );
    assert_eq!(read.text("/item_id"), "чай/1");
    let read = get(of_category).await;
    assert_eq!((read.number("/settings/promote_dir"), read.text("/category")), (50, "Hot & cold"));

    let written = app.written().await;
    put(of_item, json!({"promote_dir": 60})).await.expect(200);
    let refused =
        put(of_item, json!({"overstocked_threshold": 20})).await.expect_code(422, "invalid_setting");
    assert_eq!(refused.text("/errors/0/pointer"), "/overstocked_threshold");
    put(of_item, json!({"digest_weekday": "SUN"})).await.expect_code(422, "only_of_the_company");
    put("category=NONE", json!({"promote_dir": 3})).await.expect_code(404, "unknown_category");
    put("category=", json!({"promote_dir": 3})).await.expect_code(422, "invalid_parameter");
    put("category=A&item_id=B", json!({"promote_dir": 3})).await.expect_code(422, "invalid_parameter");
    put("item_id=NONE", json!({"promote_dir": 3})).await.expect_code(404, "unknown_item");
    assert_eq!(app.written().await, written);

    put(of_item, json!({"promote_dir": null})).await.expect(200);
    assert_eq!(get(of_item).await.number("/settings/promote_dir"), 50, "its category's again");
    owner.put("/products/%D1%87%D0%B0%D0%B9%2F1", &json!({"category": "Cold"})).await.expect(200);
    assert_eq!(get(of_item).await.number("/settings/promote_dir"), 40, "the company's");
    put(of_category, json!({"promote_dir": null, "dead_stock_days": null})).await.expect(200);
    let history = history(&owner).await;
    assert_eq!(history[1].0, "category/Hot & cold");
    assert_eq!(history[2].0, "item/чай/1");
    app.stop().await;
}

#[tokio::test]
async fn the_forecast_policy_is_chosen_and_read() {
    let app = TestApp::start().await;
    let owner = app.register("Policy").await;
    let path = "/settings/forecast-policy";
    assert_eq!(owner.get_caught_up(path).await.expect(200).text("/policy"), "MOVING_AVERAGE");
    assert_eq!(owner.put(path, &json!({"policy": "EXTERNAL"})).await.expect(200).text("/policy"), "EXTERNAL");
    let written = app.written().await;
    owner.put(path, &json!({"policy": "EXTERNAL"})).await.expect(200);
    let refused = owner.put(path, &json!({"policy": "MAGIC"})).await.expect_code(422, "invalid_value");
    assert_eq!(refused.text("/errors/0/pointer"), "/policy");
    assert_eq!(app.written().await, written);
    assert_eq!(owner.get_caught_up(path).await.expect(200).text("/policy"), "EXTERNAL");
    assert_eq!(history(&owner).await[0].1, json!({"forecast_policy": "EXTERNAL"}));
    app.stop().await;
}
