//! A supplier and its terms for products. Its stream bears its id.
//!
//! Contacts are personal data: they live in an encrypted table of their own, and an event says only that they became
//! others.

pub mod event;
pub mod state;

pub use event::{SupplierDetails, SupplierEvent, SupplierTerms};
pub use state::{KnownSupplier, Supplier};
