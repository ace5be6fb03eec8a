//! Orders to one product.

use crate::catalogue::product::event::ProductDetails;
use crate::shared::ids::ItemId;

/// What a person or an import asks.
#[derive(Debug, Clone, PartialEq)]
pub enum ProductCommand {
    /// Enter it into the catalogue.
    Create {
        /// Its key and first business key.
        item_id: ItemId,
        /// Everything else.
        details: ProductDetails,
    },
    /// Set its details; nothing happens where they are the same.
    Edit {
        /// The whole details as they shall stand.
        details: ProductDetails,
    },
    /// Give it another business key; nothing happens where it bears it already.
    Rename {
        /// The new key, which no other product bears.
        to: ItemId,
    },
    /// Take it out of planning, lists and counts; nothing happens where it is out already.
    Deactivate,
    /// Bring it back; nothing happens where it is there.
    Reactivate,
}
