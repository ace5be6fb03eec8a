//! What deciding about a product needs.

use serde::{Deserialize, Serialize};

use crate::catalogue::product::event::{ProductDetails, ProductEvent};
use crate::shared::ids::ItemId;

/// A product, or none yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Product {
    /// Nobody entered it.
    #[default]
    Unknown,
    /// It was entered.
    Known(Box<KnownProduct>),
}

/// A product of the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownProduct {
    /// Its present business key.
    pub item_id: ItemId,
    /// Business keys that it bore before; they keep resolving.
    pub former_ids: Vec<ItemId>,
    /// Everything else.
    pub details: ProductDetails,
    /// Whether it is planned, listed and counted.
    pub is_active: bool,
}

impl Product {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &ProductEvent) {
        if let ProductEvent::ProductCreated(created) = event {
            *self = Self::Known(Box::new(KnownProduct {
                item_id: created.item_id.clone(),
                former_ids: Vec::new(),
                details: created.details.clone(),
                is_active: true,
            }));
            return;
        }
        let Self::Known(product) = self else { return };
        match event {
            ProductEvent::ProductCreated(_) => {}
            ProductEvent::ProductEdited(edited) => product.details = edited.details.clone(),
            ProductEvent::ProductRenamed(renamed) => product.rename(&renamed.to),
            ProductEvent::ProductDeactivated(_) => product.is_active = false,
            ProductEvent::ProductReactivated(_) => product.is_active = true,
        }
    }

    /// The product, if it was entered.
    pub fn known(&self) -> Option<&KnownProduct> {
        match self {
            Self::Unknown => None,
            Self::Known(product) => Some(product),
        }
    }
}

impl KnownProduct {
    fn rename(&mut self, to: &ItemId) {
        let former = std::mem::replace(&mut self.item_id, to.clone());
        self.former_ids.retain(|id| id != to && *id != former);
        self.former_ids.push(former);
    }
}
