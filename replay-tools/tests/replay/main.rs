//! `replay` as people run it: the program itself, against fresh databases that the committers have filled.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;
mod proving;
mod checkpoints;
mod importing;
mod asking;
mod rebuilding;
mod opening;
mod parking;
mod archiving;
