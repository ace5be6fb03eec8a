//! Rows of `products`.
//!
//! A product's row is keyed by its stream's id (`item_key`, the first item id); `item_id` is the present one.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use domain::catalogue::product::event::{Listing, ProductDetails, ProductEvent};
use domain::shared::money::{Currency, Money};
use event_log::event::StoredEvent;

use crate::catalogue::aliases::{self, Naming};
use crate::projection::{ProjectionError, decode};
use crate::rows;
use crate::streams::{self, Key, StreamRow};

/// One product as it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct ProductRow {
    /// Tenant.
    pub company_id: Uuid,
    /// Id of the product's stream: the item id it was created with.
    pub item_key: String,
    /// Present business key.
    pub item_id: String,
    /// Naming for other systems.
    pub sku: String,
    /// Name.
    pub product_name: String,
    /// Category.
    pub category: String,
    /// Cost of one unit; absent means missing.
    pub unit_cost_amount: Option<Decimal>,
    /// Currency of the cost.
    pub unit_cost_currency: Option<String>,
    /// Price of one unit.
    pub selling_price_amount: Option<Decimal>,
    /// Currency of the price.
    pub selling_price_currency: Option<String>,
    /// Days from order to delivery.
    pub lead_time_days: Option<i32>,
    /// Days of safety stock.
    pub safety_stock_days: Option<i32>,
    /// Units a day that a person expects.
    pub manual_daily_forecast: Option<Decimal>,
    /// First day on sale.
    pub listed_on: Option<NaiveDate>,
    /// Further codes that scanners read.
    pub barcodes: Vec<String>,
    /// Weight in grams.
    pub weight_g: Option<i32>,
    /// Length, width and height in millimetres.
    pub dimensions_mm: Option<Vec<i32>>,
    /// Where it is offered.
    pub listings: Json<Vec<Listing>>,
    /// Whether it is planned, listed and counted.
    pub is_active: bool,
    /// When its creation was recorded.
    pub created_at: DateTime<Utc>,
    /// When its last change was recorded.
    pub updated_at: DateTime<Utc>,
    /// Position of its last change.
    pub changed_position: i64,
    /// Version of its stream.
    pub version: i64,
}

/// Columns of `products`, in the order of [`ProductRow`].
pub(crate) const COLUMNS: &str = "company_id, item_key, item_id, sku, product_name, category, unit_cost_amount, \
    unit_cost_currency, selling_price_amount, selling_price_currency, lead_time_days, safety_stock_days, \
    manual_daily_forecast, listed_on, barcodes, weight_g, dimensions_mm, listings, is_active, created_at, updated_at, \
    changed_position, version";

/// Folds the product events of `block` onto their rows.
pub(crate) async fn apply(conn: &mut PgConnection, block: &[StoredEvent]) -> Result<(), ProjectionError> {
    let events = streams::of::<ProductEvent>(block);
    if events.is_empty() {
        return Ok(());
    }
    let before = load(conn, &events).await?;
    let mut former = Vec::new();
    let changed = streams::folded(before.clone(), &events, |row, event| row.fold(event, &mut former))?;
    save(conn, &changed).await?;
    aliases::save(conn, &before, &changed, former).await
}

impl StreamRow for ProductRow {
    fn blank(event: &StoredEvent) -> Self {
        Self {
            company_id: event.company_id,
            item_key: event.stream_id.as_ref().to_owned(),
            item_id: event.stream_id.as_ref().to_owned(),
            sku: event.stream_id.as_ref().to_owned(),
            product_name: String::new(),
            category: String::new(),
            unit_cost_amount: None,
            unit_cost_currency: None,
            selling_price_amount: None,
            selling_price_currency: None,
            lead_time_days: None,
            safety_stock_days: None,
            manual_daily_forecast: None,
            listed_on: None,
            barcodes: Vec::new(),
            weight_g: None,
            dimensions_mm: None,
            listings: Json(Vec::new()),
            is_active: true,
            created_at: event.recorded_at,
            updated_at: event.recorded_at,
            changed_position: 0,
            version: 0,
        }
    }

    fn key(&self) -> Key {
        (self.company_id, self.item_key.clone())
    }

    fn version(&self) -> i64 {
        self.version
    }
}

impl ProductRow {
    /// The row as the domain states a product.
    pub fn details(&self) -> ProductDetails {
        ProductDetails {
            sku: self.sku.clone(),
            product_name: self.product_name.clone(),
            category: self.category.clone(),
            unit_cost: money(self.unit_cost_amount, self.unit_cost_currency.as_deref()),
            selling_price: money(self.selling_price_amount, self.selling_price_currency.as_deref()),
            lead_time_days: self.lead_time_days.and_then(natural),
            safety_stock_days: self.safety_stock_days.and_then(natural),
            manual_daily_forecast: self.manual_daily_forecast,
            listed_on: self.listed_on,
            barcodes: self.barcodes.clone(),
            weight_g: self.weight_g.and_then(natural),
            dimensions_mm: self.dimensions(),
            listings: self.listings.0.clone(),
        }
    }

    fn dimensions(&self) -> Option<[u32; 3]> {
        let sides: Vec<u32> = self.dimensions_mm.as_ref()?.iter().filter_map(|side| natural(*side)).collect();
        sides.try_into().ok()
    }

    /// Everything by which the product can be named now, with the kind of name.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let codes = self.barcodes.iter().chain(self.listings.iter().map(|listing| &listing.external_id));
        [("item_id", self.item_id.as_str()), ("sku", self.sku.as_str())]
            .into_iter()
            .chain(codes.map(|code| ("code", code.as_str())))
    }

    fn fold(&mut self, event: &StoredEvent, former: &mut Vec<Naming>) -> Result<(), ProjectionError> {
        match decode::<ProductEvent>(event)? {
            ProductEvent::ProductCreated(created) => {
                self.item_id = created.item_id.into();
                self.state(created.details);
            }
            ProductEvent::ProductEdited(edited) => self.state(edited.details),
            ProductEvent::ProductRenamed(renamed) => {
                former.push(Naming {
                    company_id: self.company_id,
                    alias: renamed.from.into(),
                    kind: "former",
                    item_key: self.item_key.clone(),
                });
                self.item_id = renamed.to.into();
            }
            ProductEvent::ProductDeactivated(_) => self.is_active = false,
            ProductEvent::ProductReactivated(_) => self.is_active = true,
        }
        self.updated_at = event.recorded_at;
        self.changed_position = event.position;
        self.version = event.version;
        Ok(())
    }

    fn state(&mut self, details: ProductDetails) {
        self.sku = details.sku;
        self.product_name = details.product_name;
        self.category = details.category;
        (self.unit_cost_amount, self.unit_cost_currency) = parts(details.unit_cost);
        (self.selling_price_amount, self.selling_price_currency) = parts(details.selling_price);
        self.lead_time_days = details.lead_time_days.map(int);
        self.safety_stock_days = details.safety_stock_days.map(int);
        self.manual_daily_forecast = details.manual_daily_forecast;
        self.listed_on = details.listed_on.filter(|date| (1..=9999).contains(&date.year()));
        self.barcodes = details.barcodes;
        self.weight_g = details.weight_g.map(int);
        self.dimensions_mm = details.dimensions_mm.map(|sides| sides.map(int).to_vec());
        self.listings = Json(details.listings);
    }
}

async fn load(conn: &mut PgConnection, events: &[&StoredEvent]) -> Result<Vec<ProductRow>, ProjectionError> {
    let companies: Vec<Uuid> = events.iter().map(|event| event.company_id).collect();
    let keys: Vec<&str> = events.iter().map(|event| event.stream_id.as_ref()).collect();
    let sql = format!(
        "select {COLUMNS} from products
         where (company_id, item_key) in (select company_id, item_key from unnest($1::uuid[], $2::text[]) as k(company_id, item_key))"
    );
    Ok(sqlx::query_as(&sql).bind(companies).bind(keys).fetch_all(conn).await?)
}

async fn save(conn: &mut PgConnection, changed: &[ProductRow]) -> Result<(), ProjectionError> {
    let sql = format!(
        "insert into products ({COLUMNS})
         select {COLUMNS} from json_populate_recordset(null::products, $1::json)
         on conflict (company_id, item_key) do update set
             item_id = excluded.item_id,
             sku = excluded.sku,
             product_name = excluded.product_name,
             category = excluded.category,
             unit_cost_amount = excluded.unit_cost_amount,
             unit_cost_currency = excluded.unit_cost_currency,
             selling_price_amount = excluded.selling_price_amount,
             selling_price_currency = excluded.selling_price_currency,
             lead_time_days = excluded.lead_time_days,
             safety_stock_days = excluded.safety_stock_days,
             manual_daily_forecast = excluded.manual_daily_forecast,
             listed_on = excluded.listed_on,
             barcodes = excluded.barcodes,
             weight_g = excluded.weight_g,
             dimensions_mm = excluded.dimensions_mm,
             listings = excluded.listings,
             is_active = excluded.is_active,
             updated_at = excluded.updated_at,
             changed_position = excluded.changed_position,
             version = excluded.version"
    );
    sqlx::query(&sql).bind(rows::json(changed)?).execute(conn).await?;
    Ok(())
}

fn money(amount: Option<Decimal>, currency: Option<&str>) -> Option<Money> {
    Some(Money { amount: amount?, currency: Currency::new(currency?).ok()? })
}

fn parts(money: Option<Money>) -> (Option<Decimal>, Option<String>) {
    (money.map(|money| money.amount), money.map(|money| money.currency.into()))
}

fn natural(value: i32) -> Option<u32> {
    u32::try_from(value).ok()
}

/// The domain keeps these far below the largest integer of PostgreSQL.
fn int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
