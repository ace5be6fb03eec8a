//! A product as clients write it, whole (POST) or in part (PUT), under its own and its alias names (decision 5).
//!
//! An absent field says nothing; null clears. A document that was read can be written back: a missing cost, which is
//! answered as 0 with `cost_missing`, stays missing.
#![expect(clippy::option_option, reason = "an absent field stays, null clears")]

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use commands::operation::ProductEdit;
use commands::{Operation, RefusalKind, Refused};
use domain::catalogue::product::details::UNCATEGORIZED;
use domain::catalogue::product::event::{Listing, ProductDetails};
use domain::shared::ids::ItemId;
use domain::shared::money::{Currency, Money};

use crate::calendar;
use crate::catalogue::price::{Amount, Price};

/// A product, whole or in part.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub(crate) struct ProductBody {
    /// Business key, at most 100 characters; the sku where absent. In an edit: the new key.
    #[schema(example = "85123A")]
    item_id: Option<String>,
    /// Alias for other systems; the item id where absent.
    sku: Option<String>,
    /// Name, at most 500 characters. Required for a new product.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<String>, example = "White hanging heart")]
    product_name: Option<Option<String>>,
    /// Alias of `product_name`.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    /// Category, at most 200 characters; "Uncategorized" where absent.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<String>)]
    category: Option<Option<String>>,
    /// Cost of one unit.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Price>)]
    unit_cost: Option<Option<Price>>,
    /// Alias of `unit_cost`.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Price>)]
    cost_price: Option<Option<Price>>,
    /// As answered: the cost is unknown, and a cost of 0 beside it means nothing.
    cost_missing: Option<bool>,
    /// Price of one unit.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Price>)]
    selling_price: Option<Option<Price>>,
    /// Days from order to delivery.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<u32>)]
    lead_time_days: Option<Option<u32>>,
    /// Days of safety stock.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<u32>)]
    safety_stock_days: Option<Option<u32>>,
    /// Units a day that a person expects of a product never sold.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<String>, example = "1.5")]
    manual_daily_forecast: Option<Option<Amount>>,
    /// First day on sale.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<NaiveDate>)]
    listed_on: Option<Option<NaiveDate>>,
    /// Further codes that scanners read.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Vec<String>>)]
    barcodes: Option<Option<Vec<String>>>,
    /// Weight in grams.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<u32>)]
    weight_g: Option<Option<u32>>,
    /// Length, width and height in millimetres.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Vec<u32>>, min_items = 3, max_items = 3)]
    dimensions_mm: Option<Option<[u32; 3]>>,
    /// Where it is offered.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Vec<ListingBody>>)]
    listings: Option<Option<Vec<ListingBody>>>,
}

/// An offer of a product on a marketplace or shop.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub(crate) struct ListingBody {
    /// Channel of the offer.
    channel: String,
    /// The channel's id of the product.
    external_id: String,
}

/// A field that is there, null or not.
pub(crate) fn stated<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

impl ProductBody {
    /// The new product that it means.
    pub(crate) fn create(self, company: Currency) -> Result<Operation, Refused> {
        let name = self.item_id.as_ref().or(self.sku.as_ref());
        let item_id = item_id(name.map(String::as_str).unwrap_or_default())?;
        let edit = self.edit(company)?;
        let details = ProductDetails {
            sku: edit.sku.unwrap_or_else(|| item_id.as_str().to_owned()),
            product_name: edit.product_name.ok_or_else(name_required)?,
            category: edit.category.flatten().unwrap_or_else(|| UNCATEGORIZED.to_owned()),
            unit_cost: edit.unit_cost.flatten(),
            selling_price: edit.selling_price.flatten(),
            lead_time_days: edit.lead_time_days.flatten(),
            safety_stock_days: edit.safety_stock_days.flatten(),
            manual_daily_forecast: edit.manual_daily_forecast.flatten(),
            listed_on: edit.listed_on.flatten(),
            barcodes: edit.barcodes.unwrap_or_default(),
            weight_g: edit.weight_g.flatten(),
            dimensions_mm: edit.dimensions_mm.flatten(),
            listings: edit.listings.unwrap_or_default(),
        };
        Ok(Operation::CreateProduct { item_id, details })
    }

    /// The change that it means.
    pub(crate) fn edit(self, company: Currency) -> Result<ProductEdit, Refused> {
        let unit_cost = price(self.cost(), company, "/unit_cost")?;
        let selling_price = price(self.selling_price.as_ref(), company, "/selling_price")?;
        let product_name = match self.product_name.or(self.name) {
            Some(None) => return Err(name_required()),
            Some(name) => name,
            None => None,
        };
        Ok(ProductEdit {
            item_id: self.item_id.as_deref().map(item_id).transpose()?,
            sku: self.sku,
            product_name,
            category: self.category,
            unit_cost,
            selling_price,
            lead_time_days: self.lead_time_days,
            safety_stock_days: self.safety_stock_days,
            manual_daily_forecast: self.manual_daily_forecast.map(units_a_day),
            listed_on: self.listed_on.map(day).transpose()?,
            barcodes: self.barcodes.map(Option::unwrap_or_default),
            weight_g: self.weight_g,
            dimensions_mm: self.dimensions_mm,
            listings: self
                .listings
                .map(|listings| listings.unwrap_or_default().into_iter().map(Into::into).collect()),
        })
    }

    fn cost(&self) -> Option<&Option<Price>> {
        let cost = self.unit_cost.as_ref().or(self.cost_price.as_ref());
        let unknown = self.cost_missing == Some(true);
        cost.filter(|cost| !(unknown && cost.as_ref().is_some_and(Price::is_zero)))
    }
}

impl From<ListingBody> for Listing {
    fn from(listing: ListingBody) -> Self {
        Self { channel: listing.channel, external_id: listing.external_id }
    }
}

fn item_id(text: &str) -> Result<ItemId, Refused> {
    ItemId::new(text)
        .map_err(|e| Refused::new("invalid_item_id", RefusalKind::Invalid, e.to_string()).at("/item_id"))
}

fn name_required() -> Refused {
    Refused::new("required", RefusalKind::Invalid, "a product needs a name").at("/product_name")
}

fn price(
    stated: Option<&Option<Price>>,
    company: Currency,
    pointer: &'static str,
) -> Result<Option<Option<Money>>, Refused> {
    match stated {
        None => Ok(None),
        Some(None) => Ok(Some(None)),
        Some(Some(price)) => price.money(company, pointer).map(|money| Some(Some(money))),
    }
}

fn day(date: Option<NaiveDate>) -> Result<Option<NaiveDate>, Refused> {
    date.map(|date| calendar::in_body("/listed_on", date)).transpose()
}

fn units_a_day(amount: Option<Amount>) -> Option<Decimal> {
    amount.map(|amount| amount.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &str) -> ProductBody {
        serde_json::from_str(json).unwrap()
    }

    fn euro() -> Currency {
        Currency::new("EUR").unwrap()
    }

    #[test]
    fn absent_fields_stay_and_null_clears() {
        let edit = body(r#"{"category":null,"lead_time_days":3,"barcodes":null}"#).edit(euro()).unwrap();
        assert_eq!(edit.category, Some(None));
        assert_eq!(edit.lead_time_days, Some(Some(3)));
        assert_eq!(edit.barcodes, Some(Vec::new()));
        assert_eq!((edit.product_name, edit.unit_cost), (None, None));
    }

    #[test]
    fn alias_names_are_understood() {
        let edit = body(r#"{"name":"Heart","cost_price":"1.20"}"#).edit(euro()).unwrap();
        assert_eq!(edit.product_name.as_deref(), Some("Heart"));
        assert_eq!(edit.unit_cost.flatten().unwrap().amount.to_string(), "1.20");
    }

    #[test]
    fn a_missing_cost_that_was_read_stays_missing_when_written_back() {
        let read = r#"{"unit_cost":{"amount":"0","currency":"EUR"},"cost_price":{"amount":"0","currency":"EUR"},"cost_missing":true}"#;
        assert_eq!(body(read).edit(euro()).unwrap().unit_cost, None);
        let stated = r#"{"unit_cost":{"amount":"0","currency":"EUR"},"cost_missing":false}"#;
        assert!(body(stated).edit(euro()).unwrap().unit_cost.flatten().is_some());
    }

    #[test]
    fn a_new_product_needs_a_name_and_a_key() {
        let nameless = body(r#"{"item_id":"A"}"#).create(euro()).unwrap_err();
        assert_eq!(
            (nameless.code.as_ref(), nameless.pointer.as_deref()),
            ("required", Some("/product_name"))
        );
        let keyless = body(r#"{"name":"A"}"#).create(euro()).unwrap_err();
        assert_eq!(keyless.pointer.as_deref(), Some("/item_id"));
    }
}
