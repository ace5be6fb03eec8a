//! What a product's details may be.

use crate::catalogue::product::event::{Listing, ProductDetails};
use crate::shared::field::{self, InvalidField};
use crate::shared::ids::{ItemId, MAX_KEY_CHARS};
use crate::shared::quantity::MAX_QUANTITY;

/// Category of a product for which none was given.
pub const UNCATEGORIZED: &str = "Uncategorized";

/// Longest name, in characters.
pub const MAX_NAME_CHARS: usize = 500;

/// Longest category, in characters.
pub const MAX_CATEGORY_CHARS: usize = 200;

/// Longest lead time and safety stock, in days.
pub const MAX_DAYS: u32 = 3650;

const MAX_WEIGHT_G: u32 = 1_000_000_000;
const MAX_DIMENSION_MM: u32 = 1_000_000;
const MAX_CODES: usize = 100;
const MAX_EXTERNAL_ID_CHARS: usize = 200;

impl ProductDetails {
    /// Details of which only the name is known; everything else as where nothing was given.
    pub fn named(item_id: &ItemId, product_name: &str) -> Self {
        Self {
            sku: item_id.as_str().to_owned(),
            product_name: product_name.to_owned(),
            category: UNCATEGORIZED.to_owned(),
            unit_cost: None,
            selling_price: None,
            lead_time_days: None,
            safety_stock_days: None,
            manual_daily_forecast: None,
            listed_on: None,
            barcodes: Vec::new(),
            weight_g: None,
            dimensions_mm: None,
            listings: Vec::new(),
        }
    }

    /// The same details trimmed, a blank category named, repeated codes left out; or the first field that is wrong.
    pub fn checked(self) -> Result<Self, InvalidField> {
        let category = field::optional_text("category", Some(&self.category), MAX_CATEGORY_CHARS)?;
        field::price("unit_cost", self.unit_cost, 2)?;
        field::price("selling_price", self.selling_price, 2)?;
        field::at_most("lead_time_days", self.lead_time_days, MAX_DAYS)?;
        field::at_most("safety_stock_days", self.safety_stock_days, MAX_DAYS)?;
        field::decimal("manual_daily_forecast", self.manual_daily_forecast, 4, MAX_QUANTITY)?;
        field::at_most("weight_g", self.weight_g, MAX_WEIGHT_G)?;
        for side in self.dimensions_mm.into_iter().flatten() {
            field::at_most("dimensions_mm", Some(side), MAX_DIMENSION_MM)?;
        }
        Ok(Self {
            sku: field::text("sku", &self.sku, MAX_KEY_CHARS)?,
            product_name: field::text("product_name", &self.product_name, MAX_NAME_CHARS)?,
            category: category.unwrap_or_else(|| UNCATEGORIZED.to_owned()),
            barcodes: checked_barcodes(&self.barcodes)?,
            listings: checked_listings(&self.listings)?,
            ..self
        })
    }
}

fn checked_barcodes(barcodes: &[String]) -> Result<Vec<String>, InvalidField> {
    field::count("barcodes", barcodes.len(), MAX_CODES)?;
    let mut checked = Vec::with_capacity(barcodes.len());
    for barcode in barcodes {
        let barcode = field::text("barcodes", barcode, MAX_KEY_CHARS)?;
        if !checked.contains(&barcode) {
            checked.push(barcode);
        }
    }
    Ok(checked)
}

fn checked_listings(listings: &[Listing]) -> Result<Vec<Listing>, InvalidField> {
    field::count("listings", listings.len(), MAX_CODES)?;
    let mut checked = Vec::with_capacity(listings.len());
    for listing in listings {
        let listing = Listing {
            channel: field::text("listings", &listing.channel, MAX_KEY_CHARS)?,
            external_id: field::text("listings", &listing.external_id, MAX_EXTERNAL_ID_CHARS)?,
        };
        if !checked.contains(&listing) {
            checked.push(listing);
        }
    }
    Ok(checked)
}
