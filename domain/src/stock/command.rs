//! Orders to the stock of one product, and the facts that deciding them needs.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::shared::ids::{ChannelId, LocationId};
use crate::shared::moment::Stamp;
use crate::shared::money::Money;
use crate::shared::quantity::Units;
use crate::stock::event::StockEvent;

/// An order with what was looked up for it.
#[derive(Debug, Clone)]
pub struct StockCommand {
    /// What was looked up.
    pub facts: StockFacts,
    /// What is asked.
    pub intent: StockIntent,
}

/// What deciding consults besides the stock itself.
#[derive(Debug, Clone)]
pub struct StockFacts {
    /// Id that the fact will bear.
    pub movement_id: Uuid,
    /// The server's clock.
    pub now: DateTime<Utc>,
    /// The company's time zone.
    pub time_zone: Tz,
    /// The company's thresholds.
    pub rules: StockRules,
    /// Every earlier event of this stock, given on the second try after [`super::StockRefusal::NeedsHistory`].
    pub history: Option<Vec<StockEvent>>,
}

/// Thresholds of decision 13.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockRules {
    /// Human facts older than this many days must be confirmed.
    pub backdate_confirm_days: i64,
    /// Adjustments beyond this many percent of the stock at the location must be confirmed.
    pub large_change_percent: i64,
}

impl Default for StockRules {
    fn default() -> Self {
        Self { backdate_confirm_days: 30, large_change_percent: 50 }
    }
}

/// What a person or a channel asks or reports. Quantities are in units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockIntent {
    /// Correct the stock of one location.
    Adjust {
        /// Where.
        location_id: LocationId,
        /// Add, subtract or set.
        kind: AdjustKind,
        /// How much; above 0 for ADD and SUBTRACT, 0 or more for `SET_TO`.
        quantity: Units,
        /// Why.
        reason: Reason,
        /// Circumstances.
        human: Human,
    },
    /// State what was counted at one location.
    Count {
        /// Where.
        location_id: LocationId,
        /// How much lies there.
        counted: Units,
        /// Circumstances.
        human: Human,
    },
    /// Move units between two locations.
    Transfer {
        /// Out of.
        from: LocationId,
        /// Into.
        to: LocationId,
        /// How much, above 0.
        quantity: Units,
        /// Circumstances; `expected_quantity` is about `from`.
        human: Human,
    },
    /// Take in a delivery.
    Receive {
        /// Where.
        location_id: LocationId,
        /// How much, above 0.
        quantity: Units,
        /// Number of the delivery or order.
        reference: Option<String>,
        /// Circumstances.
        human: Human,
    },
    /// Take back sold units, recorded by a person.
    Return {
        /// Where.
        location_id: LocationId,
        /// How much, above 0.
        quantity: Units,
        /// Number of the return or order.
        reference: Option<String>,
        /// Circumstances.
        human: Human,
    },
    /// State the first stock of a location. Refused once an anchor stands there.
    Open {
        /// Where.
        location_id: LocationId,
        /// How much lay there, 0 or more.
        quantity: Units,
        /// When; the close of the day where only a date was given.
        at: Option<Stamp>,
        /// Free text.
        notes: Option<String>,
    },
    /// Record a sale line that happened; never refused for lack of stock.
    RecordSale {
        /// Where it takes stock.
        location_id: LocationId,
        /// When it happened.
        at: Stamp,
        /// The line.
        sale: SaleLine,
        /// Promise the units now and move them at shipment.
        reserve: bool,
    },
    /// Record that a reserved line left. Refused if nothing is reserved for it.
    RecordShipment {
        /// When it happened.
        at: Stamp,
        /// The line.
        sale: SaleLine,
    },
    /// Record that a sale line was cancelled: sets free what is still reserved, else puts units back.
    RecordCancellation {
        /// Where units go back if nothing is reserved.
        location_id: LocationId,
        /// When it happened.
        at: Stamp,
        /// The line, with the cancelled units.
        sale: SaleLine,
    },
    /// Record that a channel took sold units back.
    RecordReturn {
        /// Where they lie now.
        location_id: LocationId,
        /// When it happened.
        at: Stamp,
        /// The line, with the returned units.
        sale: SaleLine,
    },
    /// Record the stock that a channel states. A negative figure is refused.
    RecordSnapshot {
        /// Where.
        location_id: LocationId,
        /// When it held.
        at: Stamp,
        /// What the channel states, 0 or more.
        quantity: Units,
        /// Who states it.
        channel: ChannelId,
    },
}

/// Circumstances of a human order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Human {
    /// When it happened; now where absent.
    pub at: Option<Stamp>,
    /// Free text.
    pub notes: Option<String>,
    /// The on hand that the person saw; refused as stale if it is another now.
    pub expected_quantity: Option<Units>,
    /// What the person confirms.
    pub confirm: Vec<Confirm>,
}

/// How an adjustment changes stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AdjustKind {
    /// More units.
    Add,
    /// Fewer units.
    Subtract,
    /// Exactly so many: an anchor.
    SetTo,
}

/// Why stock was adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// Goods came in.
    Receiving,
    /// Goods were damaged.
    Damage,
    /// Goods were lost.
    Loss,
    /// A shelf was counted.
    InventoryCount,
    /// An earlier entry was wrong.
    Correction,
    /// Anything else.
    Other,
}

/// What a person must say twice (decision 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Confirm {
    /// The fact lies further back than usual.
    Backdated,
    /// The change is large against the stock.
    LargeChange,
}

impl Confirm {
    /// As requests name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backdated => "BACKDATED",
            Self::LargeChange => "LARGE_CHANGE",
        }
    }
}

/// One line of an order of a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaleLine {
    /// Sales channel.
    pub channel: ChannelId,
    /// The channel's order.
    pub order_id: String,
    /// The channel's line, unique within the channel.
    pub line_id: String,
    /// Units of this line, above 0.
    pub quantity: Units,
    /// Price of one unit, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Money>,
}
