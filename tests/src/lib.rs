//! Tests through the front door: a server of its own for every test, on a fresh database and a free port.
//!
//! [`TestApp`] starts it and moves its clock; [`Person`] is somebody signed in; [`Answer`] is what came back. [`Facts`]
//! are what no command records yet.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod app;
mod answer;
mod chance;
mod facts;
mod wait;

pub use answer::Answer;
pub use app::{PASSWORD, Person, TestApp};
pub use chance::Chance;
pub use facts::Facts;
pub use wait::until;
