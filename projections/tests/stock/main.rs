//! Stock read models: twice is once, rebuilt equals live, the board equals plain SQL and is there early, as-of equals a
//! plain fold.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod facts;
mod folding;
mod past;
mod list;
mod plans;
mod warm;
