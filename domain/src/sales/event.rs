//! What can have happened to channels, daily reports and lines that nobody could place.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::shared::ids::{ChannelId, ItemId, LocationId};
use crate::shared::money::Money;
use crate::shared::quantity::Units;

crate::events! {
    /// One fact about a sales channel. Stream id: the channel.
    pub enum ChannelEvent in "channel" upcast &[] => {
        /// Where a channel's sales land and how they take stock was set.
        ChannelConfigured = 1,
    }
}

crate::events! {
    /// One fact of a report source about one product. Stream id: source, a slash, the product's key.
    pub enum SalesReportEvent in "sales_report" upcast &[] => {
        /// A source stated the sales of one item, location and day; replaces what it stated before.
        DailySalesReported = 1,
    }
}

crate::events! {
    /// One fact about a line that could not be placed. Stream id: its quarantine id.
    pub enum QuarantineEvent in "quarantine" upcast &[] => {
        /// A line names an item or location that nobody knows.
        LineQuarantined = 1,
        /// The line found its place.
        QuarantineReleased = 1,
    }
}

/// See [`ChannelEvent::ChannelConfigured`]. Holds the whole configuration as it stands afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelConfigured {
    /// Where its sales land; the primary location where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<LocationId>,
    /// When a sale takes stock.
    pub on_sale: OnSale,
    /// Whether returns lower demand; the company's setting where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count_returns: Option<bool>,
}

/// When a sale of a channel takes stock (decision 22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OnSale {
    /// At once.
    #[default]
    Decrement,
    /// Reserved now, taken at shipment.
    Reserve,
}

/// See [`SalesReportEvent::DailySalesReported`]. Demand without stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DailySalesReported {
    /// Who states it.
    pub source: ChannelId,
    /// Key of the product.
    pub item_id: ItemId,
    /// Where it was sold, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<LocationId>,
    /// The day, local to the company.
    pub date_local: NaiveDate,
    /// Units sold, 0 or more; 0 is a known zero day.
    pub units_sold: Units,
    /// Revenue of the day, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue: Option<Money>,
    /// What the source had stated before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_units: Option<Units>,
}

/// See [`QuarantineEvent::LineQuarantined`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineQuarantined {
    /// What was reported.
    pub line: ReportedLine,
    /// What nobody knows.
    pub reason: QuarantineReason,
}

/// See [`QuarantineEvent::QuarantineReleased`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineReleased {
    /// Whether the line had been recorded on another way meanwhile, so that nothing was added.
    pub already_recorded: bool,
}

/// Why a line waits in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum QuarantineReason {
    /// No product bears its item id, sku or barcode.
    UnknownItem,
    /// Several products bear it.
    AmbiguousItem,
    /// No location bears its location id.
    UnknownLocation,
}

/// A sale line as its channel reports it, before its item and location are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportedLine {
    /// Sale, shipment, cancellation or return.
    pub kind: LineKind,
    /// The channel.
    pub channel: ChannelId,
    /// The channel's order.
    pub order_id: String,
    /// The channel's line, unique within channel and kind.
    pub line_id: String,
    /// What the channel calls the product.
    pub item_id: ItemId,
    /// Where it was sold; the channel's location where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<LocationId>,
    /// Units, above 0.
    pub quantity: Units,
    /// Price of one unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Money>,
    /// When it happened.
    pub sold_at: DateTime<Utc>,
    /// Offset that the source wrote, in minutes east of UTC.
    #[serde(default)]
    pub offset_minutes: i16,
}

/// What a reported line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Units were sold.
    Sale,
    /// A reserved line left.
    Shipment,
    /// A line was cancelled.
    Cancellation,
    /// Units came back.
    Return,
}
