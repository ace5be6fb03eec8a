//! Numbers of the plan (R1): whole units, decimals held as integers, one way to round.
//!
//! A value is rounded once, half away from zero, on the exact fraction, and is the rounded value from then on.
//! Fractions are computed in 128 bits, in 64 where that is enough and much quicker; a result that does not fit 64 bits
//! is an [`Overflow`], never a wrong figure.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::shared::ids::ItemId;
use crate::shared::text;

/// A decimal with exactly `PLACES` places, held as a whole number of its last place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fixed<const PLACES: u32>(i64);

/// Units a day, or demand: four places.
pub type Rate = Fixed<4>;

/// Days of cover: two places.
pub type Days = Fixed<2>;

/// Hundredths of a whole, two places: 12.34 is 12.34 %.
pub type Percent = Fixed<2>;

/// Points of priority: two places.
pub type Score = Fixed<2>;

/// Money of the company's currency: two places.
pub type Amount = Fixed<2>;

/// A value that 64 bits cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{value} is too large")]
pub struct Overflow {
    /// Name of the value, as in [`crate::planning::ItemPlan`].
    pub value: &'static str,
}

/// Why an item cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("item {item_id} cannot be planned: {value} is too large")]
pub struct PlanError {
    /// The item.
    pub item_id: ItemId,
    /// Name of the value that does not fit.
    pub value: &'static str,
}

impl Overflow {
    /// The same, naming the item.
    pub fn of(self, item_id: &ItemId) -> PlanError {
        PlanError { item_id: item_id.clone(), value: self.value }
    }
}

/// Why a text is not a decimal of so many places.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a decimal with at most {0} places")]
pub struct NotFixed(u32);

impl<const PLACES: u32> Fixed<PLACES> {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// Steps of the last place in one whole: 100 for two places.
    pub const ONE: i64 = 10_i64.pow(PLACES);

    /// So many steps of the last place: 1234 is 12.34 with two places.
    pub const fn of_steps(steps: i64) -> Self {
        Self(steps)
    }

    /// The number as steps of the last place.
    pub const fn steps(self) -> i64 {
        self.0
    }

    /// A whole number, for example of days.
    pub fn whole(number: u32) -> Self {
        // 32 bits times 10^4 fit 64.
        Self(i64::from(number).saturating_mul(Self::ONE))
    }

    /// `numerator / denominator`, rounded half away from zero. The denominator is above 0.
    pub fn ratio(numerator: i128, denominator: i128, value: &'static str) -> Result<Self, Overflow> {
        if let Some(scaled) = i64::try_from(numerator).ok().and_then(|number| number.checked_mul(Self::ONE)) {
            return rounded(scaled.into(), denominator).map(Self).ok_or(Overflow { value });
        }
        let scaled = numerator.checked_mul(i128::from(Self::ONE)).ok_or(Overflow { value })?;
        rounded(scaled, denominator).map(Self).ok_or(Overflow { value })
    }

    /// The same number as a decimal with all its places.
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.0, PLACES)
    }

    /// A decimal rounded half away from zero, if it fits.
    pub fn from_decimal(decimal: Decimal) -> Option<Self> {
        let denominator = 10_i128.checked_pow(decimal.scale())?;
        let numerator = decimal.mantissa().checked_mul(i128::from(Self::ONE))?;
        rounded(numerator, denominator).map(Self)
    }
}

/// `numerator / denominator` rounded half away from zero (R1); nothing where 64 bits do not hold it or the denominator
/// is not above 0.
pub fn rounded(numerator: i128, denominator: i128) -> Option<i64> {
    if denominator <= 0 {
        return None;
    }
    if let (Ok(numerator), Ok(denominator)) = (i64::try_from(numerator), i64::try_from(denominator))
        && let Some(raised) = numerator.checked_abs().and_then(|size| size.checked_add(denominator / 2))
    {
        let size = raised / denominator;
        return Some(if numerator < 0 { -size } else { size });
    }
    let size = numerator.unsigned_abs().checked_mul(2)?;
    let divisor = denominator.unsigned_abs();
    let whole = size.checked_add(divisor)? / divisor.checked_mul(2)?;
    let whole = i128::try_from(whole).ok()?;
    i64::try_from(if numerator < 0 { -whole } else { whole }).ok()
}

/// `numerator / denominator` rounded towards plus infinity (R1): 2.3 is 3, -3.2 is -3.
pub fn ceiled(numerator: i128, denominator: i128, value: &'static str) -> Result<i64, Overflow> {
    let overflow = Overflow { value };
    if let (Ok(numerator), Ok(denominator)) = (i64::try_from(numerator), i64::try_from(denominator)) {
        let whole = numerator.checked_div_euclid(denominator).ok_or(overflow)?;
        let rest = numerator.checked_rem_euclid(denominator).ok_or(overflow)?;
        return whole.checked_add(i64::from(rest != 0)).ok_or(overflow);
    }
    let whole = numerator.checked_div_euclid(denominator).ok_or(overflow)?;
    let rest = numerator.checked_rem_euclid(denominator).ok_or(overflow)?;
    i64::try_from(whole.saturating_add(i128::from(rest != 0))).map_err(|_| overflow)
}

/// The square root of `numerator / denominator²` with `PLACES` places, rounded half away from zero.
pub fn root<const PLACES: u32>(
    numerator: i128,
    denominator: u32,
    value: &'static str,
) -> Result<Fixed<PLACES>, Overflow> {
    // Twice the root, cut off, decides about the half: floor(x + 1/2) = floor((floor(2x) + 1) / 2).
    let overflow = Overflow { value };
    let one = Fixed::<PLACES>::ONE;
    let scaled = product(numerator, 4 * one * one).ok_or(overflow)?;
    let scaled = u128::try_from(scaled).map_err(|_| overflow)?;
    let divisor = u64::from(denominator).checked_pow(2).filter(|square| *square > 0).ok_or(overflow)?;
    let doubled = match u64::try_from(scaled) {
        Ok(narrow) => u128::from((narrow / divisor).isqrt()),
        Err(_) => (scaled / u128::from(divisor)).isqrt(),
    };
    i64::try_from(doubled.saturating_add(1) / 2).map(Fixed).map_err(|_| overflow)
}

/// A product that 128 bits hold; quick where the first factor is small.
pub(crate) fn product(wide: i128, factor: i64) -> Option<i128> {
    match i64::try_from(wide) {
        Ok(narrow) => Some(i128::from(narrow) * i128::from(factor)),
        Err(_) => wide.checked_mul(factor.into()),
    }
}

/// A sum of whole numbers that 64 bits hold.
pub(crate) fn sum(numbers: &[i64], value: &'static str) -> Result<i64, Overflow> {
    numbers.iter().try_fold(0_i64, |sum, number| sum.checked_add(*number)).ok_or(Overflow { value })
}

impl<const PLACES: u32> fmt::Display for Fixed<PLACES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = Self::ONE.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / one, self.0.unsigned_abs() % one);
        let width = usize::try_from(PLACES).unwrap_or_default();
        write!(f, "{sign}{whole}.{rest:0width$}")
    }
}

impl<const PLACES: u32> FromStr for Fixed<PLACES> {
    type Err = NotFixed;

    fn from_str(text: &str) -> Result<Self, NotFixed> {
        let refused = NotFixed(PLACES);
        let decimal = Decimal::from_str_exact(text).map_err(|_| refused.clone())?;
        if decimal.normalize().scale() > PLACES {
            return Err(refused);
        }
        Self::from_decimal(decimal).ok_or(refused)
    }
}

impl<const PLACES: u32> Serialize for Fixed<PLACES> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const PLACES: u32> Deserialize<'de> for Fixed<PLACES> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::read(deserializer, Self::from_str)
    }
}
