//! Locations: unique names, and one primary location.

use std::sync::Arc;

use domain::catalogue::location::event::LocationDetails;
use domain::catalogue::location::{KnownLocation, Location, LocationCommand, LocationRefusal};
use domain::shared::ids::LocationId;

use super::check_version;
use crate::operation::{LocationEdit, LocationOutcome, Occupancy, Outcome};
use crate::refused::{RefusalKind, Refused};
use crate::workspace::{Stop, Workspace};

impl Workspace<'_> {
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
