//! What is known of days besides demand: promotions, holidays, weekends, money spent on marketing, stock.
//!
//! People and imports set them per item ([`crate::planning::event::CovariatesSet`]) and per company (the calendar of
//! holidays); weekends follow from the date.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

use crate::planning::number::Amount;
use crate::shared::quantity::Units;

/// What somebody set for one day of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Covariates {
    /// Whether it was promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion_flag: Option<bool>,
    /// Whether it was a holiday for this item, whatever the company's calendar says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holiday_flag: Option<bool>,
    /// Money spent on it, in the company's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marketing_spend: Option<Amount>,
}

/// All that is known of one day of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCovariates {
    /// The day, local to the company.
    pub date_local: NaiveDate,
    /// Whether it was promoted, by hand or by a campaign.
    pub promotion_flag: bool,
    /// Whether it was a holiday.
    pub holiday_flag: bool,
    /// Saturday or Sunday.
    pub is_weekend: bool,
    /// Money spent on it, in the company's currency; 0.00 where nobody said.
    pub marketing_spend: Amount,
    /// Stock at its close; unknown before the opening balance.
    pub stock_on_date: Option<Units>,
}

/// What holds for every day of one item.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// What was set for the item.
    pub set: &'a BTreeMap<NaiveDate, Covariates>,
    /// The company's holidays.
    pub holidays: &'a BTreeSet<NaiveDate>,
    /// First and last days of campaigns with the item on a line.
    pub campaigns: &'a [(NaiveDate, NaiveDate)],
}

impl Sources<'_> {
    /// What is known of a day. What was set for the item goes before calendar and campaigns.
    pub fn on(&self, date_local: NaiveDate, stock_on_date: Option<Units>) -> DayCovariates {
        let set = self.set.get(&date_local).copied().unwrap_or_default();
        let campaign = || self.campaigns.iter().any(|(from, to)| (*from..=*to).contains(&date_local));
        DayCovariates {
            date_local,
            promotion_flag: set.promotion_flag.unwrap_or_else(campaign),
            holiday_flag: set.holiday_flag.unwrap_or_else(|| self.holidays.contains(&date_local)),
            is_weekend: matches!(date_local.weekday(), Weekday::Sat | Weekday::Sun),
            marketing_spend: set.marketing_spend.unwrap_or(Amount::ZERO),
            stock_on_date,
        }
    }
}
