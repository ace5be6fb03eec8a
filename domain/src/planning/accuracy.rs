//! How far forecasts were from what was sold (R30).

use std::ops::RangeInclusive;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::planning::number::{Amount, Fixed, Overflow, Percent, Rate, rounded};
use crate::shared::quantity::Units;

/// Days on which the runs were published that tell at the close of `until` how good forecasts are: those whose 14 days
/// ended in the last 14.
pub fn judged(until: NaiveDate) -> RangeInclusive<NaiveDate> {
    let ago = |days| until.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN);
    ago(27)..=ago(14)
}

/// One run and item that could be compared counts like any other; errors add up over both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Errors {
    /// Forecasts compared.
    pub count: u32,
    /// Sum of what was sold, in units.
    pub actual: i128,
    /// Sum of the sizes of errors, in ten-thousandths of a unit.
    pub absolute: i128,
    /// Sum of the errors, in ten-thousandths of a unit; above 0 where too much was expected.
    pub signed: i128,
    squared: i128,
    shares: i128,
    shared: u32,
    value: i128,
    actual_value: i128,
}

/// Whether forecasts become better, by the WAPE now and 14 days before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trend {
    /// More than a point lower.
    Improving,
    /// Within a point.
    Stable,
    /// More than a point higher.
    Declining,
}

/// Parts of a percent in which [`Errors::mape`] sums: the mean is off by less than 10⁻¹⁰ %, far below its two places.
const SHARE_PARTS: i128 = 1_000_000_000_000;

const OVERFLOW: Overflow = Overflow { value: "accuracy" };

impl Errors {
    /// Takes in a forecast of 14 days and what was sold in them.
    pub fn add(&mut self, forecast: Rate, actual: Units, unit_cost: Amount) -> Result<(), Overflow> {
        let one = i128::from(Rate::ONE);
        let error = i128::from(forecast.steps()) - i128::from(actual) * one;
        let size = error.abs();
        let mut next = *self;
        next.count = self.count.checked_add(1).ok_or(OVERFLOW)?;
        next.actual = plus(self.actual, actual.into())?;
        next.absolute = plus(self.absolute, size)?;
        next.signed = plus(self.signed, error)?;
        next.squared = plus(self.squared, times(size, size)?)?;
        next.value = plus(self.value, times(size, unit_cost.steps().into())?)?;
        let sold = times(actual.into(), unit_cost.steps().into())?;
        next.actual_value = plus(self.actual_value, sold)?;
        if actual > 0 {
            let share = times(size, 100 * SHARE_PARTS)? / (i128::from(actual) * one);
            next.shares = plus(self.shares, share)?;
            next.shared = self.shared.saturating_add(1);
        }
        *self = next;
        Ok(())
    }

    /// Takes in other errors.
    pub fn merge(&mut self, other: &Self) -> Result<(), Overflow> {
        *self = Self {
            count: self.count.checked_add(other.count).ok_or(OVERFLOW)?,
            actual: plus(self.actual, other.actual)?,
            absolute: plus(self.absolute, other.absolute)?,
            signed: plus(self.signed, other.signed)?,
            squared: plus(self.squared, other.squared)?,
            shares: plus(self.shares, other.shares)?,
            shared: self.shared.saturating_add(other.shared),
            value: plus(self.value, other.value)?,
            actual_value: plus(self.actual_value, other.actual_value)?,
        };
        Ok(())
    }

    /// `100 sum|f - a| / sum a`; none where nothing was sold.
    pub fn wape(&self) -> Option<Percent> {
        self.of_actual(self.absolute)
    }

    /// `100 sum(f - a) / sum a`; none where nothing was sold.
    pub fn bias(&self) -> Option<Percent> {
        self.of_actual(self.signed)
    }

    /// Mean of `100 |f - a| / a` over those with sales; none where there are none.
    pub fn mape(&self) -> Option<Percent> {
        let parts = SHARE_PARTS.checked_mul(self.shared.into())?;
        rounded(self.shares.checked_mul(100)?, parts).map(Fixed::of_steps)
    }

    /// Root of the mean of `(f - a)²`, in units; none without forecasts.
    pub fn rmse(&self) -> Option<Rate> {
        let mean = self.squared.checked_mul(4)?.checked_div(self.count.into())?;
        let doubled = u128::try_from(mean).ok()?.isqrt();
        i64::try_from(doubled.saturating_add(1) / 2).ok().map(Fixed::of_steps)
    }

    /// Sum of the sizes of errors at cost, in the company's currency.
    pub fn value(&self) -> Result<Amount, Overflow> {
        rounded(self.value, Rate::ONE.into()).map(Fixed::of_steps).ok_or(OVERFLOW)
    }

    /// The same as [`Self::wape`] with each unit weighed by its cost; none where nothing of known cost was sold.
    pub fn wape_at_cost(&self) -> Option<Percent> {
        let actual = self.actual_value.checked_mul(Rate::ONE.into())?;
        rounded(self.value.checked_mul(100 * 100)?, actual).map(Fixed::of_steps)
    }

    fn of_actual(&self, errors: i128) -> Option<Percent> {
        let actual = self.actual.checked_mul(Rate::ONE.into())?;
        rounded(errors.checked_mul(100 * 100)?, actual).map(Fixed::of_steps)
    }
}

impl Trend {
    /// R30; none where one of the two is not known.
    pub fn of(now: Option<Percent>, before: Option<Percent>) -> Option<Self> {
        let change = i128::from(now?.steps()) - i128::from(before?.steps());
        Some(if change < -i128::from(Percent::ONE) {
            Self::Improving
        } else if change > Percent::ONE.into() {
            Self::Declining
        } else {
            Self::Stable
        })
    }
}

fn plus(one: i128, other: i128) -> Result<i128, Overflow> {
    one.checked_add(other).ok_or(OVERFLOW)
}

fn times(one: i128, other: i128) -> Result<i128, Overflow> {
    one.checked_mul(other).ok_or(OVERFLOW)
}
