//! `GET /locations`: the company's locations. There are few, so they are filtered and sorted here.

use std::cmp::Ordering;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use projections::catalogue::{LocationRow, queries};

use crate::catalogue::location_body::LocationKind;
use crate::catalogue::view::LocationView;
use crate::context::Caller;
use crate::extract::Query;
use crate::list::{Cell, List, ListParams, Listing, Row, Sort, count, download, in_memory};
use crate::problem::Problem;
use crate::room::Room;
use crate::state::AppState;

/// Columns that the list can be sorted by.
const SORTABLE: [&str; 11] = [
    "location_id",
    "name",
    "kind",
    "marketplace",
    "stock_role",
    "authority",
    "is_primary",
    "city",
    "country",
    "is_active",
    "created_at",
];

/// Which locations are listed. All conditions hold together.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LocationFilters {
    /// Code, name or town contain this text, whatever its case.
    search: Option<String>,
    /// Of this kind.
    #[param(inline)]
    kind: Option<LocationKind>,
    /// `true` lists open locations, `false` closed ones; both where absent.
    is_active: Option<bool>,
}

/// List locations.
///
/// All of them, open and closed, the primary one first and then by name unless `sort` names other columns.
#[utoipa::path(
    get,
    path = "/locations",
    operation_id = "list_locations",
    tag = "catalogue",
    params(ListParams, LocationFilters),
    responses((status = 200, description = "A page of locations", body = List<LocationView>)),
    extensions(("x-room" = json!("read")))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(filters): Query<LocationFilters>,
) -> Result<Response, Problem> {
    let sort = listing.sort_by(&SORTABLE, "-is_primary,name")?;
    let mut tx = caller.read(&state, &["catalogue"]).await?;
    let mut rows = queries::locations(&mut tx, caller.company_id).await?;
    drop(tx);
    rows.retain(|row| filters.let_through(row));
    rows.sort_by(|a, b| compare(a, b, &sort));
    if listing.format.is_download() {
        caller.require(Room::Money)?;
        return download(&listing, "locations", in_memory(rows.into_iter().map(LocationLine))).await;
    }
    let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let page = rows.into_iter().skip(count(listing.offset())).take(count(listing.limit()));
    let items = page.map(LocationView::from).collect();
    Ok(List::new(items, total, &listing).into_response())
}

impl LocationFilters {
    fn let_through(&self, row: &LocationRow) -> bool {
        let search = self.search.as_ref().map(|text| text.to_lowercase());
        let texts = [Some(&row.location_id), Some(&row.name), row.city.as_ref()];
        search.is_none_or(|search| texts.iter().flatten().any(|text| text.to_lowercase().contains(&search)))
            && self.kind.is_none_or(|kind| kind.text() == row.kind)
            && self.is_active.is_none_or(|is_active| is_active == row.is_active)
    }
}

/// A missing value stands last in both directions; codes settle what is equal.
fn compare(a: &LocationRow, b: &LocationRow, sort: &[Sort]) -> Ordering {
    sort.iter()
        .map(|sort| match (key(a, sort.column), key(b, sort.column)) {
            (Some(a), Some(b)) if sort.descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        })
        .find(|ordering| ordering.is_ne())
        .unwrap_or_else(|| a.location_id.cmp(&b.location_id))
}

fn key(row: &LocationRow, column: &str) -> Option<String> {
    let flag = |value: bool| Some(u8::from(value).to_string());
    match column {
        "name" => Some(row.name.to_lowercase()),
        "kind" => Some(row.kind.clone()),
        "marketplace" => row.marketplace.clone(),
        "stock_role" => Some(row.stock_role.clone()),
        "authority" => Some(row.authority.clone()),
        "is_primary" => flag(row.is_primary),
        "city" => row.city.clone(),
        "country" => row.country.clone(),
        "is_active" => flag(row.is_active),
        "created_at" => Some(format!("{:020}", row.created_at.timestamp_micros())),
        _ => Some(row.location_id.clone()),
    }
}

/// One line of a file.
struct LocationLine(LocationRow);

impl Row for LocationLine {
    const COLUMNS: &'static [&'static str] = &[
        "location_id",
        "name",
        "kind",
        "marketplace",
        "stock_role",
        "authority",
        "is_primary",
        "address",
        "city",
        "country",
        "is_active",
    ];

    fn cells(&self) -> Vec<Cell> {
        let row = &self.0;
        vec![
            Cell::from(row.location_id.as_str()),
            Cell::from(row.name.as_str()),
            Cell::from(row.kind.as_str()),
            Cell::from(row.marketplace.as_deref()),
            Cell::from(row.stock_role.as_str()),
            Cell::from(row.authority.as_str()),
            Cell::from(row.is_primary),
            Cell::from(row.address.as_deref()),
            Cell::from(row.city.as_deref()),
            Cell::from(row.country.as_deref()),
            Cell::from(row.is_active),
        ]
    }
}
