//! The binary as a process: killed under load, started again, and what it writes to its log.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod server;
mod load;
mod crash;
mod roles;
mod stopped;
mod town;
mod secrets;
