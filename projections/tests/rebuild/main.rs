//! Rebuilds: folding in memory equals folding live for every kind of event, what is interrupted goes on, what is wrong
//! is named, readers notice nothing of a switch, and a new version is complete before anybody reads it.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod chance;
mod everything;
mod log;
mod planned;
mod tally;
mod folding;
mod interleaved;
mod counted;
mod resuming;
mod switching;
mod versions;
mod indexed;
