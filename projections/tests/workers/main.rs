//! Workers of several processes on one log, holders that are stopped, and events that cannot be folded.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;
mod replaced;
mod parking;
mod rebuilt;
