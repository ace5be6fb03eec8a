//! Tests through the front door: a server of its own for every test, on a fresh database and a free port.
//!
//! [`TestApp`] starts it and moves its clock; [`Person`] is somebody signed in; [`Answer`] is what came back.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod app;
mod answer;

pub use answer::Answer;
pub use app::{Person, TestApp};
