//! What comes back from the log: a verdict for each operation, and the state that it led to.

use chrono::NaiveDate;
use domain::catalogue::location::event::LocationDetails;
use domain::catalogue::product::event::ProductDetails;
use domain::companies::event::Profile;
use domain::sales::event::{ChannelConfigured, QuarantineReason};
use domain::shared::ids::{ItemId, LocationId};
use domain::shared::quantity::Units;
use domain::stock::Confirm;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::refused::Refused;

/// Answer to a submission, after its events are durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// Position of the submission's last event, or of the partition's head where nothing was written.
    pub position: i64,
    /// The request key had been answered before; these are the first verdicts.
    pub replayed: bool,
    /// One verdict per operation, in order.
    pub verdicts: Vec<Verdict>,
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Recorded, or true already.
    Accepted(Outcome),
    /// The same outside fact was recorded before; nothing was written.
    Duplicate,
    /// Refused; nothing was written.
    Refused(Refused),
}

/// The new state that an accepted operation led to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// Stock moved or was stated.
    Stock(StockOutcome),
    /// A line was recorded.
    LineRecorded {
        /// The fact.
        movement_id: Uuid,
    },
    /// A line waits in quarantine.
    LineQuarantined {
        /// The entry.
        quarantine_id: Uuid,
        /// Why.
        reason: QuarantineReason,
    },
    /// A day was reported; units as they stand now.
    DayReported {
        /// Units of the day.
        units_sold: Units,
        /// Whether an event was written.
        changed: bool,
    },
    /// A quarantined line found its place.
    Released {
        /// The line had been recorded on another way meanwhile.
        already_recorded: bool,
    },
    /// A channel as it stands now.
    Channel(ChannelConfigured),
    /// A product as it stands now.
    Product(Box<ProductOutcome>),
    /// A location as it stands now.
    Location(Box<LocationOutcome>),
    /// A company as it stands now.
    Company {
        /// Name, currency, zone.
        profile: Profile,
        /// The currency stays from now on.
        currency_locked: bool,
    },
    /// All settings as they stand now.
    Settings(serde_json::Value),
    /// A day began, now or before.
    DayStarted {
        /// The day.
        date: NaiveDate,
    },
}

/// Stock of one product after an operation, in units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockOutcome {
    /// The fact.
    pub movement_id: Uuid,
    /// Present business key of the product.
    pub item_id: ItemId,
    /// What it did, one per location that it touched.
    pub legs: Vec<StockLeg>,
    /// On hand over all PHYSICAL locations afterwards.
    pub total_stock: Units,
    /// What the caller confirmed.
    pub confirmed: Vec<Confirm>,
}

/// What an operation did at one location, in units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockLeg {
    /// Where.
    pub location_id: LocationId,
    /// On hand before.
    pub quantity_before: Units,
    /// On hand afterwards.
    pub quantity_after: Units,
    /// What happened, signed.
    pub quantity: Units,
    /// Change of today's stock, signed.
    pub effect: Units,
    /// The anchor that had already counted this late fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<Uuid>,
}

/// A product after an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductOutcome {
    /// Its key, for ever.
    pub item_key: ItemId,
    /// Its business key.
    pub item_id: ItemId,
    /// Everything else.
    pub details: ProductDetails,
    /// Whether it is planned, listed and counted.
    pub is_active: bool,
    /// Version of its stream, for If-Match.
    pub version: i64,
}

/// A location after an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationOutcome {
    /// Its key.
    pub location_id: LocationId,
    /// Everything else.
    pub details: LocationDetails,
    /// Whether it is the primary one.
    pub is_primary: bool,
    /// Whether it takes stock.
    pub is_active: bool,
    /// Version of its stream, for If-Match.
    pub version: i64,
}
