//! What a file held, by kind and reason.

use std::collections::BTreeMap;

use crate::online_retail::kind::Kind;

/// Lines of a file by kind. The four kinds add up to `lines`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// All lines that could be read.
    pub lines: u64,
    /// Lines that are sales.
    pub sales: u64,
    /// Lines that are reversals.
    pub reversals: u64,
    /// Lines that are corrections of the books.
    pub adjustments: u64,
    /// Lines that are no products.
    pub non_products: u64,
    /// Lines that count neither for demand nor for stock, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Adds one line.
    pub fn add(&mut self, kind: Kind) {
        self.lines += 1;
        match kind {
            Kind::Sale => self.sales += 1,
            Kind::Reversal => self.reversals += 1,
            Kind::Adjustment(_) => self.adjustments += 1,
            Kind::NonProduct => self.non_products += 1,
        }
        if let Some(reason) = kind.reason() {
            *self.skipped.entry(reason).or_default() += 1;
        }
    }
}
