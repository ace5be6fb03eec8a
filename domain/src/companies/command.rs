//! Orders to one company.

use chrono::NaiveDate;
use serde_json::{Map, Value};

use crate::companies::event::Profile;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum CompanyCommand {
    /// Sign it up.
    Found {
        /// Name, currency, zone.
        profile: Profile,
    },
    /// Set its profile; nothing happens where it is the same.
    EditProfile {
        /// The whole profile as it shall stand.
        profile: Profile,
    },
    /// Keep the currency from now on; nothing happens where it is kept already.
    LockCurrency,
    /// Set settings of rule R28; nothing happens where they hold already.
    ChooseSettings {
        /// New values by key; null takes a key back to its default. A money threshold may be money in the company's
        /// currency.
        changes: Map<String, Value>,
    },
    /// Let a local day begin.
    StartDay {
        /// The day.
        date: NaiveDate,
    },
}
