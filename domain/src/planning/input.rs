//! Everything that a plan is computed from (rules.md, *Inputs of one calculation*).

use chrono::{Days as CalendarDays, NaiveDate};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use crate::companies::Settings;
use crate::planning::demand::Demand;
use crate::planning::forecast::DailyForecast;
use crate::planning::number::{Amount, Fixed, Percent, Rate};
use crate::planning::supply::{OrderLine, Supply};
use crate::shared::ids::ItemId;
use crate::shared::quantity::Units;

/// The days that a plan stands on (rules.md, *Which A*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDay {
    /// Last complete day: demand, history and idle days end with it.
    pub demand_until: NaiveDate,
    /// Day whose stock, orders and receipts count, and from which stock runs out.
    pub stock_on: NaiveDate,
}

impl PlanDay {
    /// A plan as of a past day, which is complete.
    pub fn as_of(day: NaiveDate) -> Self {
        Self { demand_until: day, stock_on: day }
    }

    /// Today's plan: a morning without sales is not a day without sales, so demand ends yesterday.
    pub fn live(today: NaiveDate) -> Self {
        let yesterday = today.checked_sub_days(CalendarDays::new(1)).unwrap_or(today);
        Self { demand_until: yesterday, stock_on: today }
    }

    /// Days by which the stock's day is later, 0 or more.
    pub fn lead(&self) -> u32 {
        u32::try_from((self.stock_on - self.demand_until).num_days()).unwrap_or(0)
    }
}

/// Stock of one item, in units, at the close of days; less what is reserved (R10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock<'a> {
    /// On the stock's day, below zero where sales were recorded that the ledger could not cover.
    pub units: Units,
    /// Day of its opening balance; of days before nothing is known.
    pub opened_on: Option<NaiveDate>,
    /// At the closes of consecutive days that end with the stock's day, none before the opening: the last 30, and one
    /// more where demand ends the day before.
    pub closes: &'a [Units],
}

/// What the catalogue says of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Master {
    /// Cost of one unit in the company's currency; missing counts as 0.00.
    #[serde(rename = "given_unit_cost")]
    pub unit_cost: Option<Amount>,
    /// Days of safety stock of its own; 0 is a value.
    #[serde(rename = "product_safety_days")]
    pub safety_days: Option<u32>,
    /// Lead time in days of its own; 0 is a value.
    #[serde(rename = "product_lead_time_days")]
    pub lead_time_days: Option<u32>,
    /// Units a day that a person expects while it was never sold.
    pub manual_daily_forecast: Option<Rate>,
    /// Mean forecast of its category, where it has one (see [`crate::planning::seed`]).
    pub category_forecast: Option<Rate>,
    /// First day on sale.
    pub listed_on: Option<NaiveDate>,
    /// Whether it is on a line of a campaign that is active or scheduled.
    pub in_campaign: bool,
}

/// One calculation's inputs.
#[derive(Debug, Clone, Copy)]
pub struct ItemInput<'a> {
    /// The item, named in errors.
    pub item_id: &'a ItemId,
    /// The days that the plan stands on.
    pub day: PlanDay,
    /// What was sold.
    pub demand: Demand<'a>,
    /// What lies there.
    pub stock: Stock<'a>,
    /// Lines of purchase orders; those that do not count are passed over (R12).
    pub orders: &'a [OrderLine<'a>],
    /// What the catalogue says.
    pub master: Master,
    /// What its supplier says (R14).
    pub supply: Option<Supply>,
    /// Days of a method other than the default's; none lets R7 and R8 decide.
    pub forecast: Option<&'a DailyForecast>,
    /// Settings that hold for the item.
    pub settings: &'a PlanSettings,
}

/// The settings of R28 that planning uses, as whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSettings {
    /// R16, R18.
    pub low_stock_threshold_days: u32,
    /// R13.
    pub safety_buffer_days: Option<u32>,
    /// R14.
    pub default_lead_time_days: u32,
    /// R23.
    pub understocked_threshold: u32,
    /// R23.
    pub overstocked_threshold: u32,
    /// R23.
    pub dead_stock_days: u32,
    /// R20.
    pub high_value_threshold: Amount,
    /// R6.
    pub volatility_high_ratio: Fixed<2>,
    /// R25.
    pub urgent_risk: Percent,
    /// R25.
    pub reduce_order_dir: u32,
    /// R25.
    pub promote_dir: u32,
    /// R24.
    pub suggestion_min_risk: Percent,
    /// Decision 35.
    pub censor_stockouts: bool,
}

/// Settings of R28 that planning uses: those that a category or an item may have of its own.
pub const PLANNING_KEYS: [&str; 13] = [
    "low_stock_threshold_days",
    "safety_buffer_days",
    "default_lead_time_days",
    "understocked_threshold",
    "overstocked_threshold",
    "dead_stock_days",
    "high_value_threshold",
    "volatility_high_ratio",
    "urgent_risk",
    "reduce_order_dir",
    "promote_dir",
    "suggestion_min_risk",
    "censor_stockouts",
];

impl Default for PlanSettings {
    fn default() -> Self {
        Self::from(&Settings::default())
    }
}

impl From<&Settings> for PlanSettings {
    fn from(settings: &Settings) -> Self {
        Self {
            low_stock_threshold_days: settings.low_stock_threshold_days,
            safety_buffer_days: settings.safety_buffer_days,
            default_lead_time_days: settings.default_lead_time_days,
            understocked_threshold: settings.understocked_threshold,
            overstocked_threshold: settings.overstocked_threshold,
            dead_stock_days: settings.dead_stock_days,
            high_value_threshold: hundredths(settings.high_value_threshold),
            volatility_high_ratio: hundredths(settings.volatility_high_ratio),
            urgent_risk: hundredths(settings.urgent_risk),
            reduce_order_dir: settings.reduce_order_dir,
            promote_dir: settings.promote_dir,
            suggestion_min_risk: hundredths(settings.suggestion_min_risk),
            censor_stockouts: settings.censor_stockouts,
        }
    }
}

/// Settings have at most two decimals and twelve digits before them, so this is exact.
fn hundredths(decimal: Decimal) -> Fixed<2> {
    Fixed::of_steps((decimal * Decimal::ONE_HUNDRED).to_i64().unwrap_or(i64::MAX))
}
