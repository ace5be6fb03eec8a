//! Forecasts: the rules' own (R7, R8) and, behind one interface, further methods.
//!
//! A [`ForecastMethod`] turns the history of one item into [`HORIZON_DAYS`] daily values. Those built in compute in
//! fixed point ([`fixed_point`]), so that the same history gives the same table on every machine; another crate may
//! implement the trait with whatever it likes, since its values are rounded to four places when they come in. What a
//! model outside answers is an [`external::ExternalForecast`]. [`back_test`] measures methods, [`choice`] picks one.
//!
//! Read in this order: [`standard`], [`fixed_point`], [`moving`], [`smoothing`], [`intermittent`], [`external`],
//! [`imported`], [`back_test`], [`choice`], [`run`].

pub mod standard;
pub mod fixed_point;
pub mod moving;
pub mod smoothing;
pub mod intermittent;
pub mod external;
pub mod imported;
pub mod back_test;
pub mod choice;
pub mod run;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::planning::covariate::DayCovariates;
use crate::planning::input::PlanSettings;
use crate::planning::number::{Overflow, Rate, sum};
use crate::shared::quantity::Units;

pub use standard::{Confidence, ForecastCase, Outlook};

/// Days that a method forecasts.
pub const HORIZON_DAYS: usize = 30;

/// Days over which recommendations and accuracy look (R7, R30).
pub const SHORT_HORIZON_DAYS: u32 = 14;

crate::words! {
    /// How a forecast was made.
    pub enum Method {
        /// The weighted averages of R7.
        MovingAverage = "MOVING_AVERAGE",
        /// A person's figure for a product never sold (R8).
        Manual = "MANUAL",
        /// The mean of its category, for a product never sold (R8).
        CategoryDefault = "CATEGORY_DEFAULT",
        /// Plain mean of the last 28 days.
        LongAverage = "LONG_AVERAGE",
        /// Mean of each weekday over the last 8 weeks.
        WeekdayAverage = "WEEKDAY_AVERAGE",
        /// Simple exponential smoothing.
        Ses = "SES",
        /// Exponential smoothing with a damped trend.
        Holt = "HOLT",
        /// Croston's method for intermittent demand.
        Croston = "CROSTON",
        /// The same with Syntetos' and Boylan's correction.
        Sba = "SBA",
        /// Teunter's, Syntetos' and Babai's method, which lets dying demand fade.
        Tsb = "TSB",
        /// Exponential smoothing with chosen terms, computed outside of this crate.
        AutoEts = "AUTO_ETS",
        /// A model outside of the product.
        External = "EXTERNAL",
    }
}

/// The history of one item, as methods see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series<'a> {
    /// Last complete day.
    pub until: NaiveDate,
    /// Demand of consecutive days from the first sale to that day; empty without a sale.
    pub daily: &'a [Units],
    /// What else is known of days, oldest first; methods may use it.
    pub covariates: &'a [DayCovariates],
}

/// What turns a history into a forecast. Pure: the same series gives the same values.
pub trait ForecastMethod: Send + Sync {
    /// Its name.
    fn method(&self) -> Method;

    /// Least days of history that it needs; of a shorter one nothing is asked.
    fn least_days(&self) -> usize;

    /// Demand of the days after the series. The history has at least [`Self::least_days`].
    fn forecast(&self, series: &Series<'_>) -> Result<DailyForecast, ForecastError>;
}

/// Why a method gave no forecast.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForecastError {
    /// A value does not fit 64 bits.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The method cannot say anything about such a series.
    #[error("{0} gives no forecast for this history")]
    NoForecast(Method),
}

/// Demand of the days after the last complete one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyForecast {
    /// How it was made.
    pub method: Method,
    /// Units a day, each 0 or more.
    daily: [Rate; HORIZON_DAYS],
}

impl DailyForecast {
    /// Daily values of a method; what is below 0 is 0.
    pub fn new(method: Method, daily: [Rate; HORIZON_DAYS]) -> Self {
        Self { method, daily: daily.map(|rate| rate.max(Rate::ZERO)) }
    }

    /// The same value for every day.
    pub fn constant(method: Method, daily: Rate) -> Self {
        Self::new(method, [daily; HORIZON_DAYS])
    }

    /// Units a day, the first for the day after the last complete one.
    pub fn daily(&self) -> &[Rate; HORIZON_DAYS] {
        &self.daily
    }

    /// Demand of the first `days` days (R7).
    pub fn total(&self, days: u32, name: &'static str) -> Result<Rate, Overflow> {
        let steps = self.daily.map(Rate::steps);
        let days = usize::try_from(days).unwrap_or(HORIZON_DAYS).min(HORIZON_DAYS);
        sum(steps.get(..days).unwrap_or(&steps), name).map(Rate::of_steps)
    }
}

/// Every method that is built in and that a back-test compares.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    moving_average: moving::MovingAverage,
}

impl BuiltIn {
    /// The methods under a company's settings.
    pub fn new(settings: &PlanSettings) -> Self {
        Self { moving_average: moving::MovingAverage::new(settings) }
    }

    /// Each of them, the default first.
    pub fn methods(&self) -> [&dyn ForecastMethod; 8] {
        [
            &self.moving_average,
            &moving::LongAverage,
            &moving::WeekdayAverage,
            &smoothing::Ses,
            &smoothing::Holt,
            &intermittent::Croston,
            &intermittent::Sba,
            &intermittent::Tsb,
        ]
    }
}
