//! Lists at a steady rate: requests start on time whether or not the ones before have ended.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::bed;
use crate::http::Shop;

/// Latencies of a steady load.
pub(crate) struct Latencies {
    sorted: Vec<Duration>,
}

impl Latencies {
    /// The latency that `percent` of the requests did not exceed, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let at = (self.sorted.len() * percent / 100).min(self.sorted.len().saturating_sub(1));
        self.sorted.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1_000.0)
    }
}

/// Sorts and filters of the inventory table, every column in turn.
pub(crate) const INVENTORY: &[&str] = &[
    "sort=item_id",
    "sort=-total_stock",
    "sort=product_name",
    "sort=-product_name&page=7",
    "sort=category,-total_stock",
    "sort=sku",
    "sort=stock:MAIN",
    "sort=-stock:MAIN&category=C7",
    "sort=total_stock&category=C3",
    "sort=item_id&search=duct%2042",
    "sort=-item_id&min_stock=1000500",
    "sort=product_name&location_id=MAIN&max_stock=1000300",
];

/// Sorts and filters of the catalogue, every column in turn.
pub(crate) const PRODUCTS: &[&str] = &[
    "sort=item_id",
    "sort=-sku",
    "sort=product_name",
    "sort=-product_name&page=7",
    "sort=category,-sku",
    "sort=-unit_cost",
    "sort=unit_cost&category=C7",
    "sort=-created_at",
    "sort=updated_at&category=C3",
    "sort=item_id&search=duct%2042",
    "sort=lead_time_days,-item_id",
];

/// Requests `path` with each of `queries` at `rate` a second for `seconds`, pages of 50.
pub(crate) async fn steady(
    shop: &Shop,
    path: &str,
    queries: &'static [&str],
    rate: u32,
    seconds: Duration,
) -> anyhow::Result<Latencies> {
    let mut connections = Vec::new();
    for _ in 0..32 {
        connections.push(Mutex::new(shop.connect().await?));
    }
    let connections = Arc::new(connections);
    let requests = u64::from(rate) * seconds.as_secs();
    let start = Instant::now();
    let tasks: Vec<_> = (0..requests)
        .map(|n| {
            let connections = connections.clone();
            let path = path.to_owned();
            let due = start + Duration::from_secs(1) * u32::try_from(n).unwrap_or(0) / rate;
            tokio::spawn(async move {
                tokio::time::sleep_until(due).await;
                let query = usize::try_from(bed::scatter(n) >> 8)? % queries.len();
                let query = queries.get(query).context("no query")?;
                let slot = usize::try_from(n)? % connections.len();
                let mut connection = connections.get(slot).context("no connection")?.lock().await;
                connection.get(&format!("{path}?page_size=50&{query}")).await?.expect(200)?;
                anyhow::Ok(due.elapsed())
            })
        })
        .collect();
    let mut sorted = Vec::new();
    for task in tasks {
        sorted.push(task.await??);
    }
    sorted.sort();
    Ok(Latencies { sorted })
}

/// How long after its answer a command is visible in the read models, while commands run at `rate` a second.
pub(crate) async fn lag(shop: &Shop, items: u64, rate: f64, seconds: Duration) -> anyhow::Result<Latencies> {
    let state = shop.running.state.clone();
    let company = shop.company_id.0;
    let (start, run) = (Instant::now(), commands::clock::Ids.next());
    let pause = Duration::from_secs_f64(1.0 / rate.max(1.0));
    let requests = start + seconds;
    let mut connections = Vec::new();
    for _ in 0..64 {
        connections.push(Mutex::new(shop.connect().await?));
    }
    let connections = Arc::new(connections);
    let mut tasks = Vec::new();
    let (mut n, mut due) = (0_u64, start);
    while due < requests {
        let (connections, state) = (connections.clone(), state.clone());
        tasks.push(tokio::spawn(async move {
            tokio::time::sleep_until(due).await;
            let slot = usize::try_from(n)? % connections.len();
            let mut connection = connections.get(slot).context("no connection")?.lock().await;
            let item = bed::item(usize::try_from(bed::scatter(n) % items)?)?;
            let body = format!(
                r#"{{"item_id":"{item}","location_id":"MAIN","type":"ADD","quantity":1,"reason":"RECEIVING"}}"#
            );
            let answer = connection.post("/inventory/adjust", &format!("lag-{run}-{n}"), &body).await?.expect(200)?;
            drop(connection);
            let answered = Instant::now();
            let position = answer.get("position").and_then(serde_json::Value::as_i64).context("no position")?;
            state.wait(company, &["inventory", "movements"], position, Duration::from_secs(30)).await?;
            anyhow::Ok(answered.elapsed())
        }));
        n += 1;
        due += pause;
    }
    let mut sorted = Vec::new();
    for task in tasks {
        sorted.push(task.await??);
    }
    sorted.sort();
    Ok(Latencies { sorted })
}
