//! Why an order about stock is refused: one variant per rule, with the numbers.

use chrono::{DateTime, Utc};

use crate::shared::ids::LocationId;
use crate::shared::quantity::{MAX_QUANTITY, Units};
use crate::stock::command::Confirm;

/// Why an order about stock is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StockRefusal {
    /// Decision 12: a person cannot take away what is not there.
    #[error("{location_id} has {on_hand} on hand, {asked} were asked")]
    WouldGoBelowZero {
        /// Where.
        location_id: LocationId,
        /// What lies there.
        on_hand: Units,
        /// What was asked.
        asked: Units,
    },
    /// Decision 13: the same order with these confirmations is accepted.
    #[error("must be confirmed: {}", names(.0))]
    ConfirmationRequired(Vec<Confirm>),
    /// The person looked at another figure.
    #[error("on hand is {actual}, not {expected}")]
    StaleQuantity {
        /// What the person saw.
        expected: Units,
        /// What lies there.
        actual: Units,
    },
    /// A quantity of 0 or less where something must move.
    #[error("quantity must be above 0, is {0}")]
    QuantityNotPositive(Units),
    /// A count, `SET_TO`, opening balance or snapshot below 0.
    #[error("stock cannot be stated as {0}, below 0")]
    NegativeStatement(Units),
    /// More than any single fact may state.
    #[error("quantity must be at most {MAX_QUANTITY}, is {0}")]
    QuantityTooLarge(Units),
    /// Decision 11.
    #[error("{effective_at} lies in the future; the latest accepted is {latest}")]
    InTheFuture {
        /// When it is said to have happened.
        effective_at: DateTime<Utc>,
        /// The latest instant that is accepted.
        latest: DateTime<Utc>,
    },
    /// A transfer needs two places.
    #[error("from and to are both {0}")]
    SameLocation(LocationId),
    /// The location's stock has been stated before.
    #[error("the stock of {location_id} was already stated for {anchored_at}")]
    AlreadyOpened {
        /// Where.
        location_id: LocationId,
        /// Instant of the newest anchor there.
        anchored_at: DateTime<Utc>,
    },
    /// No open reservation bears this line.
    #[error("nothing is reserved for line {line_id}")]
    NothingReserved {
        /// The channel's line.
        line_id: String,
    },
    /// Not the caller's fault: the state holds too short a past; the order is decided again with all events.
    #[error("needs the whole history")]
    NeedsHistory,
}

fn names(reasons: &[Confirm]) -> String {
    let names: Vec<&str> = reasons.iter().map(|reason| reason.name()).collect();
    names.join(", ")
}
