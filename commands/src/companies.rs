//! Companies: profile, settings, days.

use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use domain::companies::event::Profile;
use domain::companies::{Company, CompanyCommand, CompanyRefusal};
use domain::stock::StockRules;

use crate::operation::{CompanyEdit, Outcome};
use crate::refused::{RefusalKind, Refused};
use crate::workspace::{Stop, Workspace};

/// What other features consult of a company.
pub(crate) struct Founded {
    /// Zone of its days.
    pub(crate) time_zone: Tz,
    /// Thresholds of human stock orders.
    pub(crate) rules: StockRules,
}

impl Workspace<'_> {
    /// The company at hand, which must have been founded.
    pub(crate) fn founded(&mut self) -> Result<Founded, Stop> {
        let company = self.directory()?.company();
        let Some((company, profile)) =
            company.and_then(|held| held.profile.as_ref().map(|profile| (held, profile)))
        else {
            return Err(CompanyRefusal::NotFound.into());
        };
        Ok(Founded { time_zone: profile.time_zone, rules: company.settings.stock_rules() })
    }

    /// Signs a company up.
    pub(crate) fn found_company(&mut self, profile: &Profile) -> Result<Outcome, Stop> {
        self.change_company(CompanyCommand::Found { profile: profile.clone() })?;
        self.company_outcome()
    }

    /// Changes a company's profile.
    pub(crate) fn edit_company(&mut self, edit: &CompanyEdit) -> Result<Outcome, Stop> {
        self.founded()?;
        let held = self.directory()?.company().and_then(|held| held.profile.clone());
        let Some(profile) = held else { return Err(CompanyRefusal::NotFound.into()) };
        let profile = Profile {
            name: edit.name.clone().unwrap_or(profile.name),
            currency: edit.currency.unwrap_or(profile.currency),
            time_zone: edit.time_zone.unwrap_or(profile.time_zone),
        };
        self.change_company(CompanyCommand::EditProfile { profile })?;
        self.company_outcome()
    }

    /// Sets settings of rule R28.
    pub(crate) fn choose_settings(
        &mut self,
        changes: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Outcome, Stop> {
        self.founded()?;
        self.change_company(CompanyCommand::ChooseSettings { changes: changes.clone() })?;
        let settings = self.directory()?.company().map(|held| held.settings.document());
        Ok(Outcome::Settings(settings.unwrap_or_default().into()))
    }

    /// Records that a local day began. A day that began before is no refusal: the scheduler may come twice.
    pub(crate) fn start_day(&mut self, date: NaiveDate) -> Result<Outcome, Stop> {
        self.founded()?;
        let newest = self.directory()?.company().and_then(|held| held.newest_day);
        if newest.is_none_or(|newest| date > newest) {
            self.change_company(CompanyCommand::StartDay { date })?;
        }
        Ok(Outcome::DayStarted { date })
    }

    /// Fixes the company's currency once a priced fact is recorded (decision 41).
    pub(crate) fn lock_currency(&mut self) -> Result<(), Stop> {
        if self.directory()?.company().is_some_and(|held| !held.currency_locked) {
            self.change_company(CompanyCommand::LockCurrency)?;
        }
        Ok(())
    }

    fn change_company(&mut self, command: CompanyCommand) -> Result<(), Stop> {
        let id: Arc<str> = Arc::from(self.company_id.to_string());
        let event_id = self.ids.next();
        self.change::<Company>(&id, event_id, None, command).map(|_| ())
    }

    fn company_outcome(&mut self) -> Result<Outcome, Stop> {
        let company = self.directory()?.company().ok_or(CompanyRefusal::NotFound)?;
        let profile = company.profile.clone().ok_or(CompanyRefusal::NotFound)?;
        Ok(Outcome::Company { profile, currency_locked: company.currency_locked })
    }
}

impl From<CompanyRefusal> for Stop {
    fn from(refusal: CompanyRefusal) -> Self {
        use RefusalKind::{Conflict, Invalid, NotFound};
        let message = refusal.to_string();
        let refused = |code, kind| Refused::new(code, kind, message.clone());
        Self::Refused(match refusal {
            CompanyRefusal::AlreadyFounded => refused("already_founded", Conflict),
            CompanyRefusal::NotFound => refused("unknown_company", NotFound),
            CompanyRefusal::Invalid(field) => Refused::field(&field),
            CompanyRefusal::CurrencyIsLocked { currency } => {
                refused("currency_locked", Conflict).at("/currency").figure("currency", currency.code())
            }
            CompanyRefusal::Settings(refusal) => {
                refused("invalid_setting", Invalid).at(format!("/{}", refusal.key))
            }
            CompanyRefusal::DayAlreadyStarted { .. } => refused("day_already_started", Conflict),
        })
    }
}
