//! The numbers of smoothing methods: units in steps of 2⁻²⁰, shares in steps of 1/64.
//!
//! A smoothing step is then a product and a shift, the same on every machine. The rounding of a step is at most half
//! of a millionth of a unit; forecasts are rounded to four places afterwards (R1).

use crate::planning::number::{Fixed, Overflow, Rate};
use crate::shared::quantity::Units;

/// Bits after the point of a [`Level`].
const BITS: u32 = 20;

/// Bits after the point of a [`Share`].
const SHARE_BITS: u32 = 6;

const OVERFLOW: Overflow = Overflow { value: "forecast" };

/// Units with 20 bits after the point; at most 2⁴³ units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Level(i64);

/// A weight from 0 to 1, in 64ths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(u8);

impl Share {
    /// So many 64ths.
    pub const fn of_64(parts: u8) -> Self {
        Self(parts)
    }
}

impl Level {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// One unit, or certainty.
    pub const ONE: Self = Self(1 << BITS);

    /// So many units.
    pub fn units(units: Units) -> Result<Self, Overflow> {
        units.checked_mul(1 << BITS).map(Self).ok_or(OVERFLOW)
    }

    /// The mean of daily demands; nothing for no day.
    pub fn mean(daily: &[Units]) -> Result<Self, Overflow> {
        let sum = daily.iter().fold(0_i128, |sum, units| sum + i128::from(*units));
        let days = i128::try_from(daily.len()).unwrap_or(1).max(1);
        i64::try_from((sum << BITS) / days).map(Self).map_err(|_| OVERFLOW)
    }

    /// `self + share (target - self)`.
    pub fn towards(self, target: Self, share: Share) -> Result<Self, Overflow> {
        let way = target.0.checked_sub(self.0).ok_or(OVERFLOW)?;
        self.plus(Self(way).times(share)?)
    }

    /// The share of it.
    pub fn times(self, share: Share) -> Result<Self, Overflow> {
        const HALF: i64 = 1 << (SHARE_BITS - 1);
        let product = self.0.checked_mul(share.0.into()).and_then(|product| product.checked_add(HALF));
        product.map(|product| Self(product >> SHARE_BITS)).ok_or(OVERFLOW)
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(OVERFLOW)
    }

    /// What is left of it.
    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_sub(other.0).map(Self).ok_or(OVERFLOW)
    }

    /// Its product with a probability or another level.
    pub fn by(self, other: Self) -> Result<Self, Overflow> {
        i64::try_from((i128::from(self.0) * i128::from(other.0)) >> BITS).map(Self).map_err(|_| OVERFLOW)
    }

    /// How many times the other it is, as a level; nothing for no other.
    pub fn over(self, other: Self) -> Result<Self, Overflow> {
        let whole = (i128::from(self.0) << BITS).checked_div(i128::from(other.0)).unwrap_or(0);
        i64::try_from(whole).map(Self).map_err(|_| OVERFLOW)
    }

    /// Its square, for comparing errors.
    pub fn squared(self) -> i128 {
        i128::from(self.0) * i128::from(self.0)
    }

    /// Units a day with four places, rounded half away from zero.
    pub fn rate(self) -> Result<Rate, Overflow> {
        Fixed::ratio(i128::from(self.0), 1 << BITS, "forecast")
    }
}
