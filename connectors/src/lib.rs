//! Readers of formats that other systems write. They read and classify; nothing here reaches the log.
//!
//! Every outside format is a room of its own: [`online_retail`] reads the invoice lines of the Online Retail data set.

pub mod online_retail;
