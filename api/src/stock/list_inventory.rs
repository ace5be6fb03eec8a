//! GET /inventory: the stock list, now or at a past instant, as a page or as a file.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use projections::stock::board::{Ask, Column, Filter, Found, Sort};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::catalogue::company_currency;
use crate::context::Caller;
use crate::extract::Query;
use crate::list::{List, ListParams, Listing, download, in_memory, sortable};
use crate::planning::find::{Moment, find};
use crate::planning::plan_columns;
use crate::planning::plan_filters::PlanFilters;
use crate::problem::Problem;
use crate::room::Room;
use crate::state::AppState;
use crate::stock::inventory_row::{InventoryRow, View};

/// Columns that the list can be sorted by, besides `stock:{location_id}`; money at the end.
const SORTABLE: [&str; 15] = [
    "item_id",
    "sku",
    "product_name",
    "name",
    "category",
    "total_stock",
    "current_stock",
    "reserved",
    "available",
    "drift",
    "last_moved_at",
    "discrepancy_since",
    "unit_cost",
    "cost_price",
    "inventory_value",
];
/// How many of them are money.
const MONEY_COLUMNS: usize = 3;

/// Which products are listed. All conditions hold together.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InventoryFilters {
    /// Products that have been at this location; `min_stock` and `max_stock` are then about the stock there.
    location_id: Option<String>,
    /// Exactly this category.
    category: Option<String>,
    /// Item id, sku or name contain this text, whatever its case.
    search: Option<String>,
    /// At least so many units on hand.
    min_stock: Option<i64>,
    /// At most so many units on hand.
    max_stock: Option<i64>,
    /// Whether stock is below zero somewhere.
    has_discrepancy: Option<bool>,
    /// `false` lists the inactive products in place of the active ones.
    is_active: Option<bool>,
    /// Stock as it was at this instant, or at the close of this date.
    as_of: Option<String>,
    /// Stock as it was known at this instant, or at the close of this date.
    known_at: Option<String>,
}

/// List stock.
///
/// A page of the active products with their stock and what to do about it, or with `format` the whole filtered list as a
/// file (not for the role WAREHOUSE). Sorted by item id unless `sort` names other columns; `stock:{location_id}` sorts by the
/// stock at one location, `priority` puts the most urgent first. With `location_id` the plans are those of that location.
/// `as_of` and `known_at` look at the past, where nothing is reserved; what the catalogue says is as of now, and what was
/// known then is not planned again: with `known_at` the figures of plans are null.
#[utoipa::path(
    get,
    path = "/inventory",
    operation_id = "list_inventory",
    tag = "inventory",
    params(ListParams, InventoryFilters, PlanFilters),
    responses((status = 200, description = "A page of products with their stock", body = List<InventoryRow>)),
    extensions(("x-room" = json!("read")))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(filters): Query<InventoryFilters>,
    Query(by_plan): Query<PlanFilters>,
) -> Result<Response, Problem> {
    let file = listing.format.is_download();
    if file {
        caller.require(Room::Money)?;
    }
    let (offset, limit) = listing.window();
    let ask = Ask {
        sort: sort(&caller, &listing)?,
        filter: by_plan.join(&state, &caller, filters.filter()).await?,
        offset,
        limit,
    };
    let moment = Moment {
        as_of: filters.as_of.as_deref(),
        known_at: filters.known_at.as_deref(),
        location: filters.location_id.as_deref(),
    };
    let (found, past) = find(&state, &caller, moment, &ask).await?;
    let view = view(&state, &caller, &found, past).await?;
    let total = i64::try_from(found.total).unwrap_or(i64::MAX);
    let rows = found.items.into_iter().map(move |row| InventoryRow::new(row, view));
    if file {
        return download(&listing, "inventory", in_memory(rows)).await;
    }
    Ok(List::new(rows.collect(), total, &listing).into_response())
}

/// The company's currency is looked up only where a cost is missing.
async fn view(state: &AppState, caller: &Caller, found: &Found, past: bool) -> Result<View, Problem> {
    let money = caller.sees_money();
    let missing = money && found.items.iter().any(|item| item.unit_cost.is_none());
    let currency = if missing { Some(company_currency(state, caller).await?) } else { None };
    Ok(View { money, currency, past })
}

fn sort(caller: &Caller, listing: &Listing) -> Result<Vec<Sort>, Problem> {
    plan_columns::sort(listing, sortable(caller, &SORTABLE, MONEY_COLUMNS), column)
}

fn column(name: &str) -> Option<Column> {
    if let Some(location) = name.strip_prefix("stock:").filter(|location| !location.is_empty()) {
        return Some(Column::Stock(location.to_owned()));
    }
    Some(match name {
        "item_id" => Column::ItemId,
        "sku" => Column::Sku,
        "product_name" | "name" => Column::ProductName,
        "category" => Column::Category,
        "total_stock" | "current_stock" => Column::TotalStock,
        "reserved" => Column::Reserved,
        "available" => Column::Available,
        "drift" => Column::Drift,
        "last_moved_at" => Column::LastMovedAt,
        "discrepancy_since" => Column::DiscrepancySince,
        "unit_cost" | "cost_price" => Column::UnitCost,
        "inventory_value" => Column::InventoryValue,
        _ => return None,
    })
}

impl InventoryFilters {
    fn filter(&self) -> Filter {
        Filter {
            location_id: self.location_id.clone(),
            category: self.category.clone(),
            search: self.search.clone(),
            min_stock: self.min_stock,
            max_stock: self.max_stock,
            has_discrepancy: self.has_discrepancy,
            inactive: self.is_active == Some(false),
            ..Filter::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sortable_column_is_one_of_the_board() {
        assert!(SORTABLE.iter().all(|name| column(name).is_some()));
        assert!(SORTABLE[SORTABLE.len() - MONEY_COLUMNS..].contains(&"inventory_value"));
    }
}
