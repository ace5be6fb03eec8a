//! `GET /products` and `GET /products/export`: the list of products, as a page or as a file.
//!
//! The company's board in memory filters, sorts and counts; the rows of the page come from the read model by their keys.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use projections::catalogue::{ProductRow, queries};
use projections::stock::board::{Ask, Column, Detail, Filter, Sort};
use projections::tenant;

use crate::catalogue::lookup::shown;
use crate::catalogue::product_row::ProductLine;
use crate::catalogue::view::{ProductView, Shown};
use crate::context::Caller;
use crate::extract::Query;
use crate::list::{Format, List, ListParams, Listing, chunks, count, download, sortable};
use crate::problem::Problem;
use crate::room::Room;
use crate::state::AppState;

/// Columns that a list can be sorted by.
const SORTABLE: [&str; 15] = [
    "item_id",
    "sku",
    "product_name",
    "name",
    "category",
    "lead_time_days",
    "safety_stock_days",
    "manual_daily_forecast",
    "listed_on",
    "weight_g",
    "created_at",
    "updated_at",
    "unit_cost",
    "cost_price",
    "selling_price",
];
/// How many of them, at the end, are money.
const MONEY_COLUMNS: usize = 3;

/// Which products are listed. All conditions hold together.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProductFilters {
    /// Item id, sku or name contain this text, whatever its case.
    search: Option<String>,
    /// Exactly this category.
    category: Option<String>,
    /// `false` lists the inactive products in place of the active ones.
    is_active: Option<bool>,
    /// Products that have been at this location.
    location_id: Option<String>,
}

/// List products.
///
/// A page of the active products, or with `format` the whole filtered list as a file (not for the role WAREHOUSE). Sorted
/// by item id unless `sort` names other columns.
#[utoipa::path(
    get,
    path = "/products",
    operation_id = "list_products",
    tag = "catalogue",
    params(ListParams, ProductFilters),
    responses((status = 200, description = "A page of products", body = List<ProductView>)),
    extensions(("x-room" = json!("read")))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(filters): Query<ProductFilters>,
) -> Result<Response, Problem> {
    let question = Question::new(&caller, &listing, filters)?;
    if listing.format.is_download() {
        return file(state, caller, &listing, question).await;
    }
    let found = question.page(&state, &caller, listing.offset(), listing.limit()).await?;
    let items = found.rows.iter().map(|row| ProductView::of_row(row, found.shown)).collect();
    Ok(List::new(items, found.total, &listing).into_response())
}

/// Export products.
///
/// The whole filtered and sorted list as a file: CSV, or with `format=xlsx` a workbook.
#[utoipa::path(
    get,
    path = "/products/export",
    operation_id = "export_products",
    tag = "catalogue",
    params(ListParams, ProductFilters),
    responses((status = 200, description = "The list as a file", body = String, content_type = "text/csv")),
    extensions(("x-room" = json!("money")))
)]
pub(crate) async fn export(
    State(state): State<AppState>,
    caller: Caller,
    mut listing: Listing,
    Query(filters): Query<ProductFilters>,
) -> Result<Response, Problem> {
    if !listing.format.is_download() {
        listing.format = Format::Csv;
    }
    let question = Question::new(&caller, &listing, filters)?;
    file(state, caller, &listing, question).await
}

async fn file(
    state: AppState,
    caller: Caller,
    listing: &Listing,
    question: Question,
) -> Result<Response, Problem> {
    caller.require(Room::Money)?;
    let rows = chunks((state, caller, question), |held, offset, limit| async move {
        let (state, caller, question) = &held;
        let found = question.page(state, caller, offset, limit).await?;
        Ok((held, found.rows.into_iter().map(ProductLine).collect()))
    });
    download(listing, "products", rows).await
}

/// What is asked, without the page.
struct Question {
    filter: Filter,
    sort: Vec<Sort>,
}

/// Rows of a page.
struct Found {
    rows: Vec<ProductRow>,
    total: i64,
    shown: Shown,
}

impl Question {
    fn new(caller: &Caller, listing: &Listing, filters: ProductFilters) -> Result<Self, Problem> {
        let sort = listing.sort_by(sortable(caller, &SORTABLE, MONEY_COLUMNS), "item_id")?;
        Ok(Self {
            filter: Filter {
                location_id: filters.location_id,
                category: filters.category,
                search: filters.search,
                inactive: filters.is_active == Some(false),
                ..Filter::default()
            },
            sort: sort
                .into_iter()
                .map(|sort| Sort { column: column(sort.column), descending: sort.descending })
                .collect(),
        })
    }

    async fn page(
        &self,
        state: &AppState,
        caller: &Caller,
        offset: i64,
        limit: i64,
    ) -> Result<Found, Problem> {
        caller.wait(state, &["catalogue", "inventory"]).await?;
        let ask = Ask {
            filter: self.filter.clone(),
            sort: self.sort.clone(),
            offset: count(offset),
            limit: count(limit),
        };
        let found = state.boards.list(caller.company_id, &ask, caller.freshness()).await?;
        let keys: Vec<String> = found.items.into_iter().map(|item| item.item_key).collect();
        let mut tx = tenant::begin(&state.reads, caller.company_id).await?;
        let rows = queries::products(&mut tx, caller.company_id, &keys).await?;
        let shown = shown(&mut tx, state, caller).await?;
        let total = i64::try_from(found.total).unwrap_or(i64::MAX);
        Ok(Found { rows, total, shown })
    }
}

fn column(name: &str) -> Column {
    match name {
        "sku" => Column::Sku,
        "product_name" | "name" => Column::ProductName,
        "category" => Column::Category,
        "unit_cost" | "cost_price" => Column::UnitCost,
        "selling_price" => Column::Detail(Detail::SellingPrice),
        "lead_time_days" => Column::Detail(Detail::LeadTimeDays),
        "safety_stock_days" => Column::Detail(Detail::SafetyStockDays),
        "manual_daily_forecast" => Column::Detail(Detail::ManualDailyForecast),
        "listed_on" => Column::Detail(Detail::ListedOn),
        "weight_g" => Column::Detail(Detail::WeightG),
        "created_at" => Column::Detail(Detail::CreatedAt),
        "updated_at" => Column::Detail(Detail::UpdatedAt),
        _ => Column::ItemId,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sortable_column_has_one_of_the_board() {
        let unknown = SORTABLE.iter().filter(|name| **name != "item_id" && column(name) == Column::ItemId);
        assert_eq!(unknown.count(), 0);
        assert!(SORTABLE[SORTABLE.len() - MONEY_COLUMNS..].contains(&"cost_price"));
    }
}
