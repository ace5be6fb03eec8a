//! What deciding about a location needs.

use serde::{Deserialize, Serialize};

use crate::catalogue::location::event::{LocationDetails, LocationEvent};
use crate::shared::ids::LocationId;

/// A location, or none yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Location {
    /// Nobody set it up.
    #[default]
    Unknown,
    /// It was set up.
    Known(Box<KnownLocation>),
}

/// A location that was set up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownLocation {
    /// Its key.
    pub location_id: LocationId,
    /// Everything else.
    pub details: LocationDetails,
    /// Whether it is the primary location.
    pub is_primary: bool,
    /// Whether it takes stock.
    pub is_active: bool,
}

impl Location {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &LocationEvent) {
        if let LocationEvent::LocationCreated(created) = event {
            *self = Self::Known(Box::new(KnownLocation {
                location_id: created.location_id.clone(),
                details: created.details.clone(),
                is_primary: created.is_primary,
                is_active: true,
            }));
            return;
        }
        let Self::Known(location) = self else { return };
        match event {
            LocationEvent::LocationCreated(_) => {}
            LocationEvent::LocationEdited(edited) => location.details = edited.details.clone(),
            LocationEvent::LocationMadePrimary(_) => location.is_primary = true,
            LocationEvent::LocationPrimaryWithdrawn(_) => location.is_primary = false,
            LocationEvent::LocationDeactivated(_) => location.is_active = false,
            LocationEvent::LocationReactivated(_) => location.is_active = true,
        }
    }

    /// The location, if it was set up.
    pub fn known(&self) -> Option<&KnownLocation> {
        match self {
            Self::Unknown => None,
            Self::Known(location) => Some(location),
        }
    }
}
