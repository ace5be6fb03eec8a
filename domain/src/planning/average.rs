//! Moving averages and how restless demand is (R5, R6).

use crate::planning::demand::Window;
use crate::planning::number::{Fixed, Overflow, Rate, product, root};

/// Least days of history from which deviations are compared.
pub const LEAST_DAYS: u32 = 7;

crate::words! {
    /// How much the last week's demand strays compared with the last two weeks' (R6).
    pub enum Volatility {
        /// Fewer than 7 days of history.
        Na = "NA",
        /// No more than in two weeks.
        Low = "LOW",
        /// More, up to the ratio of the settings.
        Moderate = "MODERATE",
        /// Beyond it.
        High = "HIGH",
    }
}

/// Deviations of the last 7 and 14 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// `n7 Q7 - S7²`.
    pub variance_7: i128,
    /// `n14 Q14 - S14²`.
    pub variance_14: i128,
    /// What they say.
    pub volatility: Volatility,
}

impl Window {
    /// Mean daily demand, rounded for show; none without a day (R5).
    pub fn mean(&self, name: &'static str) -> Result<Option<Rate>, Overflow> {
        if self.days == 0 {
            return Ok(None);
        }
        Rate::ratio(i128::from(self.sum), i128::from(self.days), name).map(Some)
    }
}

impl Spread {
    /// R6, where there are [`LEAST_DAYS`] days of history; `ratio` is the setting's.
    pub fn of(
        week: &Window,
        fortnight: &Window,
        history_days: u32,
        ratio: Fixed<2>,
    ) -> Result<Self, Overflow> {
        let (variance_7, variance_14) = (week.variance("std_7")?, fortnight.variance("std_14")?);
        let spread = Self { variance_7, variance_14, volatility: Volatility::Na };
        if history_days < LEAST_DAYS {
            return Ok(spread);
        }
        let volatility = compared((variance_7, week.days), (variance_14, fortnight.days), ratio);
        let volatility = volatility.ok_or(Overflow { value: "volatility" })?;
        Ok(Self { volatility, ..spread })
    }

    /// The standard deviations of 7 and 14 days, rounded for show; none where they are not compared.
    pub fn deviations(&self, week: &Window, fortnight: &Window) -> Result<Option<(Rate, Rate)>, Overflow> {
        if self.volatility == Volatility::Na {
            return Ok(None);
        }
        let seven = root(self.variance_7, week.days, "std_7")?;
        let fourteen = root(self.variance_14, fortnight.days, "std_14")?;
        Ok(Some((seven, fourteen)))
    }
}

/// Compares two variances over as many days, each with its number of days; nothing beyond 128 bits.
fn compared(seven: (i128, u32), fourteen: (i128, u32), ratio: Fixed<2>) -> Option<Volatility> {
    let (n7, n14) = (i64::from(seven.1), i64::from(fourteen.1));
    let (seven, fourteen) = (product(seven.0, n14 * n14)?, product(fourteen.0, n7 * n7)?);
    let squared = |number: i64| number.checked_mul(number);
    Some(if product(seven, squared(Fixed::<2>::ONE)?)? > product(fourteen, squared(ratio.steps())?)? {
        Volatility::High
    } else if seven > fourteen {
        Volatility::Moderate
    } else {
        Volatility::Low
    })
}
