//! What every list understands: `page`, `page_size`, `cursor`, `sort`, `order`, `format` and the Accept header.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use utoipa::IntoParams;

use super::download::{CSV, XLSX};
use crate::context::Caller;
use crate::extract::query;
use crate::problem::Problem;

/// Largest page.
pub(crate) const MAX_PAGE_SIZE: u32 = 500;
const DEFAULT_PAGE_SIZE: u32 = 50;

/// Parameters of a list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Page, from 1.
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    page: Option<u32>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    page_size: Option<u32>,
    /// `next_cursor` of the page before, in place of `page`.
    cursor: Option<String>,
    /// Columns, comma separated, `-` in front for descending: `-risk,item_id`.
    sort: Option<String>,
    /// Direction for a `sort` of one column without `-`.
    #[param(inline)]
    order: Option<Order>,
    /// The page as JSON, or the whole filtered list as a file.
    #[param(inline)]
    format: Option<Format>,
}

/// Direction of the `sort` and `order` pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// How a list is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// A page.
    Json,
    /// The whole list, comma separated, UTF-8 with BOM.
    Csv,
    /// The whole list as a workbook.
    #[serde(alias = "excel")]
    Xlsx,
}

impl Format {
    /// Whether it is a file rather than a page.
    pub(crate) fn is_download(self) -> bool {
        self != Self::Json
    }
}

/// Where a page goes on: the number of rows before it. Opaque outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor(pub(super) i64);

impl Cursor {
    /// As clients see it.
    pub(super) fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(format!("offset:{}", self.0))
    }

    fn decode(text: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        text.strip_prefix("offset:")?.parse().ok().filter(|offset| *offset >= 0).map(Self)
    }
}

/// One column of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sort {
    /// Column, one of those that the list allows.
    pub(crate) column: &'static str,
    /// Largest first.
    pub(crate) descending: bool,
}

/// What the client asked of a list, checked.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    /// Page, from 1.
    pub(crate) page: u32,
    /// Rows of a page.
    pub(crate) page_size: u32,
    /// Where to go on.
    cursor: Option<Cursor>,
    /// Page or file.
    pub(crate) format: Format,
    sort: Vec<(String, bool)>,
}

impl Listing {
    /// The sort, or `default` (written like the parameter) when none is asked. 422 for a column that is not `allowed`.
    pub(crate) fn sort_by(&self, allowed: &[&'static str], default: &str) -> Result<Vec<Sort>, Problem> {
        let asked = if self.sort.is_empty() { split(default) } else { self.sort.clone() };
        let known = |(name, descending): (String, bool)| {
            let column = allowed.iter().find(|column| **column == name);
            let column = column.ok_or_else(|| unknown_column(&name, allowed))?;
            Ok(Sort { column, descending })
        };
        asked.into_iter().map(known).collect()
    }

    /// The sort as it was asked: column and whether descending. Empty when none is asked.
    pub(crate) fn sort_raw(&self) -> &[(String, bool)] {
        &self.sort
    }

    /// Rows of the page.
    pub(crate) fn limit(&self) -> i64 {
        i64::from(self.page_size)
    }

    /// Rows before the page.
    pub(crate) fn offset(&self) -> i64 {
        self.cursor.map_or_else(|| i64::from(self.page - 1) * i64::from(self.page_size), |cursor| cursor.0)
    }

    /// Rows of a list in memory that are asked for: how many before them, and how many at most. A file holds all.
    pub(crate) fn window(&self) -> (usize, usize) {
        if self.format.is_download() { (0, usize::MAX) } else { (count(self.offset()), count(self.limit())) }
    }
}

/// Of `columns`, the last of which are money, those that the caller may sort by.
pub(crate) fn sortable<'a>(caller: &Caller, columns: &'a [&'static str], money: usize) -> &'a [&'static str] {
    let shown = if caller.sees_money() { columns.len() } else { columns.len().saturating_sub(money) };
    columns.get(..shown).unwrap_or_default()
}

/// A number of rows, for lists in memory.
pub(crate) fn count(rows: i64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

/// 422 that names the columns of a list.
pub(crate) fn unknown_column(name: &str, allowed: &[&str]) -> Problem {
    let message = format!("cannot sort by {name:?}; can by {}", allowed.join(", "));
    Problem::invalid("unknown_sort_column", "?sort", message)
}

impl<S: Send + Sync> FromRequestParts<S> for Listing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let params: ListParams = query(parts)?;
        let accept =
            parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        params.check(accept)
    }
}

impl ListParams {
    fn check(self, accept: &str) -> Result<Listing, Problem> {
        let page = self.page.unwrap_or(1);
        if !(1..=1_000_000).contains(&page) {
            return Err(Problem::invalid("invalid_parameter", "?page", "must lie between 1 and 1000000"));
        }
        let page_size = self.page_size.unwrap_or(DEFAULT_PAGE_SIZE);
        if !(1..=MAX_PAGE_SIZE).contains(&page_size) {
            return Err(Problem::invalid("invalid_parameter", "?page_size", "must lie between 1 and 500"));
        }
        let cursor = self.cursor.as_deref().map(|text| {
            let unreadable =
                || Problem::invalid("invalid_parameter", "?cursor", "is not a cursor of this list");
            Cursor::decode(text).ok_or_else(unreadable)
        });
        let mut sort = split(self.sort.as_deref().unwrap_or_default());
        if let (Some(Order::Desc), [(_, descending)]) = (self.order, sort.as_mut_slice()) {
            *descending = true;
        }
        let format = self.format.unwrap_or_else(|| accepted(accept));
        Ok(Listing { page, page_size, cursor: cursor.transpose()?, format, sort })
    }
}

fn split(sort: &str) -> Vec<(String, bool)> {
    let columns = sort.split(',').map(str::trim).filter(|column| !column.is_empty());
    columns
        .map(|column| match column.strip_prefix('-') {
            Some(column) => (column.to_owned(), true),
            None => (column.strip_prefix('+').unwrap_or(column).to_owned(), false),
        })
        .collect()
}

fn accepted(accept: &str) -> Format {
    if accept.starts_with(CSV) {
        Format::Csv
    } else if accept.starts_with(XLSX) {
        Format::Xlsx
    } else {
        Format::Json
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Format, ListParams, Order};

    fn params() -> ListParams {
        ListParams { page: None, page_size: None, cursor: None, sort: None, order: None, format: None }
    }

    #[test]
    fn both_ways_of_sorting_are_understood() {
        let signed = ListParams { sort: Some("-risk, item_id".to_owned()), ..params() }.check("").unwrap();
        assert_eq!(signed.sort_raw(), &[("risk".to_owned(), true), ("item_id".to_owned(), false)]);
        let pair = ListParams { sort: Some("risk".to_owned()), order: Some(Order::Desc), ..params() };
        assert_eq!(pair.check("").unwrap().sort_raw(), &[("risk".to_owned(), true)]);
    }

    #[test]
    fn an_unknown_column_is_named() {
        let listing = ListParams { sort: Some("nonsense".to_owned()), ..params() }.check("").unwrap();
        assert_eq!(listing.sort_by(&["risk"], "risk").unwrap_err().code(), "unknown_sort_column");
    }

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let cursor = Cursor(150);
        let listing = ListParams { cursor: Some(cursor.encode()), ..params() }.check("text/csv").unwrap();
        assert_eq!(listing.offset(), 150);
        assert_eq!(listing.format, Format::Csv);
        assert!(ListParams { cursor: Some("?".to_owned()), ..params() }.check("").is_err());
    }
}
