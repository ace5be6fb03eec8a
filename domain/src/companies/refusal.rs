//! Why an order to a company is refused.

use chrono::NaiveDate;

use crate::companies::settings::SettingsRefusal;
use crate::shared::field::InvalidField;
use crate::shared::money::Currency;

/// Why an order to a company is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompanyRefusal {
    /// The stream holds a company already.
    #[error("the company was founded before")]
    AlreadyFounded,
    /// The stream holds no company.
    #[error("no such company")]
    NotFound,
    /// A value that no company can have.
    #[error("{0}")]
    Invalid(InvalidField),
    /// Decision 41: priced facts are in this currency.
    #[error("the currency stays {currency} since the first price was recorded")]
    CurrencyIsLocked {
        /// The currency that stays.
        currency: Currency,
    },
    /// A setting that rule R28 does not allow.
    #[error(transparent)]
    Settings(#[from] SettingsRefusal),
    /// Days begin once and in order.
    #[error("day {date} has begun before; the newest day is {newest}")]
    DayAlreadyStarted {
        /// The day asked for.
        date: NaiveDate,
        /// The newest day that began.
        newest: NaiveDate,
    },
}

impl From<InvalidField> for CompanyRefusal {
    fn from(field: InvalidField) -> Self {
        Self::Invalid(field)
    }
}
