//! Stock as people read it: what lies where now, what moved when, and what lay where at any instant.
//!
//! Two projections write: [`inventory::Inventory`] (levels) and [`movements::Movements`] (history, daily sums and
//! checkpoints). [`queries`] and [`history`] read them, [`past`] answers for any instant, [`diff`] and [`explain`] stand
//! on it; [`board`] keeps a company's whole stock list in memory and answers any page of it without SQL.

pub mod inventory;
pub(crate) mod reservations;
pub mod movements;
pub mod words;
pub mod queries;
pub mod history;
pub mod past;
pub mod diff;
pub mod explain;
pub mod board;
