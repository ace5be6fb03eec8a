//! Lists: pages, sorting, and the same rows as CSV or XLSX.

mod params;
mod answer;
mod download;

pub(crate) use answer::List;
pub(crate) use download::{CSV, Cell, Row, XLSX, chunks, download};
pub(crate) use params::{Format, ListParams, Listing, Sort, unknown_column};
