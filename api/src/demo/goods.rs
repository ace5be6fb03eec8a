//! Places, products and opening stock of the demo.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::client::Client;
use super::{DemoError, SHOP, Shift};

/// Rows of one request.
const ROWS: usize = 1_000;

#[derive(Deserialize)]
struct ProductRow {
    item_id: String,
    name: String,
    category: String,
    unit_cost: String,
}

#[derive(Deserialize)]
struct OpeningRow {
    item_id: String,
    location_id: String,
    date: NaiveDate,
    quantity: i64,
}

/// Stock of one item as its opening row states it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    /// Day, before it is moved; the stock holds at its close.
    pub(super) on: NaiveDate,
    /// Units.
    pub(super) quantity: i64,
}

/// Makes the shop and the web shop's mirror beside the main warehouse.
pub(super) async fn places(client: &Client, weeks: i64) -> Result<(), DemoError> {
    let shop = json!({"location_id": SHOP, "name": "High Street Shop", "kind": "STORE", "city": "London",
        "country": "United Kingdom", "metadata": metadata(weeks, false)});
    let mirror = json!({"location_id": "WEB", "name": "Web Shop", "kind": "WEBSITE", "marketplace": "WEBSITE",
        "stock_role": "MIRROR", "authority": "LEDGER"});
    for location in [shop, mirror] {
        match client.post("/locations", &location).await {
            Err(DemoError::Refused { status: 409, .. }) | Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What the shop's location remembers of the demo.
pub(super) fn metadata(weeks: i64, loaded: bool) -> Value {
    json!({"demo_weeks": weeks, "demo_loaded": loaded})
}

/// Creates the products and opens their stock at the main warehouse. Rows that are known stay as they are.
pub(super) async fn products_and_stock(
    client: &Client,
    shift: Shift,
    folder: &Path,
) -> Result<BTreeMap<String, Opened>, DemoError> {
    let folder = folder.join("golden/online-retail");
    let items: Vec<ProductRow> = rows(&folder.join("items.csv"))?;
    let mut added = 0;
    for chunk in items.chunks(ROWS) {
        let body = chunk.iter().map(product).collect::<Value>();
        added += rows_added(client, "/products", &body).await?;
    }
    tracing::info!("demo: {added} of {} products added", items.len());
    let openings: Vec<OpeningRow> = rows(&folder.join("opening_stock.csv"))?;
    let mut opened = 0;
    for chunk in openings.chunks(ROWS) {
        let body = chunk.iter().map(|row| opening(row, shift)).collect::<Value>();
        opened += rows_added(client, "/inventory/opening", &body).await?;
    }
    tracing::info!("demo: opening stock of {opened} of {} products stated", openings.len());
    let by_item = |row: OpeningRow| (row.item_id, Opened { on: row.date, quantity: row.quantity });
    Ok(openings.into_iter().map(by_item).collect())
}

fn rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, DemoError> {
    let failed = |source| DemoError::File { path: path.to_owned(), source };
    csv::Reader::from_path(path).map_err(failed)?.into_deserialize().collect::<Result<_, _>>().map_err(failed)
}

/// A product of which the data know no name bears its code.
fn product(item: &ProductRow) -> Value {
    let name = if item.name.is_empty() { &item.item_id } else { &item.name };
    json!({"item_id": item.item_id, "product_name": name, "category": item.category,
        "unit_cost": {"amount": item.unit_cost, "currency": "GBP"}})
}

fn opening(row: &OpeningRow, shift: Shift) -> Value {
    json!({"item_id": row.item_id, "location_id": row.location_id, "quantity": row.quantity,
        "date": shift.day(row.date)})
}

/// How many rows are new. Those that are known stay as they are: an earlier start may have ended half-way.
async fn rows_added(client: &Client, path: &str, body: &Value) -> Result<u64, DemoError> {
    let answer = client.post(path, body).await?;
    answer.get("accepted").and_then(Value::as_u64).ok_or(DemoError::Unexpected("rows without verdicts"))
}
