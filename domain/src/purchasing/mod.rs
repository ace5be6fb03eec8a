//! Who delivers, on which terms, and what was ordered from them.
//!
//! *Terms* are what one supplier says about one product: least quantity, lead time, cost, pack. An *order* has lines
//! with what was ordered and receipts with what arrived; what arrived is a fact of the product's stock as well
//! ([`crate::stock`]), appended together with the receipt.

pub mod supplier;
pub mod order;
