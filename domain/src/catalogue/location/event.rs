//! What can have happened to a location.

use serde::{Deserialize, Serialize};

use crate::shared::ids::LocationId;

crate::events! {
    /// One fact about a location.
    pub enum LocationEvent in "location" upcast &[] => {
        /// A location was set up.
        LocationCreated = 1,
        /// Its details became others.
        LocationEdited = 1,
        /// It became the primary location.
        LocationMadePrimary = 1,
        /// Another location became the primary one.
        LocationPrimaryWithdrawn = 1,
        /// It takes no more stock.
        LocationDeactivated = 1,
        /// It came back.
        LocationReactivated = 1,
    }
}

/// See [`LocationEvent::LocationCreated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationCreated {
    /// Its key.
    pub location_id: LocationId,
    /// Everything else.
    pub details: LocationDetails,
    /// Whether it is the primary location.
    pub is_primary: bool,
}

/// See [`LocationEvent::LocationEdited`]. Holds the whole details as they stand afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationEdited {
    /// Everything but key and primacy.
    pub details: LocationDetails,
}

/// See [`LocationEvent::LocationMadePrimary`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationMadePrimary {}

/// See [`LocationEvent::LocationPrimaryWithdrawn`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationPrimaryWithdrawn {}

/// See [`LocationEvent::LocationDeactivated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationDeactivated {}

/// See [`LocationEvent::LocationReactivated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationReactivated {}

/// What is known of a location besides its key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationDetails {
    /// Name, unique per company whatever its case.
    pub name: String,
    /// What it is.
    pub kind: LocationKind,
    /// Whose it is, where a marketplace or shop keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marketplace: Option<Marketplace>,
    /// Whether its stock is real or mirrors stock that lies elsewhere.
    pub stock_role: StockRole,
    /// Who decides about its stock.
    pub authority: Authority,
    /// Street and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Anything that the company keeps with it, a JSON object.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

/// What a location is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LocationKind {
    /// The company's own warehouse.
    Own,
    /// A marketplace's fulfilment warehouse.
    MarketplaceFf,
    /// A shop with a door.
    Store,
    /// A web shop's shelf.
    Website,
    /// On the way.
    Transit,
}

/// Marketplaces and shops that keep stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Marketplace {
    /// Ozon.
    Ozon,
    /// Wildberries.
    Wildberries,
    /// The company's web shop.
    Website,
}

/// Whether stock at a location is real (decision 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StockRole {
    /// Real units; they count in totals, value and runway.
    Physical,
    /// A mirror of units that lie elsewhere; shown with its drift, never added.
    Mirror,
}

/// Who decides about stock at a location (decision 24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Authority {
    /// Our own ledger.
    Ledger,
    /// Another system, whose snapshots are anchors.
    External,
}
