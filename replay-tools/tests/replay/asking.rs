//! `replay as-of`, `replay explain` and `replay export`.

use chrono::{DateTime, TimeDelta, Utc};
use domain::shared::event::Event;
use domain::stock::{StockEvent, as_of};
use serde_json::Value;

use crate::support::{Shop, place};

/// Every exported stock event with its instant of recording.
fn facts(export: &str) -> Vec<(DateTime<Utc>, StockEvent)> {
    let lines = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let stock = lines.filter(|line| line["stream_type"] == "stock_item");
    stock
        .map(|line| {
            let version = i16::try_from(line["schema_version"].as_i64().unwrap()).unwrap();
            let payload = line["payload"].to_string();
            let fact = StockEvent::decode(line["event_type"].as_str().unwrap(), version, &payload).unwrap();
            (line["recorded_at"].as_str().unwrap().parse().unwrap(), fact)
        })
        .collect()
}

fn on_hand(out: &str, location: &str) -> i64 {
    let line = out.lines().find(|line| line.split_whitespace().next() == Some(location)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_plain_fold_of_the_export_equals_as_of_at_every_instant() {
    let shop = Shop::folded().await;
    let export = shop.replay_here(&["export", "--format", "ndjson"]).await;
    assert_eq!(export.code, 0, "{}", export.err);
    let facts = facts(&export.out);
    assert_eq!(facts.len(), 6);

    let moments = facts.iter().flat_map(|(_, fact)| {
        let at = fact.entry().effective_at;
        [at - TimeDelta::microseconds(1), at, at + TimeDelta::microseconds(1)]
    });
    for moment in moments {
        let known_at = facts[3].0;
        for known_at in [None, Some(known_at - TimeDelta::microseconds(1))] {
            let events: Vec<StockEvent> = facts
                .iter()
                .filter(|(recorded_at, _)| known_at.is_none_or(|known_at| *recorded_at <= known_at))
                .map(|(_, fact)| fact.clone())
                .collect();
            let instant = moment.to_rfc3339();
            let known = known_at.map(|known_at| known_at.to_rfc3339());
            let mut arguments = vec!["as-of", &instant, "--item", "LAMP"];
            if let Some(known) = &known {
                arguments.extend(["--known-at", known]);
            }
            let said = shop.replay_here(&arguments).await;
            assert_eq!(said.code, 0, "{}", said.err);
            for location in ["MAIN", "STORE"] {
                let expected = as_of(&events, &place(location), moment);
                assert_eq!(
                    on_hand(&said.out, location),
                    expected,
                    "{location} at {instant}, known {known:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn as_of_shows_one_location_or_all_with_a_total() {
    let shop = Shop::folded().await;
    let now = shop.clock.now().to_rfc3339();
    let said = shop.replay_here(&["as-of", &now, "--item", "LAMP"]).await;
    assert!(said.out.contains("LAMP (Desk lamp) at "), "{}", said.out);
    assert_eq!(
        (on_hand(&said.out, "MAIN"), on_hand(&said.out, "STORE"), on_hand(&said.out, "total")),
        (6, 4, 10)
    );
    let said = shop.replay_here(&["as-of", &now, "--item", "LAMP", "--location", "STORE"]).await;
    assert!(!said.out.contains("MAIN") && !said.out.contains("total"), "{}", said.out);
    let said = shop.replay_here(&["as-of", &now, "--item", "CHAIR"]).await;
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("no stock of CHAIR"), "{}", said.err);
}

#[tokio::test]
async fn explain_tells_each_movement_what_superseded_it_and_the_final_figure() {
    let shop = Shop::folded().await;
    let said = shop.replay_here(&["explain", "LAMP"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    for expected in [
        "LAMP (Desk lamp) of company",
        "StockReceived PO-1 by user:ann",
        "MAIN: quantity +10  effect +10  balance 10",
        "STORE: quantity +4  effect +4  balance 4",
        "MAIN: quantity -1  effect -1  balance 5  states 5",
        "notes: one was broken",
        "MAIN: quantity -1  effect 0  balance 5  superseded by the statement at #",
        "StockAdjusted Add for Correction",
    ] {
        assert!(said.out.contains(expected), "{expected} is not in\n{}", said.out);
    }
    let last = said.out.lines().rev().take(3).collect::<Vec<_>>().join("\n");
    assert!(last.contains("total     10"), "{last}");

    shop.tamper("update inventory_1.levels set on_hand = 7 where location_id = 'MAIN'").await;
    let said = shop.replay_here(&["explain", "LAMP"]).await;
    assert_eq!(said.code, 1);
    assert!(said.out.ends_with("THESE FIGURES DIFFER\n"), "{}", said.out);
}

#[tokio::test]
async fn the_log_can_be_asked_before_any_read_model_exists() {
    let shop = Shop::with_history().await;
    let said = shop.replay_here(&["explain", "LAMP"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("not yet"), "{}", said.out);
}

#[tokio::test]
async fn an_export_holds_every_column_of_the_asked_range() {
    let shop = Shop::with_history().await;
    let said = shop.replay(&["export"]).await;
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 10);
    let columns: Vec<&str> = lines[0].as_object().unwrap().keys().map(String::as_str).collect();
    for column in [
        "partition",
        "position",
        "company_id",
        "stream_type",
        "stream_id",
        "version",
        "event_id",
        "event_type",
        "schema_version",
        "effective_at",
        "recorded_at",
        "payload",
        "metadata",
    ] {
        assert!(columns.contains(&column), "{column} is not among {columns:?}");
    }
    assert!(lines[0]["payload"].is_object() && lines[0]["metadata"]["actor"] == "user:ann");

    let said = shop.replay(&["export", "--from", "3", "--to", "6"]).await;
    let positions: Vec<i64> = said
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["position"].as_i64().unwrap())
        .collect();
    assert_eq!(positions, [3, 4, 5]);

    let from = lines[6]["recorded_at"].as_str().unwrap();
    let to = lines[9]["recorded_at"].as_str().unwrap();
    let said = shop.replay_here(&["export", "--from", from, "--to", to]).await;
    let expected: Vec<&Value> =
        lines.iter().filter(|line| (from..to).contains(&line["recorded_at"].as_str().unwrap())).collect();
    assert_eq!(said.out.lines().count(), expected.len(), "{}", said.out);
}
