//! The log against a real database: what is promised, and what happens when somebody breaks it.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;
mod appending;
mod turns;
mod leads;
mod reading;
mod rights;
mod tampering;
mod archiving;
mod proving;
