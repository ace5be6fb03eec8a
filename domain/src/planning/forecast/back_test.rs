//! Back-test: what a method would have said on past days, compared with what was sold (rolling origin).
//!
//! Like R30 it compares the total of 14 days. The method sees nothing after its origin.

use chrono::{NaiveDate, TimeDelta};

use crate::planning::accuracy::Errors;
use crate::planning::forecast::{
    ForecastError, ForecastMethod, HORIZON_DAYS, Method, SHORT_HORIZON_DAYS, Series,
};
use crate::planning::number::{Amount, Fixed, Overflow, Rate, rounded, sum};
use crate::shared::quantity::Units;

/// The days that a back-test stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origins {
    /// Days between the newest origin and the end of the series, at least [`SHORT_HORIZON_DAYS`].
    pub newest: usize,
    /// Days between origins, 1 or more.
    pub step: usize,
    /// How many.
    pub count: usize,
}

impl Default for Origins {
    /// Twelve Sundays, or whatever day it is, of which the newest can just be judged.
    fn default() -> Self {
        Self { newest: 14, step: 7, count: 12 }
    }
}

/// How a method did on one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodResult {
    /// The method.
    pub method: Method,
    /// Its errors at the origins at which it could say anything.
    pub errors: Errors,
    /// Errors of saying "as in the 14 days before" over the history up to the newest origin.
    pub naive: Errors,
}

impl MethodResult {
    /// Mean size of the method's errors over that of the naive ones (MASE); none where those are 0.
    pub fn mase(&self) -> Option<Rate> {
        let own = self.errors.absolute.checked_mul(self.naive.count.into())?;
        let naive = self.naive.absolute.checked_mul(self.errors.count.into())?;
        rounded(own.checked_mul(Rate::ONE.into())?, naive).map(Fixed::of_steps)
    }
}

/// Errors of one method over the origins that the series reaches. `unit_cost` weighs them in money.
pub fn back_test(
    series: &Series<'_>,
    method: &dyn ForecastMethod,
    origins: Origins,
    unit_cost: Amount,
) -> Result<MethodResult, Overflow> {
    let mut errors = Errors::default();
    for origin in origins.lengths(series.daily.len()) {
        let Some((history, after)) = series.daily.split_at_checked(origin) else { continue };
        if history.len() < method.least_days() {
            continue;
        }
        match method.forecast(&series.until_length(history)) {
            Ok(forecast) => {
                let total = forecast.total(SHORT_HORIZON_DAYS, "forecast_14d")?;
                errors.add(total, fortnight(after)?, unit_cost)?;
            }
            Err(ForecastError::NoForecast(_)) => {}
            Err(ForecastError::Overflow(overflow)) => return Err(overflow),
        }
    }
    Ok(MethodResult { method: method.method(), errors, naive: naive(series.daily, origins)? })
}

impl Origins {
    /// Lengths of the histories at the origins, the newest first; none that is empty.
    fn lengths(self, days: usize) -> impl Iterator<Item = usize> {
        let newest = days.checked_sub(self.newest.max(HORIZON));
        let lengths = newest.into_iter().flat_map(move |newest| (1..=newest).rev().step_by(self.step.max(1)));
        lengths.take(self.count)
    }
}

const HORIZON: usize = 14;
const _: () = assert!(HORIZON <= HORIZON_DAYS);

impl<'a> Series<'a> {
    /// The same series at an earlier day: `history` is its beginning.
    fn until_length(&self, history: &'a [Units]) -> Series<'a> {
        let later = self.daily.len().saturating_sub(history.len());
        let later = i64::try_from(later).ok().and_then(TimeDelta::try_days).unwrap_or_default();
        let until = self.until.checked_sub_signed(later).unwrap_or(NaiveDate::MIN);
        let known = self.covariates.partition_point(|day| day.date_local <= until);
        Series { until, daily: history, covariates: self.covariates.get(..known).unwrap_or_default() }
    }
}

fn fortnight(days: &[Units]) -> Result<Units, Overflow> {
    sum(days.get(..HORIZON).unwrap_or(days), "sum_14")
}

/// Each 14 days said to be as the 14 before, up to the newest origin.
fn naive(daily: &[Units], origins: Origins) -> Result<Errors, Overflow> {
    let mut errors = Errors::default();
    let known = daily.len().saturating_sub(origins.newest.max(HORIZON));
    let Some(known) = daily.get(..known) else { return Ok(errors) };
    for pair in known.windows(2 * HORIZON) {
        let Some((before, after)) = pair.split_at_checked(HORIZON) else { continue };
        let said = fortnight(before)?.checked_mul(Rate::ONE).ok_or(Overflow { value: "forecast_14d" })?;
        errors.add(Fixed::of_steps(said), fortnight(after)?, Amount::ZERO)?;
    }
    Ok(errors)
}
