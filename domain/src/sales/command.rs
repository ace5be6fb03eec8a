//! Orders to channels, report sources and quarantined lines.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::sales::event::{ChannelConfigured, QuarantineReason, ReportedLine};
use crate::shared::ids::{ChannelId, ItemId, LocationId};
use crate::shared::money::Money;
use crate::shared::quantity::Units;

/// What is asked of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelCommand {
    /// Set where its sales land and how they take stock; nothing happens where that is so already.
    Configure(ChannelConfigured),
}

/// What a source reports.
#[derive(Debug, Clone, PartialEq)]
pub enum SalesReportCommand {
    /// State the sales of one item, place and day; nothing happens where the same was stated before.
    ReportDay {
        /// Who states it.
        source: ChannelId,
        /// Key of the product.
        item_id: ItemId,
        /// Where it was sold, where known.
        location_id: Option<LocationId>,
        /// The day, local to the company.
        date_local: NaiveDate,
        /// Units sold, 0 or more.
        units_sold: Units,
        /// Revenue of the day, where known; at most 4 decimals.
        revenue: Option<Money>,
        /// What it means where the day was reported before.
        on_duplicate: OnDuplicate,
        /// Today, local to the company.
        today: NaiveDate,
    },
}

/// What a further report of the same day means (decision 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDuplicate {
    /// It takes the place of the earlier one.
    #[default]
    Replace,
    /// It is added to the earlier one.
    Append,
    /// It is left out.
    Skip,
}

/// What is asked of a line that could not be placed.
#[derive(Debug, Clone, PartialEq)]
pub enum QuarantineCommand {
    /// Keep a line that nobody can place.
    Quarantine {
        /// What was reported.
        line: ReportedLine,
        /// What nobody knows.
        reason: QuarantineReason,
        /// The server's clock.
        now: DateTime<Utc>,
    },
    /// Let the line go; it found its place.
    Release {
        /// Whether the line had been recorded on another way meanwhile.
        already_recorded: bool,
    },
}
