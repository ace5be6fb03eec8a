//! From facts to tables people read.
//!
//! A [`projection::Projection`] is one file: name, version, DDL and `apply`. The [`runner`] reads the log in blocks and
//! folds them in one transaction with the checkpoint, so every event counts exactly once. [`registry`] lists all
//! projections, [`install`] makes their schemas, [`lease`] says which process folds what, [`positions`] lets a reader
//! wait for what was just written, [`tenant`] opens the transaction that sees one company. [`rebuild`] folds again from
//! zero, in memory ([`bulk`]), and [`verify`] proves by it. [`parked`] keeps what cannot be folded out of the way.

pub mod projection;
pub mod bulk;
mod folded;
pub mod registry;
pub mod install;
pub mod tenant;
pub mod positions;
pub mod heads;
pub mod lease;
pub mod runner;
mod worker;
mod checkpoint;
pub mod parked;
pub mod compare;
pub mod verify;
pub mod rebuild;
pub mod outbound;
pub mod status;
pub mod events;
mod rows;
mod streams;
pub mod catalogue;
pub mod companies;
pub mod planning_settings;
pub mod sales;
pub mod stock;
pub mod planning;
