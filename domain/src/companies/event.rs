//! What can have happened to a company. Stream id: its id.

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::shared::money::Currency;

crate::events! {
    /// One fact about a company.
    pub enum CompanyEvent in "company" upcast &[] => {
        /// A company signed up.
        CompanyFounded = 1,
        /// Name, currency or time zone became others.
        CompanyProfileEdited = 1,
        /// The first priced fact was recorded; the currency stays from now on.
        CurrencyLocked = 1,
        /// Settings were set.
        SettingsChosen = 1,
        /// A local day began.
        DayStarted = 1,
    }
}

/// See [`CompanyEvent::CompanyFounded`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyFounded {
    /// Name, currency, zone.
    pub profile: Profile,
}

/// See [`CompanyEvent::CompanyProfileEdited`]. Holds the whole profile as it stands afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyProfileEdited {
    /// Name, currency, zone.
    pub profile: Profile,
}

/// See [`CompanyEvent::CurrencyLocked`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyLocked {
    /// The currency that stays.
    pub currency: Currency,
}

/// See [`CompanyEvent::SettingsChosen`]. Keys and values of rule R28; only those that were set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingsChosen {
    /// New values by key; null takes a key back to its default.
    pub changes: serde_json::Map<String, serde_json::Value>,
}

/// See [`CompanyEvent::DayStarted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayStarted {
    /// The day, local to the company.
    pub date: NaiveDate,
}

/// What a company is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Name, at most 200 characters.
    pub name: String,
    /// Currency of totals.
    pub currency: Currency,
    /// IANA time zone of its days.
    pub time_zone: Tz,
}
