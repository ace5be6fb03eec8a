//! What people did by hand in the demo: transfers to the shop, corrections, counts, a mirror that drifts, an oversale.

use std::collections::BTreeMap;

use chrono::NaiveTime;
use serde_json::{Value, json};

use super::client::Client;
use super::{DemoError, LAST_DAY, SHOP, Shift};

/// Does the handwork on the items with the most stock. Every step has a key, so that it counts once. Returns the
/// position of the last event.
pub(super) async fn load(
    client: &Client,
    shift: Shift,
    levels: BTreeMap<String, i64>,
) -> Result<i64, DemoError> {
    let mut levels = levels.into_iter().collect::<Vec<_>>();
    levels.sort_by(|(a, left), (b, right)| right.cmp(left).then_with(|| a.cmp(b)));
    let mut position = 0;
    let mut steps = 0;
    for (number, (item_id, level)) in levels.iter().take(20).enumerate() {
        for (path, body) in steps_of(number, item_id, *level, shift) {
            let key = format!("demo-{number}{}", path.replace('/', "-"));
            let answer = client.post_once(path, &key, &body).await?;
            position = position.max(answer.get("position").and_then(Value::as_i64).unwrap_or_default());
            steps += 1;
        }
    }
    tracing::info!("demo: {steps} transfers, corrections, counts and mirrored levels");
    Ok(position)
}

fn steps_of(number: usize, item_id: &str, level: i64, shift: Shift) -> Vec<(&'static str, Value)> {
    let adjust = |kind: &str, quantity: i64, reason: &str, notes: &str| {
        json!({"item_id": item_id, "location_id": "MAIN", "type": kind, "quantity": quantity, "reason": reason,
            "notes": notes})
    };
    let mirrored = level - i64::from(number.is_multiple_of(3));
    let mut steps =
        vec![("/inventory/opening", json!({"item_id": item_id, "location_id": "WEB", "quantity": mirrored}))];
    if number < 12 {
        let transfer = json!({"item_id": item_id, "from_location_id": "MAIN", "to_location_id": SHOP, "quantity": 24,
            "notes": "shop window"});
        steps.push(("/inventory/transfer", transfer));
    }
    match number {
        12 | 13 => steps.push(("/inventory/adjust", adjust("SUBTRACT", 3, "DAMAGE", "broken in the rack"))),
        14 => {
            steps
                .push(("/inventory/adjust", adjust("ADD", 12, "CORRECTION", "a box found behind the shelf")));
        }
        15 | 16 => {
            let count = json!({"item_id": item_id, "location_id": "MAIN", "quantity": level - 2, "notes": "monthly count"});
            steps.push(("/inventory/count", count));
        }
        _ => {}
    }
    if number == 0 {
        let sold_at = shift.instant(LAST_DAY.and_time(NaiveTime::MIN)).to_rfc3339();
        // The shop holds 24 of it and sells 30: a discrepancy that people see until somebody counts.
        steps.push((
            "/sales/batch",
            json!([{"channel": "till", "order_id": "demo-1", "line_id": "demo-1-1",
            "item_id": item_id, "location_id": SHOP, "quantity": 30, "sold_at": sold_at}]),
        ));
    }
    steps
}
