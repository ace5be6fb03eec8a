//! Orders to one location.

use crate::catalogue::location::event::LocationDetails;
use crate::shared::ids::LocationId;

/// What a person asks.
#[derive(Debug, Clone, PartialEq)]
pub enum LocationCommand {
    /// Set it up.
    Create {
        /// Its key.
        location_id: LocationId,
        /// Everything else.
        details: LocationDetails,
        /// Whether it is the primary location.
        is_primary: bool,
    },
    /// Set its details; nothing happens where they are the same.
    Edit {
        /// The whole details as they shall stand.
        details: LocationDetails,
    },
    /// Make it the primary location; the former one is ordered to withdraw in the same append.
    MakePrimary,
    /// Let another location be the primary one.
    WithdrawPrimary,
    /// Take no more stock here; nothing happens where that is so already.
    Deactivate {
        /// Products whose on hand here is not 0.
        items_with_stock: u64,
        /// Products with units reserved here.
        items_with_reservations: u64,
    },
    /// Take stock again; nothing happens where that is so already.
    Reactivate,
}
