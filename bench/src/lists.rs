//! Lists at a steady rate: requests start on time whether or not the ones before have ended.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::bed;
use crate::http::Shop;

/// Latencies of a load.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    sorted: Vec<Duration>,
}

impl Latencies {
    /// These latencies.
    pub(crate) fn new(mut latencies: Vec<Duration>) -> Self {
        latencies.sort();
        Self { sorted: latencies }
    }

    /// Their mean, in milliseconds.
    pub(crate) fn mean(&self) -> f64 {
        let sum: f64 = self.sorted.iter().map(|latency| latency.as_secs_f64() * 1_000.0).sum();
        u32::try_from(self.sorted.len()).map_or(0.0, |number| sum / f64::from(number.max(1)))
    }

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

/// Sorts and filters by what plans say, every one in turn.
pub(crate) const PLANS: &[&str] = &[
    "sort=priority",
    "sort=runway_days",
    "sort=-depletion_date&health=RED",
    "sort=-recommended_quantity",
    "sort=order_quantity&min_dir=10",
    "sort=-suggested_quantity",
    "sort=-gross_need&action=ORDER_TODAY,ATTENTION_REQUIRED",
    "sort=in_transit,-dir",
    "sort=-daily_forecast&page=7",
    "sort=-forecast_14d&confidence=LOW,MEDIUM",
    "sort=forecast_30d&max_dir=60",
    "sort=-avg_daily_30",
    "sort=confidence,-risk",
    "sort=health,category",
    "sort=status,-priority_score",
    "sort=action,runway_days&page=5",
    "sort=-priority_score&category=C7",
    "sort=dir&status=understocked,overstocked",
    "sort=-dir&dead_stock=false",
    "sort=-stockout_risk&min_risk=20&max_risk=90",
    "sort=-moq&min_runway=3&max_runway=20",
    "sort=-idle_days&dead_stock=true",
    "sort=history_days&recommendation=REORDER",
    "sort=-recommendations&attention_reason=LOW_RUNWAY",
    "sort=-attention_reasons&marketing_threshold=below",
];

/// Recommendations as people ask for them.
pub(crate) const RECOMMENDATIONS: &[&str] = &[
    "page=1",
    "type=URGENT",
    "type=REORDER,PROMOTE&page=3",
    "role=MARKETING",
    "role=PROCUREMENT&page=2",
    "category=C3",
    "search=duct%2042",
    "dismissed=true",
];

/// Pages of 50 of `path` by each of `queries`.
pub(crate) fn pages(path: &str, queries: &[&str]) -> Vec<String> {
    queries.iter().map(|query| format!("{path}?page_size=50&{query}")).collect()
}

/// Asks for each of `requests` in turn at `rate` a second for `seconds`.
pub(crate) async fn steady(
    shop: &Shop,
    requests: Vec<String>,
    rate: u32,
    seconds: Duration,
) -> anyhow::Result<Latencies> {
    let asked = Arc::new(requests);
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
            let asked = asked.clone();
            let due = start + Duration::from_secs(1) * u32::try_from(n).unwrap_or(0) / rate;
            tokio::spawn(async move {
                tokio::time::sleep_until(due).await;
                let at = usize::try_from(bed::scatter(n) >> 8)? % asked.len();
                let request = asked.get(at).context("no request")?;
                let slot = usize::try_from(n)? % connections.len();
                let mut connection = connections.get(slot).context("no connection")?.lock().await;
                connection.get(request).await?.expect(200)?;
                anyhow::Ok(due.elapsed())
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.push(task.await??);
    }
    Ok(Latencies::new(latencies))
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
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.push(task.await??);
    }
    Ok(Latencies::new(latencies))
}
