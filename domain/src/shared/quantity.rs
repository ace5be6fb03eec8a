//! Whole base units of a product. Packs are converted at the edges.

/// Largest quantity that one fact may state, in units. Sums of billions of such facts still fit 64 bits.
pub const MAX_QUANTITY: i64 = 1_000_000_000;

/// A signed number of whole base units.
pub type Units = i64;
