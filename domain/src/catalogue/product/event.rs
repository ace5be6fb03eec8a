//! What can have happened to a product.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::shared::ids::ItemId;
use crate::shared::money::Money;

crate::events! {
    /// One fact about a product.
    pub enum ProductEvent in "product" upcast &[] => {
        /// A product entered the catalogue.
        ProductCreated = 1,
        /// Its details became others.
        ProductEdited = 1,
        /// Its business key became another; the old one keeps resolving.
        ProductRenamed = 1,
        /// It left planning, lists and counts; its stock stays in the value.
        ProductDeactivated = 1,
        /// It came back.
        ProductReactivated = 1,
    }
}

/// See [`ProductEvent::ProductCreated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductCreated {
    /// Its key and first business key.
    pub item_id: ItemId,
    /// Everything else.
    pub details: ProductDetails,
}

/// See [`ProductEvent::ProductEdited`]. Holds the whole details as they stand afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductEdited {
    /// Everything but the key.
    pub details: ProductDetails,
}

/// See [`ProductEvent::ProductRenamed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductRenamed {
    /// The business key before.
    pub from: ItemId,
    /// The business key from now on.
    pub to: ItemId,
}

/// See [`ProductEvent::ProductDeactivated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductDeactivated {}

/// See [`ProductEvent::ProductReactivated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductReactivated {}

/// What is known of a product besides its key and its stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductDetails {
    /// Alias of the item id for other systems; the item id where none was given.
    pub sku: String,
    /// Name, at most 500 characters.
    pub product_name: String,
    /// Category, at most 200 characters; "Uncategorized" where none was given.
    pub category: String,
    /// Cost of one unit; absent means missing, 0 only when given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_cost: Option<Money>,
    /// Price of one unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selling_price: Option<Money>,
    /// Days from order to delivery; the supplier's or the company's where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_time_days: Option<u32>,
    /// Days of safety stock; the company's where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety_stock_days: Option<u32>,
    /// Units a day that a person expects of a product never sold.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "rust_decimal::serde::str_option")]
    pub manual_daily_forecast: Option<Decimal>,
    /// First day on sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_on: Option<NaiveDate>,
    /// Further codes that scanners read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barcodes: Vec<String>,
    /// Weight in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_g: Option<u32>,
    /// Length, width and height in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions_mm: Option<[u32; 3]>,
    /// Where it is offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listings: Vec<Listing>,
}

/// An offer of a product on a marketplace or shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Channel of the offer.
    pub channel: String,
    /// The channel's id of the product.
    pub external_id: String,
}
