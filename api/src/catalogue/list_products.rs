//! `GET /products` and `GET /products/export`: the list of products, as a page or as a file.
//!
//! The company's board in memory filters, sorts and counts; the rows of the page come from the read model by their keys.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use std::collections::{BTreeMap, HashMap};

use projections::catalogue::{ProductRow, queries};
use projections::planning::items::Terms;
use projections::planning::supplier_queries;
use projections::stock::board::{Ask, Column, Detail, Filter, Found, ItemRow, Sort};
use projections::tenant;

use crate::catalogue::listed_product::ListedProduct;
use crate::catalogue::lookup::shown;
use crate::catalogue::product_row::ProductLine;
use crate::catalogue::view::Shown;
use crate::context::Caller;
use crate::extract::Query;
use crate::list::{Format, List, ListParams, Listing, chunks, count, download, sortable};
use crate::planning::find::{Moment, find};
use crate::planning::plan_columns;
use crate::planning::plan_filters::PlanFilters;
use crate::problem::Problem;
use crate::room::Room;
use crate::state::AppState;

/// Columns that a list can be sorted by.
const SORTABLE: [&str; 18] = [
    "item_id",
    "sku",
    "product_name",
    "name",
    "category",
    "total_stock",
    "current_stock",
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
    "inventory_value",
];
/// How many of them, at the end, are money.
const MONEY_COLUMNS: usize = 4;

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
    /// Products that have been at this location, with its plans; `min_stock` and `max_stock` are then about the stock there.
    location_id: Option<String>,
    /// At least so many units on hand.
    min_stock: Option<i64>,
    /// At most so many units on hand.
    max_stock: Option<i64>,
    /// Stock and plans as of the close of this date, or of this instant.
    as_of: Option<String>,
}

/// List products.
///
/// A page of the active products with their stock, supplier and plan, or with `format` the whole filtered list as a file
/// (not for the role WAREHOUSE). Sorted by item id unless `sort` names other columns; `priority` puts the most urgent first.
#[utoipa::path(
    get,
    path = "/products",
    operation_id = "list_products",
    tag = "catalogue",
    params(ListParams, ProductFilters, PlanFilters),
    responses((status = 200, description = "A page of products", body = List<ListedProduct>)),
    extensions(("x-room" = json!("read")))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(filters): Query<ProductFilters>,
    Query(by_plan): Query<PlanFilters>,
) -> Result<Response, Problem> {
    let question = Question::new(&state, &caller, &listing, filters, by_plan).await?;
    if listing.format.is_download() {
        return file(state, caller, &listing, question).await;
    }
    let (offset, limit) = listing.window();
    let found = question.find(&state, &caller, offset, limit).await?;
    let items = listed(&state, &caller, &found.items).await?;
    let total = i64::try_from(found.total).unwrap_or(i64::MAX);
    Ok(List::new(items, total, &listing).into_response())
}

/// Export products.
///
/// The whole filtered and sorted list as a file: CSV, or with `format=xlsx` a workbook.
#[utoipa::path(
    get,
    path = "/products/export",
    operation_id = "export_products",
    tag = "catalogue",
    params(ListParams, ProductFilters, PlanFilters),
    responses((status = 200, description = "The list as a file", body = String, content_type = "text/csv")),
    extensions(("x-room" = json!("money")))
)]
pub(crate) async fn export(
    State(state): State<AppState>,
    caller: Caller,
    mut listing: Listing,
    Query(filters): Query<ProductFilters>,
    Query(by_plan): Query<PlanFilters>,
) -> Result<Response, Problem> {
    if !listing.format.is_download() {
        listing.format = Format::Csv;
    }
    let question = Question::new(&state, &caller, &listing, filters, by_plan).await?;
    file(state, caller, &listing, question).await
}

async fn file(
    state: AppState,
    caller: Caller,
    listing: &Listing,
    question: Question,
) -> Result<Response, Problem> {
    caller.require(Room::Money)?;
    let found = question.find(&state, &caller, 0, usize::MAX).await?;
    let rows = chunks((state, caller, found.items), |held, offset, limit| async move {
        let (state, caller, items) = &held;
        let (from, rest) = (count(offset).min(items.len()), count(limit));
        let page = items.get(from..from.saturating_add(rest).min(items.len())).unwrap_or_default();
        let lines = listed(state, caller, page).await?.into_iter().map(ProductLine).collect();
        Ok((held, lines))
    });
    download(listing, "products", rows).await
}

/// What is asked, without the page.
struct Question {
    filter: Filter,
    sort: Vec<Sort>,
    as_of: Option<String>,
}

/// What the rows of a page show of their suppliers and of money.
struct Around {
    rows: HashMap<String, ProductRow>,
    suppliers: BTreeMap<String, Terms>,
    shown: Shown,
}

impl Question {
    async fn new(
        state: &AppState,
        caller: &Caller,
        listing: &Listing,
        filters: ProductFilters,
        by_plan: PlanFilters,
    ) -> Result<Self, Problem> {
        let filter = Filter {
            location_id: filters.location_id,
            category: filters.category,
            search: filters.search,
            min_stock: filters.min_stock,
            max_stock: filters.max_stock,
            inactive: filters.is_active == Some(false),
            ..Filter::default()
        };
        let sort = plan_columns::sort(listing, sortable(caller, &SORTABLE, MONEY_COLUMNS), column)?;
        Ok(Self { filter: by_plan.join(state, caller, filter).await?, sort, as_of: filters.as_of })
    }

    async fn find(
        &self,
        state: &AppState,
        caller: &Caller,
        offset: usize,
        limit: usize,
    ) -> Result<Found, Problem> {
        let ask = Ask { filter: self.filter.clone(), sort: self.sort.clone(), offset, limit };
        let moment = Moment {
            as_of: self.as_of.as_deref(),
            known_at: None,
            location: self.filter.location_id.as_deref(),
        };
        Ok(find(state, caller, moment, &ask).await?.0)
    }
}

/// The rows of these items as they are shown.
async fn listed(state: &AppState, caller: &Caller, items: &[ItemRow]) -> Result<Vec<ListedProduct>, Problem> {
    let keys: Vec<String> = items.iter().map(|item| item.item_key.clone()).collect();
    let mut tx = tenant::begin(&state.reads, caller.company_id).await?;
    let rows = queries::products(&mut tx, caller.company_id, &keys).await?;
    let mut around = Around {
        rows: rows.into_iter().map(|row| (row.item_key.clone(), row)).collect(),
        suppliers: supplier_queries::chosen(&mut tx, caller.company_id, &keys).await?,
        shown: shown(&mut tx, state, caller).await?,
    };
    let listed = items.iter().filter_map(|item| {
        let row = around.rows.remove(&item.item_key)?;
        let supplier = around.suppliers.remove(&item.item_key);
        Some(ListedProduct::new(&row, item, supplier, around.shown))
    });
    Ok(listed.collect())
}

fn column(name: &str) -> Option<Column> {
    Some(match name {
        "item_id" => Column::ItemId,
        "total_stock" | "current_stock" => Column::TotalStock,
        "inventory_value" => Column::InventoryValue,
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
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sortable_column_has_one_of_the_board() {
        assert!(SORTABLE.iter().all(|name| column(name).is_some()));
        assert!(SORTABLE[SORTABLE.len() - MONEY_COLUMNS..].contains(&"cost_price"));
    }
}
