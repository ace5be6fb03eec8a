//! Exact fractions, and the rounding of R1 over them.

use std::cmp::Ordering;

/// An exact fraction in lowest terms, its denominator above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fraction(pub(crate) i128, pub(crate) i128);

impl Fraction {
    pub(crate) fn new(numerator: i128, denominator: i128) -> Self {
        assert_ne!(denominator, 0, "x / 0 is never computed");
        let (mut a, mut b) = (numerator.abs(), denominator.abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let sign = if denominator < 0 { -1 } else { 1 };
        Self(sign * numerator / a.max(1), sign * denominator / a.max(1))
    }

    pub(crate) fn whole(number: i128) -> Self {
        Self(number, 1)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        let digits: i128 = format!("{whole}{rest}").parse().ok()?;
        Some(Self::new(digits, 10_i128.pow(u32::try_from(rest.len()).ok()?)))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self::new(self.0 * other.1 + other.0 * self.1, self.1 * other.1)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.plus(Self(-other.0, other.1))
    }

    pub(crate) fn times(self, other: Self) -> Self {
        let (left, right) = (Self::new(self.0, other.1), Self::new(other.0, self.1));
        Self::new(left.0 * right.0, left.1 * right.1)
    }

    pub(crate) fn over(self, other: Self) -> Self {
        self.times(Self::new(other.1, other.0))
    }

    pub(crate) fn floor(self) -> i128 {
        self.0.div_euclid(self.1)
    }

    /// Half away from zero: the half is added to the size.
    pub(crate) fn round(self, places: u32) -> Self {
        let scale = 10_i128.pow(places);
        let size = Self(self.0.abs(), self.1).times(Self::whole(scale)).plus(Self(1, 2)).floor();
        Self::new(if self.0 < 0 { -size } else { size }, scale)
    }

    /// The root, found by halving an interval of steps of the last place.
    pub(crate) fn root(self, places: u32) -> Self {
        let scale = 10_i128.pow(places);
        let (mut low, mut high) = (0_i128, 1_i128 << 50);
        while low < high {
            // The largest step whose lower half-way mark lies at or below the root: (step - 1/2)² <= x scale².
            let middle = (low + high + 1) / 2;
            let mark = Self::new(2 * middle - 1, 2 * scale);
            if mark.times(mark).cmp(self) == Ordering::Greater { high = middle - 1 } else { low = middle }
        }
        Self::new(low, scale)
    }

    pub(crate) fn cmp(self, other: Self) -> Ordering {
        self.minus(other).0.cmp(&0)
    }
}
