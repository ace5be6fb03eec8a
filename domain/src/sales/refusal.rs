//! Why an order to a channel, a report source or a quarantined line is refused.

use chrono::{DateTime, NaiveDate, Utc};

use crate::shared::field::InvalidField;
use crate::shared::money::Currency;
use crate::shared::quantity::{MAX_QUANTITY, Units};

/// A channel takes every configuration; that its location exists is looked up before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelRefusal {}

/// Why a daily report is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SalesReportRefusal {
    /// Fewer than 0 units.
    #[error("units sold must not be negative, are {0}")]
    NegativeUnits(Units),
    /// More than any single fact may state.
    #[error("units sold must be at most {MAX_QUANTITY}, are {0}")]
    TooManyUnits(Units),
    /// A day that has not begun.
    #[error("{date_local} lies in the future; today is {today}")]
    InTheFuture {
        /// The reported day.
        date_local: NaiveDate,
        /// Today, local to the company.
        today: NaiveDate,
    },
    /// Revenue that is no amount.
    #[error("{0}")]
    Invalid(InvalidField),
    /// Revenue cannot be added to revenue in another currency.
    #[error("revenue of that day is in {reported}, not {given}")]
    OtherCurrency {
        /// Currency of the earlier report.
        reported: Currency,
        /// Currency of this one.
        given: Currency,
    },
}

impl From<InvalidField> for SalesReportRefusal {
    fn from(field: InvalidField) -> Self {
        Self::Invalid(field)
    }
}

/// Why an order to a quarantined line is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuarantineRefusal {
    /// The stream holds no line.
    #[error("no such quarantined line")]
    NotFound,
    /// The stream holds a line already.
    #[error("a line is kept there already")]
    AlreadyQuarantined,
    /// The line found its place before.
    #[error("the line was released before")]
    AlreadyReleased,
    /// A line moves more than nothing.
    #[error("quantity must be above 0, is {0}")]
    QuantityNotPositive(Units),
    /// More than any single fact may state.
    #[error("quantity must be at most {MAX_QUANTITY}, is {0}")]
    QuantityTooLarge(Units),
    /// Decision 11.
    #[error("{sold_at} lies in the future; the latest accepted is {latest}")]
    InTheFuture {
        /// When the line is said to have happened.
        sold_at: DateTime<Utc>,
        /// The latest instant that is accepted.
        latest: DateTime<Utc>,
    },
}
