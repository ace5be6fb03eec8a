//! The append-only log: the only code that writes or reads the `events` table.
//!
//! Read in this order: [`event`] (what is stored), [`append`] (one batch, one round trip), [`chain`] (the hash
//! chain), [`read`] (streams, the feed, pages), [`copy`] (long ranges by binary COPY), [`snapshot`], [`keys`]
//! (idempotency) and [`verify`] (is every event still what was appended?).

mod error;
pub mod event;
pub mod append;
pub mod chain;
pub mod read;
pub mod page;
pub mod copy;
mod decode;
pub mod snapshot;
pub mod keys;
pub mod verify;

pub use error::LogError;
