//! A page of a list.

use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::params::{Cursor, Listing};

/// A page of rows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// Rows of the page.
    pub(crate) items: Vec<T>,
    /// Which page it is.
    pub(crate) page: PageInfo,
    /// Rows of all pages.
    pub(crate) total: i64,
}

/// Which page of a list it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PageInfo {
    /// Page, from 1.
    pub(crate) page: u32,
    /// Rows of a full page.
    pub(crate) page_size: u32,
    /// Cursor of the next page; null on the last one.
    pub(crate) next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A page with the offset of the next one as its cursor.
    pub(crate) fn new(items: Vec<T>, total: i64, listing: &Listing) -> Self {
        let next = listing.offset().saturating_add(i64::try_from(items.len()).unwrap_or(i64::MAX));
        let next_cursor = (next < total && !items.is_empty()).then(|| Cursor(next).encode());
        let page = PageInfo { page: listing.page, page_size: listing.page_size, next_cursor };
        Self { items, page, total }
    }
}

impl<T: Serialize> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        axum::Json(self).into_response()
    }
}
