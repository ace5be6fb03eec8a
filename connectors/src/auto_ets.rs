//! `AutoETS`: exponential smoothing whose terms (a trend or none, damped or not) are chosen for each history by how well
//! they explain it (corrected AIC). The library [`augurs`] chooses and computes.
//!
//! It knows no seasons, so it is told the totals of the last whole weeks, which have neither weekdays nor, mostly, gaps;
//! what it says of a week is spread over the days as those weeks were. It computes in binary floating point, and
//! what it says is rounded to four places when it comes in. A run publishes that, so nothing is ever computed from it twice.

use augurs::ets::AutoETS;
use augurs::{Fit, Predict};
use domain::planning::forecast::{
    DailyForecast, ForecastError, ForecastMethod, HORIZON_DAYS, Method, Series,
};
use domain::planning::{Overflow, Rate};
use domain::shared::quantity::{MAX_QUANTITY, Units};
use rust_decimal::Decimal;

const WEEK: usize = 7;

/// Weeks that it looks at: a quarter. Of 13, 16 and 26 this did best on real sales, on days before those that
/// `docs/forecasting.md` judges it by.
const MOST_WEEKS: usize = 13;

/// Least weeks: one more than the library needs for the largest of its models.
const LEAST_WEEKS: usize = 8;

/// Which terms are tried: errors that add, a trend or none, no season.
const TERMS: &str = "AZN";

const NAME: &str = "forecast";
const NO_FORECAST: ForecastError = ForecastError::NoForecast(Method::AutoEts);

/// The method.
#[derive(Debug, Clone, Copy)]
pub struct AutoEts;

impl ForecastMethod for AutoEts {
    fn method(&self) -> Method {
        Method::AutoEts
    }

    fn least_days(&self) -> usize {
        LEAST_WEEKS * WEEK
    }

    fn forecast(&self, series: &Series<'_>) -> Result<DailyForecast, ForecastError> {
        let weeks = whole_weeks(series.daily);
        let shape = Shape::of(weeks)?;
        let mut daily = [Rate::ZERO; HORIZON_DAYS];
        for (days, total) in daily.chunks_mut(WEEK).zip(weekly(weeks)?) {
            for (rate, sold) in days.iter_mut().zip(shape.weekdays) {
                *rate = shape.part(total, sold)?;
            }
        }
        Ok(DailyForecast::new(Method::AutoEts, daily))
    }
}

/// The last whole weeks, oldest first.
fn whole_weeks(daily: &[Units]) -> &[[Units; WEEK]] {
    let (_, weeks) = daily.as_rchunks::<WEEK>();
    weeks.get(weeks.len().saturating_sub(MOST_WEEKS)..).unwrap_or(weeks)
}

/// Totals of the weeks to come, 0 or more; none where the library finds no model or says what cannot be planned with.
fn weekly(weeks: &[[Units; WEEK]]) -> Result<Vec<Rate>, ForecastError> {
    // Beyond 31 bits a total is nothing that anybody sells in a week.
    let total = |week: &[Units; WEEK]| i32::try_from(week.iter().sum::<Units>()).map(f64::from);
    let totals: Vec<f64> = weeks.iter().map(total).collect::<Result<_, _>>().map_err(|_| NO_FORECAST)?;
    let search = AutoETS::new(1, TERMS).map_err(|_| NO_FORECAST)?;
    let fitted = search.fit(&totals).map_err(|_| NO_FORECAST)?;
    let said = fitted.predict(HORIZON_DAYS.div_ceil(WEEK), None).map_err(|_| NO_FORECAST)?;
    said.point.into_iter().map(|total| rate(total).ok_or(NO_FORECAST)).collect()
}

/// The library's number; none where it is not finite or too large.
fn rate(number: f64) -> Option<Rate> {
    let decimal = Decimal::try_from(number).ok()?.max(Decimal::ZERO);
    Rate::from_decimal(decimal).filter(|_| decimal <= Decimal::from(MAX_QUANTITY))
}

/// How what was sold lies within the week.
struct Shape {
    /// Units of each day of the week, over all weeks; the first is the first day to come.
    weekdays: [i128; WEEK],
    /// Their sum, above 0.
    all: i128,
}

impl Shape {
    /// None where nothing was sold: then there is nothing to smooth.
    fn of(weeks: &[[Units; WEEK]]) -> Result<Self, ForecastError> {
        let mut weekdays = [0; WEEK];
        for week in weeks {
            for (sum, units) in weekdays.iter_mut().zip(week) {
                *sum += i128::from(*units);
            }
        }
        let all = weekdays.iter().sum();
        if all > 0 { Ok(Self { weekdays, all }) } else { Err(NO_FORECAST) }
    }

    /// A day's part of a week's total.
    fn part(&self, total: Rate, sold: i128) -> Result<Rate, Overflow> {
        let sold = i128::from(total.steps()).checked_mul(sold).ok_or(Overflow { value: NAME })?;
        let all = self.all.checked_mul(i128::from(Rate::ONE)).ok_or(Overflow { value: NAME })?;
        Rate::ratio(sold, all, NAME)
    }
}
