//! Checks of free fields: texts, whole numbers, amounts. The first broken one is named.

use rust_decimal::Decimal;

use crate::shared::money::{Money, MoneyError};

/// A field whose value no state would allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct InvalidField {
    /// Name of the field, as in the event.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: FieldProblem,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// Too many characters.
    #[error("must have at most {max} characters, has {chars}")]
    TooLong {
        /// Allowed.
        max: usize,
        /// Found.
        chars: usize,
    },
    /// Holds a control character, which no file or label can show.
    #[error("must not hold control characters")]
    Control,
    /// A number above its limit.
    #[error("must be at most {max}")]
    TooLarge {
        /// Allowed.
        max: i64,
    },
    /// A number below 0.
    #[error("must not be negative")]
    Negative,
    /// More decimals than are kept.
    #[error("must have at most {max} decimals")]
    TooManyDecimals {
        /// Allowed.
        max: u32,
    },
    /// A list with too many entries.
    #[error("must have at most {max} entries, has {entries}")]
    TooMany {
        /// Allowed.
        max: usize,
        /// Found.
        entries: usize,
    },
    /// An amount that is not a price.
    #[error("{0}")]
    Amount(MoneyError),
}

impl FieldProblem {
    /// Stable code, for example `too_long`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong { .. } => "too_long",
            Self::Control => "control_character",
            Self::TooLarge { .. } | Self::Amount(MoneyError::TooLarge) => "too_large",
            Self::Negative | Self::Amount(MoneyError::Negative) => "negative",
            Self::TooManyDecimals { .. } | Self::Amount(MoneyError::TooManyDecimals(_)) => {
                "too_many_decimals"
            }
            Self::TooMany { .. } => "too_many",
            Self::Amount(MoneyError::UnknownCurrency(_)) => "unknown_currency",
        }
    }
}

/// A trimmed text of 1 to `max` characters without control characters.
pub fn text(field: &'static str, value: &str, max: usize) -> Result<String, InvalidField> {
    let value = value.trim();
    let chars = value.chars().count();
    let problem = if value.is_empty() {
        FieldProblem::Empty
    } else if chars > max {
        FieldProblem::TooLong { max, chars }
    } else if value.chars().any(char::is_control) {
        FieldProblem::Control
    } else {
        return Ok(value.to_owned());
    };
    Err(InvalidField { field, problem })
}

/// The same; nothing where only blanks are given.
pub fn optional_text(
    field: &'static str,
    value: Option<&str>,
    max: usize,
) -> Result<Option<String>, InvalidField> {
    value.filter(|value| !value.trim().is_empty()).map(|value| text(field, value, max)).transpose()
}

/// A number of at most `max`.
pub fn at_most(field: &'static str, value: Option<u32>, max: u32) -> Result<(), InvalidField> {
    if value.is_some_and(|value| value > max) {
        return Err(InvalidField { field, problem: FieldProblem::TooLarge { max: i64::from(max) } });
    }
    Ok(())
}

/// A list of at most `max` entries.
pub fn count(field: &'static str, entries: usize, max: usize) -> Result<(), InvalidField> {
    if entries > max {
        return Err(InvalidField { field, problem: FieldProblem::TooMany { max, entries } });
    }
    Ok(())
}

/// A price or cost with at most `decimals` places.
pub fn price(field: &'static str, value: Option<Money>, decimals: u32) -> Result<(), InvalidField> {
    let Some(value) = value else { return Ok(()) };
    Money::price(value.amount, value.currency, decimals)
        .map(|_| ())
        .map_err(|refused| InvalidField { field, problem: FieldProblem::Amount(refused) })
}

/// A decimal from 0 to `max` with at most `decimals` places.
pub fn decimal(
    field: &'static str,
    value: Option<Decimal>,
    decimals: u32,
    max: i64,
) -> Result<(), InvalidField> {
    let Some(value) = value else { return Ok(()) };
    let problem = if value.is_sign_negative() && !value.is_zero() {
        FieldProblem::Negative
    } else if value > Decimal::from(max) {
        FieldProblem::TooLarge { max }
    } else if value.normalize().scale() > decimals {
        FieldProblem::TooManyDecimals { max: decimals }
    } else {
        return Ok(());
    };
    Err(InvalidField { field, problem })
}
