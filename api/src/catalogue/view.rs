//! Products and locations as they are answered.
//!
//! Alias names stand beside the canonical ones (decision 5). A missing cost is answered as 0 with `cost_missing`
//! (decision 40). Who may not see money gets a product without its four money fields.
#![expect(clippy::option_option, reason = "the outer one hides the column, the inner one is null")]

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use commands::operation::{LocationOutcome, ProductOutcome};
use domain::catalogue::product::event::ProductDetails;
use domain::shared::money::{Currency, Money};
use projections::catalogue::{LocationRow, ProductRow};

use crate::catalogue::location_body::{Authority, LocationKind, Marketplace, StockRole};
use crate::schema::MoneySchema;

/// A product.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ProductView {
    /// Business key.
    #[schema(example = "85123A")]
    pub(crate) item_id: String,
    /// Alias for other systems.
    pub(crate) sku: String,
    /// Name.
    pub(crate) product_name: String,
    /// The same as `product_name`.
    name: String,
    /// Category.
    pub(crate) category: String,
    /// Cost of one unit; 0 where it is missing. Left out where the caller may not see money, like the next three.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unit_cost: Option<MoneySchema>,
    /// The same as `unit_cost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_price: Option<MoneySchema>,
    /// Whether the cost is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost_missing: Option<bool>,
    /// Price of one unit, null where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MoneySchema>)]
    pub(crate) selling_price: Option<Option<MoneySchema>>,
    /// Days from order to delivery; the supplier's or the company's where null.
    pub(crate) lead_time_days: Option<u32>,
    /// Days of safety stock; the company's where null.
    pub(crate) safety_stock_days: Option<u32>,
    /// Units a day that a person expects.
    #[serde(serialize_with = "exact_number")]
    #[schema(value_type = Option<f64>)]
    pub(crate) manual_daily_forecast: Option<Decimal>,
    /// First day on sale.
    pub(crate) listed_on: Option<NaiveDate>,
    /// Further codes that scanners read.
    pub(crate) barcodes: Vec<String>,
    /// Weight in grams.
    pub(crate) weight_g: Option<u32>,
    /// Length, width and height in millimetres.
    pub(crate) dimensions_mm: Option<[u32; 3]>,
    /// Where it is offered.
    listings: Vec<ListingView>,
    /// Whether it is planned, listed and counted.
    pub(crate) is_active: bool,
    /// Version for If-Match.
    pub(crate) version: i64,
    /// When its creation was recorded; left out of answers to commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_at: Option<DateTime<Utc>>,
    /// When its last change was recorded; left out of answers to commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) updated_at: Option<DateTime<Utc>>,
}

/// A product as a command left it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ProductAnswer {
    /// The product.
    #[serde(flatten)]
    pub(crate) product: ProductView,
    /// Position of the change.
    pub(crate) position: Option<i64>,
}

/// An offer of a product on a marketplace or shop.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ListingView {
    /// Channel of the offer.
    channel: String,
    /// The channel's id of the product.
    external_id: String,
}

/// Currency in which a missing cost is shown as 0; none where the caller may not see money.
pub(crate) type Shown = Option<Currency>;

impl ProductView {
    /// A product as the read model has it.
    pub(crate) fn of_row(row: &ProductRow, shown: Shown) -> Self {
        let view = Self::new(&row.item_id, row.details(), row.is_active, row.version, shown);
        Self { created_at: Some(row.created_at), updated_at: Some(row.updated_at), ..view }
    }

    /// A product as a command left it.
    pub(crate) fn of_outcome(product: ProductOutcome, shown: Shown) -> Self {
        Self::new(product.item_id.as_str(), product.details, product.is_active, product.version, shown)
    }

    fn new(item_id: &str, details: ProductDetails, is_active: bool, version: i64, shown: Shown) -> Self {
        let unit_cost = shown.map(|currency| {
            MoneySchema::from(details.unit_cost.unwrap_or(Money { amount: Decimal::ZERO, currency }))
        });
        Self {
            item_id: item_id.to_owned(),
            sku: details.sku,
            name: details.product_name.clone(),
            product_name: details.product_name,
            category: details.category,
            cost_price: unit_cost.clone(),
            unit_cost,
            cost_missing: shown.map(|_| details.unit_cost.is_none()),
            selling_price: shown.map(|_| details.selling_price.map(MoneySchema::from)),
            lead_time_days: details.lead_time_days,
            safety_stock_days: details.safety_stock_days,
            manual_daily_forecast: details.manual_daily_forecast,
            listed_on: details.listed_on,
            barcodes: details.barcodes,
            weight_g: details.weight_g,
            dimensions_mm: details.dimensions_mm,
            listings: details
                .listings
                .into_iter()
                .map(|listing| ListingView { channel: listing.channel, external_id: listing.external_id })
                .collect(),
            is_active,
            version,
            created_at: None,
            updated_at: None,
        }
    }
}

/// Writes a decimal as a JSON number, digit by digit.
#[expect(clippy::ref_option, reason = "the shape that serde asks for")]
fn exact_number<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
    let number = value.map(|value| serde_json::value::RawValue::from_string(value.to_string())).transpose();
    number.map_err(serde::ser::Error::custom)?.serialize(serializer)
}

/// A location.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct LocationView {
    /// External code.
    #[schema(example = "MAIN")]
    pub(crate) location_id: String,
    /// Name.
    name: String,
    /// What it is.
    #[schema(value_type = LocationKind)]
    kind: String,
    /// The same as `kind`.
    #[schema(value_type = LocationKind)]
    warehouse_type: String,
    /// Whose it is, where a marketplace or shop keeps it.
    #[schema(value_type = Option<Marketplace>)]
    marketplace: Option<String>,
    /// Whether its stock is real or a mirror.
    #[schema(value_type = StockRole)]
    stock_role: String,
    /// Who decides about its stock.
    #[schema(value_type = Authority)]
    authority: String,
    /// Whether it is the primary location.
    is_primary: bool,
    /// Street and number.
    address: Option<String>,
    /// Town.
    city: Option<String>,
    /// Country.
    country: Option<String>,
    /// Anything that the company keeps with it.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// Whether it takes stock.
    is_active: bool,
    /// Whether an integration keeps it.
    is_synced: bool,
    /// Version for If-Match.
    pub(crate) version: i64,
    /// When its creation was recorded; left out of answers to commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<DateTime<Utc>>,
    /// When its last change was recorded; left out of answers to commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime<Utc>>,
}

/// A location as a command left it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct LocationAnswer {
    /// The location.
    #[serde(flatten)]
    pub(crate) location: LocationView,
    /// Position of the change.
    pub(crate) position: Option<i64>,
}

impl From<LocationRow> for LocationView {
    fn from(row: LocationRow) -> Self {
        Self {
            location_id: row.location_id,
            name: row.name,
            warehouse_type: row.kind.clone(),
            kind: row.kind,
            marketplace: row.marketplace,
            stock_role: row.stock_role,
            authority: row.authority,
            is_primary: row.is_primary,
            address: row.address,
            city: row.city,
            country: row.country,
            metadata: row.metadata.0,
            is_active: row.is_active,
            is_synced: row.is_synced,
            version: row.version,
            created_at: Some(row.created_at),
            updated_at: Some(row.updated_at),
        }
    }
}

impl From<LocationOutcome> for LocationView {
    fn from(location: LocationOutcome) -> Self {
        let details = location.details;
        let kind = LocationKind::from(details.kind).text();
        Self {
            location_id: location.location_id.into(),
            name: details.name,
            kind: kind.to_owned(),
            warehouse_type: kind.to_owned(),
            marketplace: details.marketplace.map(|shop| Marketplace::from(shop).text().to_owned()),
            stock_role: StockRole::from(details.stock_role).text().to_owned(),
            authority: Authority::from(details.authority).text().to_owned(),
            is_primary: location.is_primary,
            address: details.address,
            city: details.city,
            country: details.country,
            metadata: details.metadata,
            is_active: location.is_active,
            is_synced: false,
            version: location.version,
            created_at: None,
            updated_at: None,
        }
    }
}
