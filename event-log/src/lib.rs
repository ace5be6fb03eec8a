//! The append-only log: the only code that writes or reads the `events` table.
//!
//! Read in this order: [`event`] (what is stored), [`append`] (one batch, one round trip; [`turn`] and [`lead`] where
//! several processes append), [`chain`] (the hash chain), [`read`] (streams, the feed, pages), [`copy`] (long ranges by binary
//! COPY), [`snapshot`], [`keys`] (idempotency), [`verify`] (is every event still what was appended?), [`checkpoint`] (what
//! the log was at a time, signed with the key of [`signing`]), [`proof`] (was this event in it?) and [`archive`] (old
//! ranges in files).

mod error;
pub mod event;
pub mod append;
pub mod turn;
pub mod lead;
pub mod chain;
pub mod read;
pub mod page;
pub mod copy;
mod columns;
mod decode;
pub mod snapshot;
pub mod keys;
mod fault;
mod json;
pub mod hex;
mod tree;
mod written;
pub mod signing;
pub mod checkpoint;
pub mod verify;
pub mod proof;
pub mod archive;

pub use error::{LogError, is_lost_connection};
