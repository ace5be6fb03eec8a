//! What deciding about a company needs.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::companies::event::{CompanyEvent, Profile};
use crate::companies::settings::Settings;

/// A company; without a profile nobody has signed it up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Company {
    /// Name, currency, zone.
    pub profile: Option<Profile>,
    /// Whether the currency stays.
    pub currency_locked: bool,
    /// Settings that hold.
    pub settings: Settings,
    /// The newest day that began.
    pub newest_day: Option<NaiveDate>,
}

impl Company {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &CompanyEvent) {
        match event {
            CompanyEvent::CompanyFounded(founded) => self.profile = Some(founded.profile.clone()),
            CompanyEvent::CompanyProfileEdited(edited) => self.profile = Some(edited.profile.clone()),
            CompanyEvent::CurrencyLocked(_) => self.currency_locked = true,
            CompanyEvent::SettingsChosen(chosen) => self.settings = self.settings.folded(&chosen.changes),
            CompanyEvent::DayStarted(started) => self.newest_day = self.newest_day.max(Some(started.date)),
        }
    }
}
