//! What can have happened to a supplier.

use serde::{Deserialize, Serialize};

use crate::shared::ids::{ItemId, SupplierId};
use crate::shared::money::Money;
use crate::shared::quantity::Units;

crate::events! {
    /// One fact about a supplier. Stream id: its id.
    pub enum SupplierEvent in "supplier" upcast &[] => {
        /// A supplier was entered.
        SupplierCreated = 1,
        /// Its details became others.
        SupplierEdited = 1,
        /// Its contacts became others; they stand elsewhere.
        SupplierContactsRecorded = 1,
        /// It takes no more orders.
        SupplierDeactivated = 1,
        /// It came back.
        SupplierReactivated = 1,
        /// Its terms for a product were set.
        SupplierTermsSet = 1,
        /// It delivers a product no more.
        SupplierTermsRemoved = 1,
    }
}

/// See [`SupplierEvent::SupplierCreated`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierCreated {
    /// Its id.
    pub supplier_id: SupplierId,
    /// Everything else.
    pub details: SupplierDetails,
}

/// See [`SupplierEvent::SupplierEdited`]. Holds the whole details as they stand afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierEdited {
    /// Everything but the id.
    pub details: SupplierDetails,
}

/// See [`SupplierEvent::SupplierContactsRecorded`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierContactsRecorded {
    /// Names of the fields that became others, never their values.
    pub fields: Vec<String>,
}

/// See [`SupplierEvent::SupplierDeactivated`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierDeactivated {}

/// See [`SupplierEvent::SupplierReactivated`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierReactivated {}

/// See [`SupplierEvent::SupplierTermsSet`]. Holds the whole terms as they stand afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SupplierTermsSet {
    /// Key of the product: the first item id that it bore.
    pub item_id: ItemId,
    /// What the supplier says.
    pub terms: SupplierTerms,
}

/// See [`SupplierEvent::SupplierTermsRemoved`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierTermsRemoved {
    /// Key of the product.
    pub item_id: ItemId,
}

/// What is known of a supplier besides its id and its contacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierDetails {
    /// Name, unique per company.
    pub name: String,
    /// Its key in the system that it comes from, unique per company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// What kind of supplier it is, in the company's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_type: Option<String>,
    /// Whether another system keeps it; such a one is not edited here.
    #[serde(default)]
    pub is_synced: bool,
}

/// What a supplier says about one product.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SupplierTerms {
    /// Least units of an order; 1 where absent or 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moq: Option<Units>,
    /// Days from order to delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_time_days: Option<u32>,
    /// What the supplier calls the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_sku: Option<String>,
    /// Cost of one unit, in the currency that the supplier asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_cost: Option<Money>,
    /// What units come in, for example `box`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packaging_unit: Option<String>,
    /// Units in one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packaging_qty: Option<Units>,
    /// Whether the product is ordered here first.
    #[serde(default)]
    pub is_primary: bool,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}
