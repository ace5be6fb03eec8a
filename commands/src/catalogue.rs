//! Products, and in `locations` where they lie: rules that need the whole catalogue (unique names, one primary location)
//! are checked here, the rest in the aggregates.

use std::sync::Arc;

use domain::catalogue::product::event::ProductDetails;
use domain::catalogue::product::{Product, ProductCommand, ProductRefusal};
use domain::shared::ids::ItemId;

use crate::operation::{Outcome, ProductEdit, ProductOutcome};
use crate::refused::{RefusalKind, Refused};
use crate::workspace::{Stop, Workspace};

mod locations;

impl Workspace<'_> {
    /// Adds a product.
    pub(crate) fn create_product(
        &mut self,
        item_id: &ItemId,
        details: &ProductDetails,
    ) -> Result<Outcome, Stop> {
        self.founded()?;
        self.check_item_id_free(item_id, None)?;
        let key: Arc<str> = Arc::from(item_id.as_str());
        self.change_product(
            &key,
            ProductCommand::Create { item_id: item_id.clone(), details: details.clone() },
        )?;
        if is_priced(details) {
            self.lock_currency()?;
        }
        self.product_outcome(&key)
    }

    /// Changes a product, its business key included.
    pub(crate) fn edit_product(
        &mut self,
        item: &ItemId,
        edit: &ProductEdit,
        expected_version: Option<i64>,
    ) -> Result<Outcome, Stop> {
        let key = self.product_key(item)?;
        let held = self.state::<Product>(&key)?;
        check_version(held.version, expected_version)?;
        let Some(known) = held.state.known().cloned() else { return Err(ProductRefusal::NotFound.into()) };
        let new_id = edit.item_id.as_ref().filter(|to| **to != known.item_id);
        if let Some(to) = new_id {
            self.check_item_id_free(to, Some(&key))?;
        }
        let details = edited(known.details, edit);
        // Checked first, so that a refused detail leaves the key as it was.
        let details = details.checked().map_err(ProductRefusal::Invalid)?;
        if let Some(to) = new_id {
            self.change_product(&key, ProductCommand::Rename { to: to.clone() })?;
        }
        let priced = is_priced(&details);
        self.change_product(&key, ProductCommand::Edit { details })?;
        if priced {
            self.lock_currency()?;
        }
        self.product_outcome(&key)
    }

    /// Takes a product out of planning and lists.
    pub(crate) fn deactivate_product(&mut self, item: &ItemId) -> Result<Outcome, Stop> {
        let key = self.product_key(item)?;
        self.change_product(&key, ProductCommand::Deactivate)?;
        self.product_outcome(&key)
    }

    /// Brings a product back.
    pub(crate) fn reactivate_product(&mut self, item: &ItemId) -> Result<Outcome, Stop> {
        let key = self.product_key(item)?;
        self.change_product(&key, ProductCommand::Reactivate)?;
        self.product_outcome(&key)
    }

    fn product_key(&mut self, item: &ItemId) -> Result<Arc<str>, Stop> {
        Ok(self.directory()?.resolve(item)?)
    }

    /// Refuses a business key that another product bears or bore.
    fn check_item_id_free(&mut self, item_id: &ItemId, own: Option<&Arc<str>>) -> Result<(), Stop> {
        match self.directory()?.bearer(item_id) {
            Some(key) if Some(key) != own => {
                Err(ProductRefusal::AlreadyExists { item_id: item_id.clone() }.into())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn change_product(&mut self, key: &Arc<str>, command: ProductCommand) -> Result<(), Stop> {
        let event_id = self.ids.next();
        self.change::<Product>(key, event_id, None, command).map(|_| ())
    }

    fn product_outcome(&mut self, key: &Arc<str>) -> Result<Outcome, Stop> {
        let held = self.state::<Product>(key)?;
        let version = held.version;
        let Some(known) = held.state.known().cloned() else { return Err(ProductRefusal::NotFound.into()) };
        Ok(Outcome::Product(Box::new(ProductOutcome {
            item_key: ItemId::new(key).map_err(|_| ProductRefusal::NotFound)?,
            item_id: known.item_id,
            details: known.details,
            is_active: known.is_active,
            version,
        })))
    }
}

fn is_priced(details: &ProductDetails) -> bool {
    details.unit_cost.is_some() || details.selling_price.is_some()
}

fn check_version(version: i64, expected: Option<i64>) -> Result<(), Refused> {
    match expected {
        Some(expected) if expected != version => {
            let message = format!("the present version is {version}, not {expected}");
            Err(Refused::new("stale_version", RefusalKind::Stale, message).figure("version", version))
        }
        Some(_) | None => Ok(()),
    }
}

fn edited(details: ProductDetails, edit: &ProductEdit) -> ProductDetails {
    ProductDetails {
        sku: edit.sku.clone().unwrap_or(details.sku),
        product_name: edit.product_name.clone().unwrap_or(details.product_name),
        category: edit.category.clone().map_or(details.category, Option::unwrap_or_default),
        unit_cost: edit.unit_cost.unwrap_or(details.unit_cost),
        selling_price: edit.selling_price.unwrap_or(details.selling_price),
        lead_time_days: edit.lead_time_days.unwrap_or(details.lead_time_days),
        safety_stock_days: edit.safety_stock_days.unwrap_or(details.safety_stock_days),
        manual_daily_forecast: edit.manual_daily_forecast.unwrap_or(details.manual_daily_forecast),
        listed_on: edit.listed_on.unwrap_or(details.listed_on),
        barcodes: edit.barcodes.clone().unwrap_or(details.barcodes),
        weight_g: edit.weight_g.unwrap_or(details.weight_g),
        dimensions_mm: edit.dimensions_mm.unwrap_or(details.dimensions_mm),
        listings: edit.listings.clone().unwrap_or(details.listings),
    }
}

impl From<ProductRefusal> for Stop {
    fn from(refusal: ProductRefusal) -> Self {
        let message = refusal.to_string();
        Self::Refused(match refusal {
            ProductRefusal::AlreadyExists { .. } => {
                Refused::new("product_exists", RefusalKind::Conflict, message).at("/item_id")
            }
            ProductRefusal::NotFound => Refused::new("unknown_item", RefusalKind::NotFound, message),
            ProductRefusal::Invalid(field) => Refused::field(&field),
        })
    }
}
