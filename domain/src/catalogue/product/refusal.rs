//! Why an order to a product is refused.

use crate::shared::field::InvalidField;
use crate::shared::ids::ItemId;

/// Why an order to a product is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProductRefusal {
    /// The stream holds a product already.
    #[error("product {item_id} exists already")]
    AlreadyExists {
        /// Its present business key.
        item_id: ItemId,
    },
    /// The stream holds no product.
    #[error("no such product")]
    NotFound,
    /// A value that no product can have.
    #[error("{0}")]
    Invalid(InvalidField),
}

impl From<InvalidField> for ProductRefusal {
    fn from(field: InvalidField) -> Self {
        Self::Invalid(field)
    }
}
