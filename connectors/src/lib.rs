//! What connects Stocktrail with other systems.
//!
//! Every outside format is a room of its own: [`online_retail`] reads the invoice lines of the Online Retail data set,
//! [`forecaster`] asks a model outside for forecasts, [`auto_ets`] a library, [`kafka`] relays the event log to a topic, [`kurrent`] mirrors it to
//! KurrentDB.
//!
//! The rooms that hand events on are an [`outlet`] each: it reads the log as it grows ([`follow`]), works on the
//! partitions that this process has the lease of ([`tenure`]), and tells where it stands ([`board`]).

pub mod auto_ets;
pub mod board;
pub mod follow;
pub mod forecaster;
pub mod kafka;
pub mod kurrent;
pub mod online_retail;
pub mod outlet;
pub mod tenure;
