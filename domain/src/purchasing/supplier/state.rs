//! What is known of a supplier.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::purchasing::supplier::event::{SupplierDetails, SupplierEvent, SupplierTerms};
use crate::shared::ids::{ItemId, SupplierId};

/// A supplier, or none yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Supplier {
    /// Nobody entered it.
    #[default]
    Unknown,
    /// It was entered.
    Known(Box<KnownSupplier>),
}

/// A supplier that was entered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownSupplier {
    /// Its id.
    pub supplier_id: SupplierId,
    /// Everything else.
    pub details: SupplierDetails,
    /// Whether it takes orders.
    pub is_active: bool,
    /// Its terms by product.
    pub terms: BTreeMap<ItemId, SupplierTerms>,
}

impl Supplier {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &SupplierEvent) {
        if let SupplierEvent::SupplierCreated(created) = event {
            *self = Self::Known(Box::new(KnownSupplier {
                supplier_id: created.supplier_id,
                details: created.details.clone(),
                is_active: true,
                terms: BTreeMap::new(),
            }));
            return;
        }
        let Self::Known(supplier) = self else { return };
        match event {
            SupplierEvent::SupplierCreated(_) | SupplierEvent::SupplierContactsRecorded(_) => {}
            SupplierEvent::SupplierEdited(edited) => supplier.details = edited.details.clone(),
            SupplierEvent::SupplierDeactivated(_) => supplier.is_active = false,
            SupplierEvent::SupplierReactivated(_) => supplier.is_active = true,
            SupplierEvent::SupplierTermsSet(set) => {
                supplier.terms.insert(set.item_id.clone(), set.terms.clone());
            }
            SupplierEvent::SupplierTermsRemoved(removed) => {
                supplier.terms.remove(&removed.item_id);
            }
        }
    }

    /// The supplier, if it was entered.
    pub fn known(&self) -> Option<&KnownSupplier> {
        match self {
            Self::Unknown => None,
            Self::Known(supplier) => Some(supplier),
        }
    }
}

impl KnownSupplier {
    /// The key that decides between suppliers (R14): the external id where it has one, else its id.
    pub fn key(&self) -> String {
        self.details.external_id.clone().unwrap_or_else(|| self.supplier_id.to_string())
    }
}
