//! A company whose products are sold, so that its plans say something.

use std::fmt::Write as _;

use chrono::{DateTime, Days, NaiveDate, Utc};
use commands::clock::Clock;
use serde_json::{Value, json};

use crate::bed::{self, scatter};
use crate::http::{Connection, Shop};

/// Days for which stock is known.
const OPENED_DAYS: u64 = 40;
/// Days over which products were sold.
const SOLD_DAYS: u64 = 35;

/// Makes `items` products with stock, and `sales` sale lines of each on the days before today.
pub(crate) async fn fill(shop: &Shop, items: usize, sales: u32) -> anyhow::Result<()> {
    let now = Clock::system().now();
    let mut connection = shop.connect().await?;
    for first in (0..items).step_by(1_000) {
        let rows = first..(first + 1_000).min(items);
        let products: Vec<Value> = rows.clone().map(product).collect::<anyhow::Result<_>>()?;
        connection.post("/products", "", &json!(products).to_string()).await?.expect_success()?;
        let openings: Vec<Value> =
            rows.map(|n| opening(n, now.date_naive())).collect::<anyhow::Result<_>>()?;
        connection.post("/inventory/opening", "", &json!(openings).to_string()).await?.expect_success()?;
    }
    sell(&mut connection, items, sales, now).await
}

fn product(n: usize) -> anyhow::Result<Value> {
    let chance = scatter(u64::try_from(n)?);
    let cents = chance % 10_000;
    Ok(json!({
        "item_id": bed::item(n)?, "product_name": format!("Product {cents} of {n}"),
        "category": format!("C{}", cents % 40), "lead_time_days": (chance >> 20) % 20,
        "unit_cost": {"amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "EUR"}
    }))
}

fn opening(n: usize, today: NaiveDate) -> anyhow::Result<Value> {
    let quantity = scatter(u64::try_from(n)? + (1 << 32)) % 400;
    let date = today - Days::new(OPENED_DAYS);
    Ok(json!({"item_id": bed::item(n)?, "location_id": "MAIN", "quantity": quantity, "date": date}))
}

/// Sells everything but every 50th product, 10,000 lines a request.
async fn sell(
    connection: &mut Connection,
    items: usize,
    sales: u32,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let (mut body, mut lines) = (String::new(), 0_u32);
    for n in (0..items).filter(|n| n % 50 != 0) {
        for sale in 0..u64::from(sales) {
            let chance = scatter(u64::try_from(n)? * 64 + sale);
            let ago = 1 + chance % SOLD_DAYS;
            let (units, sold_at) = (1 + (chance >> 16) % 12, now - Days::new(ago));
            writeln!(
                body,
                r#"{{"channel":"shop","order_id":"O-{sale}-{n}","line_id":"{sale}-{n}","item_id":"{}","quantity":{units},"sold_at":"{}","kind":"sale"}}"#,
                bed::item(n)?,
                sold_at.format("%Y-%m-%dT%H:%M:%S+00:00")
            )?;
            lines += 1;
            if lines.is_multiple_of(10_000) {
                send(connection, &std::mem::take(&mut body)).await?;
            }
        }
    }
    if body.is_empty() { Ok(()) } else { send(connection, &body).await }
}

async fn send(connection: &mut Connection, body: &str) -> anyhow::Result<()> {
    connection
        .send("POST", "/sales/batch", "", "application/x-ndjson", body.as_bytes())
        .await?
        .expect_success()
}
