//! Methods that average the last days or weeks.

use chrono::{NaiveDate, TimeDelta};

use crate::planning::average::Spread;
use crate::planning::demand::{Demand, History, Window};
use crate::planning::forecast::{
    DailyForecast, ForecastCase, ForecastError, ForecastMethod, HORIZON_DAYS, Method, Series,
};
use crate::planning::input::PlanSettings;
use crate::planning::number::{Fixed, Rate, sum};

/// Days of [`LongAverage`].
const LONG_DAYS: u32 = 28;

/// Weeks of [`WeekdayAverage`].
const WEEKS: usize = 8;

const WEEK: usize = 7;

/// The default: R4 to R7, without looking at stock.
#[derive(Debug, Clone, Copy)]
pub struct MovingAverage {
    volatility_high_ratio: Fixed<2>,
}

impl MovingAverage {
    /// The method under a company's settings.
    pub fn new(settings: &PlanSettings) -> Self {
        Self { volatility_high_ratio: settings.volatility_high_ratio }
    }
}

impl ForecastMethod for MovingAverage {
    fn method(&self) -> Method {
        Method::MovingAverage
    }

    fn least_days(&self) -> usize {
        1
    }

    fn forecast(&self, series: &Series<'_>) -> Result<DailyForecast, ForecastError> {
        let days = i64::try_from(series.daily.len()).unwrap_or(i64::MAX);
        let back = TimeDelta::try_days(days - 1).and_then(|back| series.until.checked_sub_signed(back));
        let first = back.unwrap_or(NaiveDate::MIN);
        let demand = Demand { sold: Some((first, series.until)), daily: series.daily };
        let history = History::of(&demand, series.until);
        let week = Window::of(&demand, &history, 7, "sum_7")?;
        let fortnight = Window::of(&demand, &history, 14, "sum_14")?;
        let ratio = self.volatility_high_ratio;
        let spread = Spread::of(&week, &fortnight, history.days, ratio)?;
        let case = ForecastCase::of(&history, &week, &fortnight, spread.volatility);
        Ok(DailyForecast::constant(Method::MovingAverage, case.daily(&week, &fortnight)?))
    }
}

/// Plain mean of the last 28 days, or of all where there are fewer.
#[derive(Debug, Clone, Copy)]
pub struct LongAverage;

impl ForecastMethod for LongAverage {
    fn method(&self) -> Method {
        Method::LongAverage
    }

    fn least_days(&self) -> usize {
        1
    }

    fn forecast(&self, series: &Series<'_>) -> Result<DailyForecast, ForecastError> {
        let daily = crate::planning::demand::last(series.daily, LONG_DAYS);
        let days = i128::try_from(daily.len()).unwrap_or(1).max(1);
        let rate = Rate::ratio(i128::from(sum(daily, "forecast")?), days, "forecast")?;
        Ok(DailyForecast::constant(Method::LongAverage, rate))
    }
}

/// Mean of each weekday over the last 8 weeks, or of as many as there are.
#[derive(Debug, Clone, Copy)]
pub struct WeekdayAverage;

impl ForecastMethod for WeekdayAverage {
    fn method(&self) -> Method {
        Method::WeekdayAverage
    }

    fn least_days(&self) -> usize {
        2 * WEEK
    }

    fn forecast(&self, series: &Series<'_>) -> Result<DailyForecast, ForecastError> {
        let mut week = [Rate::ZERO; WEEK];
        for (day, rate) in week.iter_mut().enumerate() {
            // Backwards from the end, the last day of the coming week is found first.
            let same = series.daily.iter().rev().skip(WEEK - 1 - day).step_by(WEEK).take(WEEKS);
            let (sum, days) =
                same.fold((0_i128, 0_i128), |(sum, days), units| (sum + i128::from(*units), days + 1));
            *rate = Rate::ratio(sum, days.max(1), "forecast")?;
        }
        let mut daily = [Rate::ZERO; HORIZON_DAYS];
        for (value, rate) in daily.iter_mut().zip(week.iter().cycle()) {
            *value = *rate;
        }
        Ok(DailyForecast::new(Method::WeekdayAverage, daily))
    }
}
