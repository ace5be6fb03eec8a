//! Rule R28: keys, defaults, ranges.

use domain::companies::Settings;
use domain::companies::settings::{KEYS, SettingsProblem};
use domain::stock::StockRules;
use serde_json::{Map, Value, json};

fn with(changes: &Value) -> Result<Settings, (String, SettingsProblem)> {
    let changes: Map<String, Value> = changes.as_object().unwrap().clone();
    Settings::default().with(&changes).map_err(|refusal| (refusal.key, refusal.reason))
}

fn problem(changes: &Value) -> SettingsProblem {
    with(changes).unwrap_err().1
}

#[test]
fn a_missing_key_means_its_default() {
    let expected = json!({
        "low_stock_threshold_days": 7,
        "safety_buffer_days": null,
        "default_lead_time_days": 7,
        "understocked_threshold": 14,
        "overstocked_threshold": 90,
        "dead_stock_days": 90,
        "high_value_threshold": "1000.00",
        "volatility_high_ratio": 1.2,
        "urgent_risk": 70,
        "reduce_order_dir": 90,
        "promote_dir": 30,
        "suggestion_min_risk": 0,
        "marketing_threshold_days": null,
        "backdate_confirm_days": 30,
        "large_change_percent": 50,
        "zeroing_confirm_percent": 20,
        "over_receipt_percent": 10,
        "history_days": 90,
        "count_returns": true,
        "censor_stockouts": false,
        "digest_time": "08:00",
        "digest_weekday": "MON",
    });
    assert_eq!(Value::Object(Settings::default().document()), expected);
    assert_eq!(with(&json!({})), Ok(Settings::default()));
    let read: Settings = serde_json::from_value(json!({})).unwrap();
    assert_eq!(read, Settings::default());
}

#[test]
fn the_list_of_keys_is_the_document() {
    let mut listed: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
    listed.sort_unstable();
    let document = Settings::default().document();
    let mut keys: Vec<&String> = document.keys().collect();
    keys.sort_unstable();
    assert_eq!(listed, keys);
}

#[test]
fn the_defaults_hold_together() {
    assert_eq!(with(&Value::Object(Settings::default().document())), Ok(Settings::default()));
    assert_eq!(Settings::default().stock_rules(), StockRules::default());
}

#[test]
fn every_setting_can_be_set_and_read_again() {
    let asked = json!({
        "low_stock_threshold_days": 0, "safety_buffer_days": 5, "default_lead_time_days": 0,
        "understocked_threshold": 20, "overstocked_threshold": 21, "dead_stock_days": 1,
        "high_value_threshold": "0.00", "volatility_high_ratio": 1, "urgent_risk": 0.01, "reduce_order_dir": 0,
        "promote_dir": 0, "suggestion_min_risk": 12.34, "marketing_threshold_days": 0, "backdate_confirm_days": 0,
        "large_change_percent": 0, "zeroing_confirm_percent": 0, "over_receipt_percent": 0, "history_days": 730,
        "count_returns": false, "censor_stockouts": true, "digest_time": "23:59", "digest_weekday": "SUN",
    });
    let settings = with(&asked).unwrap();
    assert_eq!(Value::Object(settings.document()), asked);
    let stored = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&stored).unwrap(), settings);
}

#[test]
fn an_unknown_key_is_refused() {
    assert_eq!(with(&json!({"speed": 1})), Err(("speed".to_owned(), SettingsProblem::UnknownKey)));
    assert_eq!(problem(&json!({"speed": null})), SettingsProblem::UnknownKey);
}

#[test]
fn values_of_another_type_are_refused() {
    let cases = [
        ("dead_stock_days", json!("60"), "a whole number"),
        ("dead_stock_days", json!(60.5), "a whole number"),
        ("dead_stock_days", json!(true), "a whole number"),
        ("urgent_risk", json!("much"), "a number"),
        ("urgent_risk", json!([70]), "a number"),
        ("high_value_threshold", json!({"amount": "1", "currency": "EUR"}), "a number"),
        ("count_returns", json!("yes"), "true or false"),
        ("digest_time", json!("25:00"), "a time HH:MM"),
        ("digest_time", json!(8), "a time HH:MM"),
        ("digest_weekday", json!("mon"), "MON, TUE, WED, THU, FRI, SAT or SUN"),
    ];
    for (key, value, expected) in cases {
        assert_eq!(problem(&json!({ key: value })), SettingsProblem::WrongType(expected), "{key}");
    }
}

#[test]
fn values_lie_in_their_ranges() {
    assert_eq!(problem(&json!({"promote_dir": -1})), SettingsProblem::TooSmall(0));
    assert_eq!(problem(&json!({"dead_stock_days": 0})), SettingsProblem::TooSmall(1));
    assert_eq!(problem(&json!({"volatility_high_ratio": 0.99})), SettingsProblem::TooSmall(1));
    assert_eq!(problem(&json!({"high_value_threshold": "-0.01"})), SettingsProblem::TooSmall(0));
    assert_eq!(problem(&json!({"history_days": 731})), SettingsProblem::TooLarge(730));
    assert_eq!(problem(&json!({"promote_dir": 1_000_001})), SettingsProblem::TooLarge(1_000_000));
    assert_eq!(problem(&json!({"urgent_risk": 1e300})), SettingsProblem::TooLarge(1_000_000));
    assert_eq!(problem(&json!({"urgent_risk": 1.005})), SettingsProblem::TooManyDecimals);
    assert_eq!(problem(&json!({"high_value_threshold": "1.005"})), SettingsProblem::TooManyDecimals);
}

#[test]
fn overstocked_lies_above_understocked() {
    let cross = |understocked, overstocked| SettingsProblem::ThresholdsCross { understocked, overstocked };
    let refused = with(&json!({"understocked_threshold": 90}));
    assert_eq!(refused, Err(("understocked_threshold".to_owned(), cross(90, 90))));
    let refused = with(&json!({"overstocked_threshold": 14}));
    assert_eq!(refused, Err(("overstocked_threshold".to_owned(), cross(14, 14))));
    assert!(with(&json!({"overstocked_threshold": 15})).is_ok());
    assert!(with(&json!({"understocked_threshold": 100, "overstocked_threshold": 101})).is_ok());
}

#[test]
fn amounts_are_exact() {
    for (given, kept) in [(json!(0.1), "0.10"), (json!("1e3"), "1000.00"), (json!(12), "12.00")] {
        let settings = with(&json!({ "high_value_threshold": given })).unwrap();
        assert_eq!(settings.document()["high_value_threshold"], json!(kept));
    }
}
