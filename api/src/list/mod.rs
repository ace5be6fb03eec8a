//! Lists: pages, sorting, and the same rows as CSV or XLSX.

mod params;
mod answer;
mod download;

pub(crate) use answer::{List, PageInfo};
pub(crate) use download::{CSV, Cell, Row, XLSX, chunks, download, in_memory, streamed};
pub(crate) use params::{Format, ListParams, Listing, Sort, count, sortable, unknown_column};
