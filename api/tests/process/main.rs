//! The binary as a process: killed under load, started again, and what it writes to its log.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking and tell what they saw"
)]

mod server;
mod load;
mod crash;
mod secrets;
