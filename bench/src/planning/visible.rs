//! How long it takes from a person's adjustment until everybody sees what is recommended because of it.

use std::time::Instant;

use anyhow::Context;
use serde_json::Value;

use crate::bed;
use crate::http::Shop;
use crate::lists::Latencies;

/// Adjustments, one after the other.
const ADJUSTMENTS: u64 = 400;

/// Empties and fills the shelf of one product after another, and reads its recommendations.
pub(crate) async fn measure(shop: &Shop, items: usize) -> anyhow::Result<Latencies> {
    let mut connection = shop.connect().await?;
    let mut latencies = Vec::new();
    for n in 0..ADJUSTMENTS {
        // Every product but each 50th was sold, so an empty shelf is urgent and a full one is not.
        let at = usize::try_from(bed::scatter(n / 2) % (u64::try_from(items)? / 50))? * 50 + 1;
        let item = bed::item(at)?;
        let is_empty = n % 2 == 0;
        let quantity = if is_empty { 0 } else { 1_000_000 };
        let body = format!(
            r#"{{"item_id":"{item}","location_id":"MAIN","type":"SET_TO","quantity":{quantity},"reason":"INVENTORY_COUNT","confirm":["LARGE_CHANGE"]}}"#
        );
        let begun = Instant::now();
        let answer = connection.post("/inventory/adjust", "", &body).await?.expect(200)?;
        let position = answer.get("position").and_then(Value::as_i64).context("no position")?;
        let path = format!("/recommendations?search={item}&min_position={position}");
        let read = connection.get(&path).await?;
        read.expect(200)?;
        let took = begun.elapsed();
        anyhow::ensure!(read.holds("URGENT") == is_empty, "{item} with {quantity}: other recommendations");
        latencies.push(took);
    }
    Ok(Latencies::new(latencies))
}
