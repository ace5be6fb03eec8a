//! The rules of one location.

use crate::catalogue::location::command::LocationCommand;
use crate::catalogue::location::event::{
    LocationCreated, LocationDeactivated, LocationDetails, LocationEdited, LocationEvent,
    LocationMadePrimary, LocationPrimaryWithdrawn, LocationReactivated,
};
use crate::catalogue::location::refusal::LocationRefusal;
use crate::catalogue::location::state::{KnownLocation, Location};
use crate::shared::ids::LocationId;

type Decision = Result<Vec<LocationEvent>, LocationRefusal>;

impl Location {
    /// What happens because of an order, or why it is refused.
    pub fn decide(&self, command: LocationCommand) -> Decision {
        match command {
            LocationCommand::Create { location_id, details, is_primary } => {
                self.create(location_id, details, is_primary)
            }
            LocationCommand::Edit { details } => self.edit(details),
            LocationCommand::MakePrimary => self.make_primary(),
            LocationCommand::WithdrawPrimary => self.withdraw_primary(),
            LocationCommand::Deactivate { items_with_stock, items_with_reservations } => {
                self.deactivate(items_with_stock, items_with_reservations)
            }
            LocationCommand::Reactivate => self.reactivate(),
        }
    }

    fn create(&self, location_id: LocationId, details: LocationDetails, is_primary: bool) -> Decision {
        if let Self::Known(location) = self {
            return Err(LocationRefusal::AlreadyExists { location_id: location.location_id.clone() });
        }
        let details = details.checked()?;
        Ok(vec![LocationEvent::LocationCreated(LocationCreated { location_id, details, is_primary })])
    }

    fn edit(&self, details: LocationDetails) -> Decision {
        let location = self.set_up()?;
        let details = details.checked()?;
        if location.details == details {
            return Ok(Vec::new());
        }
        Ok(vec![LocationEvent::LocationEdited(LocationEdited { details })])
    }

    fn make_primary(&self) -> Decision {
        let location = self.set_up()?;
        if !location.is_active {
            return Err(LocationRefusal::Inactive);
        }
        let made = LocationEvent::LocationMadePrimary(LocationMadePrimary {});
        Ok((!location.is_primary).then_some(made).into_iter().collect())
    }

    fn withdraw_primary(&self) -> Decision {
        let withdrawn = LocationEvent::LocationPrimaryWithdrawn(LocationPrimaryWithdrawn {});
        Ok(self.set_up()?.is_primary.then_some(withdrawn).into_iter().collect())
    }

    fn deactivate(&self, items_with_stock: u64, items_with_reservations: u64) -> Decision {
        let location = self.set_up()?;
        if !location.is_active {
            return Ok(Vec::new());
        }
        if location.is_primary {
            return Err(LocationRefusal::IsPrimary);
        }
        if items_with_stock > 0 {
            return Err(LocationRefusal::HasStock { items: items_with_stock });
        }
        if items_with_reservations > 0 {
            return Err(LocationRefusal::HasOpenReservations { items: items_with_reservations });
        }
        Ok(vec![LocationEvent::LocationDeactivated(LocationDeactivated {})])
    }

    fn reactivate(&self) -> Decision {
        let reactivated = LocationEvent::LocationReactivated(LocationReactivated {});
        Ok((!self.set_up()?.is_active).then_some(reactivated).into_iter().collect())
    }

    fn set_up(&self) -> Result<&KnownLocation, LocationRefusal> {
        self.known().ok_or(LocationRefusal::NotFound)
    }
}
