//! The Online Retail invoice format: one CSV row per invoice line, gzip or plain.
//!
//! [`reader`] streams the rows with their row numbers, [`kind`] says what a line is (rule R2), [`counts`] adds up what a
//! file held. A line is identified by file and row: the format has no line number and repeats identical lines.

pub mod kind;
pub mod reader;
pub mod counts;
