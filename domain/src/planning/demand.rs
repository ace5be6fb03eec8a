//! Daily demand and its history (R3, R4), and what the last days say in sums (R5, R6, decision 35).
//!
//! Demand comes as a slice of consecutive days that ends with the last complete day. Nothing here allocates.

use chrono::{NaiveDate, TimeDelta};

use crate::planning::number::{Overflow, product, sum};
use crate::shared::quantity::Units;

/// At least this many days must remain in a window from which days without stock were taken out (decision 35).
pub const LEAST_CENSORED_DAYS: u32 = 3;

/// Demand of one item up to the last complete day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand<'a> {
    /// First and last day with demand above 0, none where there was none.
    pub sold: Option<(NaiveDate, NaiveDate)>,
    /// Demand of consecutive days, the last of them the last complete day: at least the last 30 of the history, or all
    /// of it where it is shorter.
    pub daily: &'a [Units],
}

/// Demand of a day: sales less reversals of all sources and locations, never below 0 (R3).
pub fn of_day(signed_units: Units) -> Units {
    signed_units.max(0)
}

impl<'a> Demand<'a> {
    /// Demand of a series that is all of the history.
    pub fn of_series(until: NaiveDate, daily: &'a [Units]) -> Self {
        let back = |days: usize| until.checked_sub_signed(TimeDelta::try_days(i64::try_from(days).ok()?)?);
        let first = daily.iter().position(|units| *units > 0).and_then(|at| back(daily.len() - 1 - at));
        let last = daily.iter().rev().position(|units| *units > 0).and_then(back);
        Self { sold: first.zip(last), daily }
    }

    /// The last `days` days, fewer where fewer are there.
    pub fn last(&self, days: u32) -> &'a [Units] {
        last(self.daily, days)
    }
}

/// The last `count` entries of a slice of days, fewer where fewer are there.
pub(crate) fn last(daily: &[Units], count: u32) -> &[Units] {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    daily.split_at_checked(daily.len().saturating_sub(count)).map_or(daily, |(_, last)| last)
}

/// History of an item's demand as of the last complete day (R4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// First day with demand.
    pub first_sale: Option<NaiveDate>,
    /// Last day with demand.
    pub last_sale: Option<NaiveDate>,
    /// Days from the first sale to the last complete day, both counted; 0 without a sale.
    pub days: u32,
    /// Days since the last sale.
    pub days_since_last_sale: Option<u32>,
}

impl History {
    /// R4.
    pub fn of(demand: &Demand<'_>, until: NaiveDate) -> Self {
        let (first_sale, last_sale) = demand.sold.unzip();
        let since = |day: NaiveDate| u32::try_from((until - day).num_days()).unwrap_or(0);
        Self {
            first_sale,
            last_sale,
            days: first_sale.map_or(0, |first| since(first).saturating_add(1)),
            days_since_last_sale: last_sale.map(since),
        }
    }

    /// Days of a window of `days` days that lie within the history.
    pub fn window(&self, days: u32) -> u32 {
        days.min(self.days)
    }
}

/// Sums over the last days of one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Days that count: those of the window within the history, less those taken out for want of stock.
    pub days: u32,
    /// Demand of those days.
    pub sum: Units,
    /// Sum of the squares of their demands.
    pub squares: i128,
}

impl Window {
    /// The `min(days, H)` days ending with the last complete day.
    pub fn of(
        demand: &Demand<'_>,
        history: &History,
        days: u32,
        name: &'static str,
    ) -> Result<Self, Overflow> {
        let within = history.window(days);
        let daily = demand.last(within);
        Ok(Self { days: within, sum: sum(daily, name)?, squares: squares(daily, name)? })
    }

    /// The same without days on which nothing was there to sell and nothing was sold, if at least
    /// [`LEAST_CENSORED_DAYS`] remain (decision 35). Sums stay: those days had no demand.
    #[must_use]
    pub fn censored(self, demand: &Demand<'_>, closes: &[Units]) -> Self {
        let sold = demand.last(self.days).iter().rev();
        let empty = sold.zip(closes.iter().rev()).filter(|(units, close)| **units <= 0 && **close <= 0);
        let left = self.days.saturating_sub(u32::try_from(empty.count()).unwrap_or(u32::MAX));
        Self { days: if left >= LEAST_CENSORED_DAYS { left } else { self.days }, ..self }
    }

    /// Population variance times the square of the number of days: `n Q - S²` (R6).
    pub fn variance(&self, name: &'static str) -> Result<i128, Overflow> {
        let overflow = Overflow { value: name };
        let weighed = product(self.squares, self.days.into()).ok_or(overflow)?;
        // The square of 64 bits fits 128.
        let sum = i128::from(self.sum);
        weighed.checked_sub(sum * sum).ok_or(overflow)
    }
}

fn squares(daily: &[Units], name: &'static str) -> Result<i128, Overflow> {
    let square = |units: &Units| i128::from(*units) * i128::from(*units);
    let squares = daily.iter().try_fold(0_i128, |sum, units| sum.checked_add(square(units)));
    squares.ok_or(Overflow { value: name })
}
