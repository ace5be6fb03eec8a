//! What comes back from the log: a verdict for each operation, and the state that it led to.

use chrono::NaiveDate;
use domain::catalogue::location::event::LocationDetails;
use domain::catalogue::product::event::ProductDetails;
use domain::companies::event::Profile;
use domain::planning::event::{CovariateDay, ForecastPolicy, PlanningScope, RecommendationDismissed};
use domain::planning::recommendation::RecommendationRules;
use domain::sales::event::{ChannelConfigured, QuarantineReason};
use domain::shared::ids::{ForecastRunId, ItemId, LocationId};
use domain::shared::quantity::Units;
use domain::stock::Confirm;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::refused::Refused;

/// Answer to a submission, after its events are durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// The rules of recommendations as they stand now.
    RecommendationRules {
        /// Which are made, and for whom.
        rules: RecommendationRules,
        /// The company's settings that they compare with.
        thresholds: serde_json::Map<String, serde_json::Value>,
    },
    /// How forecasts are made now.
    ForecastPolicy {
        /// How.
        policy: ForecastPolicy,
    },
    /// Settings of a category or an item as they stand now.
    PlanningSettings {
        /// For whom; an item by its key.
        scope: PlanningScope,
        /// What was chosen for it.
        chosen: serde_json::Map<String, serde_json::Value>,
        /// All settings that hold for it.
        settings: serde_json::Map<String, serde_json::Value>,
    },
    /// A day of the company as it stands now.
    Holiday {
        /// The day.
        date_local: NaiveDate,
        /// What it is called; none where it is no holiday.
        name: Option<String>,
    },
    /// Days of a product as they were set.
    Covariates {
        /// Present business key of the product.
        item_id: ItemId,
        /// The days.
        days: Vec<CovariateDay>,
    },
    /// A run of forecasts was published, now or before.
    ForecastsPublished {
        /// The run.
        run_id: ForecastRunId,
        /// Items that it has forecasts of; where there are none, nothing was published.
        items: usize,
        /// Forecasts that were left out, by their place from 0, and why.
        refused: Vec<(usize, Refused)>,
    },
    /// A recommendation was dismissed, now or before.
    Dismissed {
        /// Which, for how long; the item by its key.
        dismissed: RecommendationDismissed,
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
