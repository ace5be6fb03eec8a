//! What is true and what is allowed, without any I/O.
//!
//! Every feature is a room of the same shape: `event.rs` (past facts, stored for ever), `command.rs` (orders),
//! `state.rs` (what deciding needs, folded by `evolve`), `decide.rs` (one function per order) and `refusal.rs`
//! (one variant per broken rule). Time, ids and chance come in as values; nothing here reads a clock.
//!
//! Read in this order: [`shared`], [`stock`], [`catalogue`], [`sales`], [`companies`], [`purchasing`], [`campaigns`],
//! [`planning`], [`registry`].
#![deny(clippy::wildcard_enum_match_arm, clippy::float_arithmetic)]

pub mod shared;
pub mod stock;
pub mod catalogue;
pub mod sales;
pub mod companies;
pub mod purchasing;
pub mod campaigns;
pub mod planning;
pub mod registry;
