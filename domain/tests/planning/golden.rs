//! Every column of every item of the golden files, and their summaries.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use domain::planning::cover::{Colour, Status};
use domain::planning::explain::fields;
use domain::planning::forecast::{Confidence, ForecastCase};
use domain::planning::ordering::ActionCategory;
use domain::planning::recommendation::RecommendationType;
use domain::planning::summary::{
    Counts, Planned, Totals, counted, stock_value, top_overstocked, top_understocked, top_urgent,
};
use domain::planning::{Amount, ItemPlan};
use serde_json::{Map, Value, json};

use crate::fixture::{Fixture, Item, data, online_retail, rows, small};

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(words) => words.iter().map(cell).collect::<Vec<_>>().join("|"),
        other => other.to_string(),
    }
}

/// Compares every column; says which cells differ.
fn differences(golden: &Path, plans: &BTreeMap<&str, (&Item, &ItemPlan)>) -> (usize, Vec<String>) {
    let (mut cells, mut different) = (0, Vec::new());
    for row in rows(golden) {
        let (item, plan) = plans[row["item_id"].as_str()];
        let mut figures: Map<String, Value> = fields(plan);
        figures.insert("item_id".to_owned(), json!(item.id));
        figures.insert("category".to_owned(), json!(item.category));
        for (column, expected) in &row {
            cells += 1;
            let found = figures.get(column).map_or_else(|| "no such column".to_owned(), cell);
            if found != *expected {
                different.push(format!("{} {column}: {found} instead of {expected}", item.id));
            }
        }
    }
    (cells, different)
}

fn by_id<'a>(fixture: &'a Fixture, plans: &'a [ItemPlan]) -> BTreeMap<&'a str, (&'a Item, &'a ItemPlan)> {
    fixture.items.iter().zip(plans).map(|(item, plan)| (item.id.as_str(), (item, plan))).collect()
}

/// The summary of some items, in the shape of the golden files.
fn summary(fixture: &Fixture, items: &[(&Item, &ItemPlan)]) -> Value {
    let mut totals = Totals::default();
    for (_, plan) in items {
        totals.add(plan).unwrap();
    }
    let week_ago = items.iter().map(|(item, plan)| {
        let close = item.closes.iter().rev().nth(7).copied().unwrap_or(0);
        (close, plan.unit_cost)
    });
    let summary = totals.summary(Amount::ZERO, Some(stock_value(week_ago).unwrap())).unwrap();
    let mut shown = fields(&summary);
    let planned: Vec<Planned<'_>> = items.iter().map(|(item, plan)| (&item.id, *plan)).collect();
    let ids = |items: Vec<Planned<'_>>| json!(items.iter().map(|(id, _)| id).collect::<Vec<_>>());
    for (name, value) in [
        ("colour", by_word(&totals.colours, Colour::ALL, Colour::name)),
        ("action_category", by_word(&totals.actions, ActionCategory::ALL, ActionCategory::name)),
        ("status", by_word(&totals.statuses, Status::ALL, Status::name)),
        ("confidence", by_word(&totals.confidences, Confidence::ALL, Confidence::name)),
        ("forecast_case", by_word(&totals.cases, ForecastCase::ALL, ForecastCase::name)),
        ("recommendation_types", by_word(&totals.types, RecommendationType::ALL, RecommendationType::name)),
        ("top_urgent", ids(top_urgent(planned.clone()))),
        ("top_understocked", ids(top_understocked(planned.clone()))),
        ("top_overstocked", ids(top_overstocked(planned))),
        ("sales_lines", json!(fixture.lines)),
    ] {
        shown.insert(name.to_owned(), value);
    }
    Value::Object(shown)
}

fn by_word<T: PartialEq + Copy, const N: usize>(
    counts: &Counts<N>,
    words: &[T],
    name: fn(T) -> &'static str,
) -> Value {
    assert_eq!(words.len(), N, "a count for each word");
    let counts = words.iter().map(|word| (name(*word), counted(counts, words, *word)));
    json!(counts.collect::<BTreeMap<_, _>>())
}

fn stored(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn compare_small(settings: &str, golden: &str) {
    let (fixture, folder) = (small(settings), data().join("golden/small"));
    let plans = fixture.plans();
    let by_id = by_id(&fixture, &plans);
    let (cells, different) = differences(&folder.join(format!("{golden}.csv")), &by_id);
    assert_eq!(different, Vec::<String>::new());
    assert_eq!(cells, 43 * 51, "every column of every item");
    let items: Vec<_> = by_id.into_values().collect();
    assert_eq!(summary(&fixture, &items), stored(&folder.join(format!("{golden}-summary.json"))));
}

#[test]
fn the_small_file_with_a_safety_buffer_is_as_by_hand() {
    compare_small("settings.json", "golden-small");
}

#[test]
fn the_small_file_with_defaults_is_as_by_hand() {
    compare_small("settings-defaults.json", "golden-small-defaults");
}

#[test]
fn the_500_most_wanted_real_products_are_as_the_golden_file_says() {
    let (fixture, folder) = (online_retail(), data().join("golden/online-retail"));
    let plans = fixture.plans();
    let by_id = by_id(&fixture, &plans);
    let (cells, different) = differences(&folder.join("golden-online-retail.csv"), &by_id);
    assert_eq!(different, Vec::<String>::new());
    assert_eq!(cells, 500 * 51, "every column of every item");

    let mut wanted: Vec<(&Item, &ItemPlan)> = by_id.into_values().collect();
    wanted.sort_by_key(|(item, _)| (Reverse(item.demand.iter().sum::<i64>()), item.id.clone()));
    wanted.truncate(500);
    let listed: Vec<String> =
        rows(&folder.join("golden-online-retail.csv")).iter().map(|row| row["item_id"].clone()).collect();
    let ids: Vec<&str> = wanted.iter().map(|(item, _)| item.id.as_str()).collect();
    assert_eq!(ids, listed, "the golden file holds the top 500 by demand, in order");
    assert_eq!(summary(&fixture, &wanted), stored(&folder.join("golden-online-retail-summary.json")));
}

#[test]
fn a_changed_threshold_is_found() {
    let mut fixture = small("settings.json");
    fixture.settings.low_stock_threshold_days = 6;
    let plans = fixture.plans();
    let golden = data().join("golden/small/golden-small.csv");
    let (_, different) = differences(&golden, &by_id(&fixture, &plans));
    assert!(different.iter().any(|cell| cell.starts_with("10002 colour: GREEN")), "{different:?}");
}
