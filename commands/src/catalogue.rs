//! Products and locations: rules that need the whole catalogue (unique names, one primary location) are checked here,
//! the rest in the aggregates.

use std::sync::Arc;

use domain::catalogue::location::event::LocationDetails;
use domain::catalogue::location::{KnownLocation, Location, LocationCommand, LocationRefusal};
use domain::catalogue::product::event::ProductDetails;
use domain::catalogue::product::{Product, ProductCommand, ProductRefusal};
use domain::shared::ids::{ItemId, LocationId};

use crate::operation::{LocationEdit, LocationOutcome, Occupancy, Outcome, ProductEdit, ProductOutcome};
use crate::refused::{RefusalKind, Refused};
use crate::workspace::{Stop, Workspace};

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

    /// Adds a location. The first one is the primary one.
    pub(crate) fn create_location(
        &mut self,
        location_id: &LocationId,
        details: &LocationDetails,
        is_primary: bool,
    ) -> Result<Outcome, Stop> {
        self.founded()?;
        self.check_name_free(&details.name, location_id)?;
        let former = self.primary_location()?;
        let is_primary = is_primary || former.is_none();
        let (location_id, details) = (location_id.clone(), details.clone());
        let command = LocationCommand::Create { location_id: location_id.clone(), details, is_primary };
        self.change_location(&location_id, command)?;
        if let Some(former) = former.filter(|_| is_primary) {
            self.change_location(&former, LocationCommand::WithdrawPrimary)?;
        }
        self.location_outcome(&location_id)
    }

    /// Changes a location; making it primary takes that from the former one.
    pub(crate) fn edit_location(
        &mut self,
        location_id: &LocationId,
        edit: &LocationEdit,
        expected_version: Option<i64>,
    ) -> Result<Outcome, Stop> {
        let known = self.known(location_id)?;
        let id: Arc<str> = Arc::from(location_id.as_str());
        check_version(self.state::<Location>(&id)?.version, expected_version)?;
        if let Some(name) = &edit.name {
            self.check_name_free(name, location_id)?;
        }
        if edit.is_primary == Some(false) && known.is_primary {
            return Err(LocationRefusal::IsPrimary.into());
        }
        let make_primary = edit.is_primary == Some(true) && !known.is_primary;
        if make_primary && !known.is_active {
            return Err(LocationRefusal::Inactive.into());
        }
        self.change_location(location_id, LocationCommand::Edit { details: moved(known, edit) })?;
        if make_primary {
            let former = self.primary_location()?;
            self.change_location(location_id, LocationCommand::MakePrimary)?;
            if let Some(former) = former {
                self.change_location(&former, LocationCommand::WithdrawPrimary)?;
            }
        }
        self.location_outcome(location_id)
    }

    /// Closes a location where nothing lies.
    pub(crate) fn deactivate_location(
        &mut self,
        location_id: &LocationId,
        seen: Occupancy,
    ) -> Result<Outcome, Stop> {
        self.known(location_id)?;
        if self.directory()?.settled_at(location_id) > seen.position {
            let message = "stock moved there while it was looked at; try again";
            return Err(Refused::new("stock_moved_meanwhile", RefusalKind::Conflict, message).into());
        }
        let command = LocationCommand::Deactivate {
            items_with_stock: seen.items_with_stock,
            items_with_reservations: seen.items_with_reservations,
        };
        self.change_location(location_id, command)?;
        self.location_outcome(location_id)
    }

    /// Opens a location again.
    pub(crate) fn reactivate_location(&mut self, location_id: &LocationId) -> Result<Outcome, Stop> {
        self.known(location_id)?;
        self.change_location(location_id, LocationCommand::Reactivate)?;
        self.location_outcome(location_id)
    }

    fn known(&mut self, location_id: &LocationId) -> Result<KnownLocation, Stop> {
        self.directory()?.location(location_id).cloned().ok_or_else(|| LocationRefusal::NotFound.into())
    }

    fn primary_location(&mut self) -> Result<Option<LocationId>, Stop> {
        let primary = self.directory()?.locations().find(|location| location.is_primary);
        Ok(primary.map(|location| location.location_id.clone()))
    }

    /// Names are unique whatever their case.
    fn check_name_free(&mut self, name: &str, own: &LocationId) -> Result<(), Stop> {
        let wanted = name.trim().to_lowercase();
        let mut others = self.directory()?.locations().filter(|location| location.location_id != *own);
        if others.any(|location| location.details.name.to_lowercase() == wanted) {
            let message = format!("another location is named {}", name.trim());
            return Err(Refused::new("name_taken", RefusalKind::Conflict, message).at("/name").into());
        }
        Ok(())
    }

    fn change_location(&mut self, location_id: &LocationId, command: LocationCommand) -> Result<(), Stop> {
        let id: Arc<str> = Arc::from(location_id.as_str());
        let event_id = self.ids.next();
        self.change::<Location>(&id, event_id, None, command).map(|_| ())
    }

    fn location_outcome(&mut self, location_id: &LocationId) -> Result<Outcome, Stop> {
        let id: Arc<str> = Arc::from(location_id.as_str());
        let held = self.state::<Location>(&id)?;
        let version = held.version;
        let Some(known) = held.state.known().cloned() else { return Err(LocationRefusal::NotFound.into()) };
        Ok(Outcome::Location(Box::new(LocationOutcome {
            location_id: known.location_id,
            details: known.details,
            is_primary: known.is_primary,
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

fn moved(known: KnownLocation, edit: &LocationEdit) -> LocationDetails {
    let details = known.details;
    LocationDetails {
        name: edit.name.clone().unwrap_or(details.name),
        kind: edit.kind.unwrap_or(details.kind),
        marketplace: edit.marketplace.unwrap_or(details.marketplace),
        stock_role: edit.stock_role.unwrap_or(details.stock_role),
        authority: edit.authority.unwrap_or(details.authority),
        address: edit.address.clone().unwrap_or(details.address),
        city: edit.city.clone().unwrap_or(details.city),
        country: edit.country.clone().unwrap_or(details.country),
        metadata: edit.metadata.clone().unwrap_or(details.metadata),
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

impl From<LocationRefusal> for Stop {
    fn from(refusal: LocationRefusal) -> Self {
        use RefusalKind::{Conflict, NotFound};
        let message = refusal.to_string();
        let refused = |code, kind| Refused::new(code, kind, message.clone());
        Self::Refused(match refusal {
            LocationRefusal::AlreadyExists { .. } => refused("location_exists", Conflict).at("/location_id"),
            LocationRefusal::NotFound => refused("unknown_location", NotFound).at("/location_id"),
            LocationRefusal::Invalid(field) => Refused::field(&field),
            LocationRefusal::Inactive => refused("inactive_location", Conflict),
            LocationRefusal::IsPrimary => refused("primary_location", Conflict),
            LocationRefusal::HasStock { items } => {
                refused("location_has_stock", Conflict).figure("items", items)
            }
            LocationRefusal::HasOpenReservations { items } => {
                refused("location_has_reservations", Conflict).figure("items", items)
            }
        })
    }
}
