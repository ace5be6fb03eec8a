//! Holidays of a company, and what is known of a product's days.

use std::sync::Arc;

use chrono::NaiveDate;
use domain::planning::event::{CovariateDay, HOLIDAYS_STREAM};
use domain::planning::state::{Calendar, ItemDays};
use domain::planning::{CalendarCommand, SetCovariates};
use domain::shared::ids::ItemId;

use super::key_of;
use crate::operation::Outcome;
use crate::workspace::{Stop, Workspace};

impl Workspace<'_> {
    /// Makes a day a holiday.
    pub(crate) fn set_holiday(&mut self, date_local: NaiveDate, name: &str) -> Result<Outcome, Stop> {
        self.change_calendar(CalendarCommand::SetHoliday { date_local, name: name.to_owned() }, date_local)
    }

    /// Makes a day none.
    pub(crate) fn remove_holiday(&mut self, date_local: NaiveDate) -> Result<Outcome, Stop> {
        self.change_calendar(CalendarCommand::RemoveHoliday { date_local }, date_local)
    }

    fn change_calendar(&mut self, command: CalendarCommand, date_local: NaiveDate) -> Result<Outcome, Stop> {
        self.founded()?;
        let stream: Arc<str> = Arc::from(HOLIDAYS_STREAM);
        self.change_planning::<Calendar>(&stream, command)?;
        let name = self.state::<Calendar>(&stream)?.state.holidays.get(&date_local).cloned();
        Ok(Outcome::Holiday { date_local, name })
    }

    /// Sets what is known of a product's days. Money spent is in the company's currency, which stays from then on.
    pub(crate) fn set_covariates(&mut self, item: &ItemId, days: &[CovariateDay]) -> Result<Outcome, Stop> {
        self.founded()?;
        let key = self.directory()?.resolve(item)?;
        let command = SetCovariates { item_id: key_of(&key)?, days: days.to_vec() };
        let events = self.change_planning::<ItemDays>(&key, command)?;
        if !events.is_empty() && days.iter().any(|day| day.covariates.marketing_spend.is_some()) {
            self.lock_currency()?;
        }
        let item_id = self.directory()?.present_item_id(&key).unwrap_or(item).clone();
        Ok(Outcome::Covariates { item_id, days: days.to_vec() })
    }
}
