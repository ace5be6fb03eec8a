//! Classes of items by value, steadiness and kind of demand (R31).

use crate::planning::demand::last;
use crate::planning::number::{Amount, Overflow};
use crate::shared::ids::ItemId;
use crate::shared::quantity::Units;

/// Days over which classes look.
pub const CLASS_DAYS: u32 = 90;

/// Most whole weeks of XYZ.
const WEEKS: usize = 12;

/// Fewer whole weeks of history are Z.
const LEAST_WEEKS: usize = 4;

const WEEK: usize = 7;

crate::words! {
    /// Class by demand value.
    pub enum Abc {
        /// The items that make up the first 80 % of all value.
        A = "A",
        /// Up to 95 %.
        B = "B",
        /// The rest, and items without value.
        C = "C",
    }
}

crate::words! {
    /// Class by steadiness of weekly demand.
    pub enum Xyz {
        /// Coefficient of variation up to 0.5.
        X = "X",
        /// Up to 1.
        Y = "Y",
        /// Above, or fewer than 4 weeks of history.
        Z = "Z",
    }
}

crate::words! {
    /// Kind of demand by how often and how evenly it comes.
    pub enum DemandType {
        /// Often, evenly.
        Smooth = "smooth",
        /// Seldom, evenly.
        Intermittent = "intermittent",
        /// Often, unevenly.
        Erratic = "erratic",
        /// Seldom, unevenly.
        Lumpy = "lumpy",
    }
}

/// Demand of the last 90 days of the history, or all of it, ending with the last complete day.
fn considered(daily: &[Units], history_days: u32) -> &[Units] {
    last(daily, CLASS_DAYS.min(history_days))
}

/// Value of the demand of 90 days at cost, in hundredths of the company's currency.
pub fn demand_value(daily: &[Units], history_days: u32, unit_cost: Amount) -> Result<i128, Overflow> {
    let units = considered(daily, history_days).iter().fold(0_i128, |sum, units| sum + i128::from(*units));
    units.checked_mul(unit_cost.steps().into()).ok_or(Overflow { value: "demand_value" })
}

impl Abc {
    /// Classes of items in the order in which they come: by demand value falling, ties by item id.
    pub fn of_ranked(values: &[(&ItemId, i128)]) -> Vec<Self> {
        let all: i128 = values.iter().fold(0, |sum: i128, (_, value)| sum.saturating_add(*value));
        let mut before: i128 = 0;
        let class = |(_, value): &(&ItemId, i128)| {
            // The total before an item is below p %: before / all < p / 100.
            let below = |percent: i128| before.saturating_mul(100) < all.saturating_mul(percent);
            let class = if *value <= 0 {
                Self::C
            } else if below(80) {
                Self::A
            } else if below(95) {
                Self::B
            } else {
                Self::C
            };
            before = before.saturating_add(*value);
            class
        };
        values.iter().map(class).collect()
    }

    /// Brings items into the order in which they are classed.
    pub fn rank(values: &mut [(&ItemId, i128)]) {
        values.sort_unstable_by(|one, other| {
            other.1.cmp(&one.1).then_with(|| one.0.as_str().as_bytes().cmp(other.0.as_str().as_bytes()))
        });
    }
}

impl Xyz {
    /// Class of the last 12 whole weeks that end with the last complete day, or of as many as the history has.
    pub fn of(daily: &[Units], history_days: u32) -> Self {
        let weeks = usize::try_from(history_days).unwrap_or(usize::MAX) / WEEK;
        let weeks = weeks.min(daily.len() / WEEK).min(WEEKS);
        if weeks < LEAST_WEEKS {
            return Self::Z;
        }
        let week = |days: &[Units]| days.iter().fold(0_i128, |sum, units| sum + i128::from(*units));
        let moments = Moments::of(daily.rchunks_exact(WEEK).take(weeks).map(week));
        // The coefficient of variation is at most p where p² S² is at least n Q - S².
        if moments.sum == 0 {
            Self::Z
        } else if moments.varies_at_most(1, 4) {
            Self::X
        } else if moments.varies_at_most(1, 1) {
            Self::Y
        } else {
            Self::Z
        }
    }
}

impl DemandType {
    /// Kind of the demand of 90 days; none where nothing was sold.
    pub fn of(daily: &[Units], history_days: u32) -> Option<Self> {
        let daily = considered(daily, history_days);
        let sold = daily.iter().filter(|units| **units > 0).map(|units| i128::from(*units));
        let moments = Moments::of(sold);
        if moments.count == 0 {
            return None;
        }
        let days = i128::try_from(daily.len()).unwrap_or(i128::MAX);
        let seldom = days.saturating_mul(100) > moments.count.saturating_mul(132);
        let uneven = !moments.varies_at_most(49, 100);
        Some(match (seldom, uneven) {
            (false, false) => Self::Smooth,
            (true, false) => Self::Intermittent,
            (false, true) => Self::Erratic,
            (true, true) => Self::Lumpy,
        })
    }
}

/// Count, sum and sum of squares of some numbers.
struct Moments {
    count: i128,
    sum: i128,
    squares: i128,
}

impl Moments {
    fn of(numbers: impl Iterator<Item = i128>) -> Self {
        numbers.fold(Self { count: 0, sum: 0, squares: 0 }, |so_far, number| Self {
            count: so_far.count + 1,
            sum: so_far.sum.saturating_add(number),
            squares: so_far.squares.saturating_add(number.saturating_mul(number)),
        })
    }

    /// Whether the squared coefficient of variation is at most `numerator / denominator`.
    fn varies_at_most(&self, numerator: i128, denominator: i128) -> bool {
        let square = self.sum.saturating_mul(self.sum);
        let variance = self.squares.saturating_mul(self.count).saturating_sub(square);
        variance.saturating_mul(denominator) <= square.saturating_mul(numerator)
    }
}
