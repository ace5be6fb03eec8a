//! What deciding about channels, reports and quarantined lines needs.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::sales::event::{
    ChannelConfigured, ChannelEvent, OnSale, QuarantineEvent, QuarantineReason, ReportedLine,
    SalesReportEvent,
};
use crate::shared::ids::{ChannelId, ItemId, LocationId};
use crate::shared::money::Money;
use crate::shared::quantity::Units;

/// A sales channel; one that nobody configured takes stock at once from the primary location.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// What was configured.
    pub configured: Option<ChannelConfigured>,
}

impl Channel {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &ChannelEvent) {
        match event {
            ChannelEvent::ChannelConfigured(configured) => self.configured = Some(configured.clone()),
        }
    }

    /// The configuration that holds.
    pub fn configuration(&self) -> ChannelConfigured {
        let default =
            ChannelConfigured { location_id: None, on_sale: OnSale::default(), count_returns: None };
        self.configured.clone().unwrap_or(default)
    }
}

/// What one source reported, day by day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesReport {
    /// The newest report by item, place and day.
    days: BTreeMap<String, Reported>,
}

/// The newest report of one item, place and day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// Units sold.
    pub units_sold: Units,
    /// Revenue, where known.
    pub revenue: Option<Money>,
}

impl SalesReport {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &SalesReportEvent) {
        match event {
            SalesReportEvent::DailySalesReported(day) => {
                let key = day_key(&day.source, &day.item_id, day.location_id.as_ref(), day.date_local);
                self.days.insert(key, Reported { units_sold: day.units_sold, revenue: day.revenue });
            }
        }
    }

    /// The newest report of one item, place and day.
    pub fn reported(
        &self,
        source: &ChannelId,
        item: &ItemId,
        location: Option<&LocationId>,
        date: NaiveDate,
    ) -> Option<&Reported> {
        self.days.get(&day_key(source, item, location, date))
    }
}

/// A line that could not be placed, or none yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Quarantine {
    /// Nothing is kept.
    #[default]
    Empty,
    /// The line waits.
    Waiting {
        /// What was reported.
        line: Box<ReportedLine>,
        /// What nobody knows.
        reason: QuarantineReason,
    },
    /// The line found its place.
    Released,
}

impl Quarantine {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &QuarantineEvent) {
        *self = match event {
            QuarantineEvent::LineQuarantined(kept) => {
                Self::Waiting { line: Box::new(kept.line.clone()), reason: kept.reason }
            }
            QuarantineEvent::QuarantineReleased(_) => Self::Released,
        };
    }

    /// The line, while it waits.
    pub fn waiting(&self) -> Option<&ReportedLine> {
        match self {
            Self::Waiting { line, .. } => Some(line),
            Self::Empty | Self::Released => None,
        }
    }
}

/// Keys hold no control characters, so the separator is unambiguous.
fn day_key(source: &ChannelId, item: &ItemId, location: Option<&LocationId>, date: NaiveDate) -> String {
    format!("{source}\u{1f}{item}\u{1f}{}\u{1f}{date}", location.map_or("", LocationId::as_str))
}
