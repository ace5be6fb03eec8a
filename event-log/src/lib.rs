//! The append-only log: the only code that writes or reads the `events` table.
//!
//! Read in this order: [`event`] (what is stored), [`append`] (one batch, one round trip), [`read`] (streams and the
//! feed), [`chain`] (the hash chain), [`snapshot`].

pub mod event;
pub mod append;
pub mod read;
pub mod chain;
pub mod snapshot;
