//! The rules of one company.

use chrono::NaiveDate;
use serde_json::{Map, Value};

use crate::companies::command::CompanyCommand;
use crate::companies::event::{
    CompanyEvent, CompanyFounded, CompanyProfileEdited, CurrencyLocked, DayStarted, Profile, SettingsChosen,
};
use crate::companies::refusal::CompanyRefusal;
use crate::companies::state::Company;
use crate::shared::field;

/// Longest name of a company, in characters.
pub const MAX_NAME_CHARS: usize = 200;

type Decision = Result<Vec<CompanyEvent>, CompanyRefusal>;

impl Company {
    /// What happens because of an order, or why it is refused.
    pub fn decide(&self, command: CompanyCommand) -> Decision {
        match command {
            CompanyCommand::Found { profile } => self.found(&profile),
            CompanyCommand::EditProfile { profile } => self.edit_profile(&profile),
            CompanyCommand::LockCurrency => self.lock_currency(),
            CompanyCommand::ChooseSettings { changes } => self.choose_settings(&changes),
            CompanyCommand::StartDay { date } => self.start_day(date),
        }
    }

    fn found(&self, profile: &Profile) -> Decision {
        if self.profile.is_some() {
            return Err(CompanyRefusal::AlreadyFounded);
        }
        let profile = checked(profile)?;
        Ok(vec![CompanyEvent::CompanyFounded(CompanyFounded { profile })])
    }

    fn edit_profile(&self, profile: &Profile) -> Decision {
        let known = self.founded()?;
        let profile = checked(profile)?;
        if profile == *known {
            return Ok(Vec::new());
        }
        if self.currency_locked && profile.currency != known.currency {
            return Err(CompanyRefusal::CurrencyIsLocked { currency: known.currency });
        }
        Ok(vec![CompanyEvent::CompanyProfileEdited(CompanyProfileEdited { profile })])
    }

    fn lock_currency(&self) -> Decision {
        let currency = self.founded()?.currency;
        let locked = CompanyEvent::CurrencyLocked(CurrencyLocked { currency });
        Ok((!self.currency_locked).then_some(locked).into_iter().collect())
    }

    fn choose_settings(&self, changes: &Map<String, Value>) -> Decision {
        let currency = self.founded()?.currency;
        let changes = self.settings.changes(changes, currency)?;
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![CompanyEvent::SettingsChosen(SettingsChosen { changes })])
    }

    fn start_day(&self, date: NaiveDate) -> Decision {
        self.founded()?;
        match self.newest_day {
            Some(newest) if date <= newest => Err(CompanyRefusal::DayAlreadyStarted { date, newest }),
            Some(_) | None => Ok(vec![CompanyEvent::DayStarted(DayStarted { date })]),
        }
    }

    fn founded(&self) -> Result<&Profile, CompanyRefusal> {
        self.profile.as_ref().ok_or(CompanyRefusal::NotFound)
    }
}

fn checked(profile: &Profile) -> Result<Profile, CompanyRefusal> {
    let name = field::text("name", &profile.name, MAX_NAME_CHARS)?;
    Ok(Profile { name, currency: profile.currency, time_zone: profile.time_zone })
}
