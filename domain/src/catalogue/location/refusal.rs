//! Why an order to a location is refused.

use crate::shared::field::InvalidField;
use crate::shared::ids::LocationId;

/// Why an order to a location is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationRefusal {
    /// The stream holds a location already.
    #[error("location {location_id} exists already")]
    AlreadyExists {
        /// Its key.
        location_id: LocationId,
    },
    /// The stream holds no location.
    #[error("no such location")]
    NotFound,
    /// A value that no location can have.
    #[error("{0}")]
    Invalid(InvalidField),
    /// A closed location cannot be the primary one.
    #[error("the location is not active")]
    Inactive,
    /// The primary location cannot be closed; another must be made primary first.
    #[error("the location is the primary one")]
    IsPrimary,
    /// Stock lies there, or is missing there.
    #[error("stock of {items} products there is not 0")]
    HasStock {
        /// Products whose on hand there is not 0.
        items: u64,
    },
    /// Orders that have not left point there.
    #[error("units of {items} products are reserved there")]
    HasOpenReservations {
        /// Products with units reserved there.
        items: u64,
    },
}

impl From<InvalidField> for LocationRefusal {
    fn from(field: InvalidField) -> Self {
        Self::Invalid(field)
    }
}
