//! GET /order-planning/suggestions: what to order, in what quantity, from whom.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::shared::money::Currency;
use projections::planning::supplier_queries;
use projections::stock::board::{Ask, Filter, ItemRow, work_queue};
use projections::tenant;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::companies;
use crate::context::Caller;
use crate::extract::Query;
use crate::list::{List, ListParams, Listing, download, in_memory};
use crate::planning::find::{Moment, find};
use crate::planning::plan_columns;
use crate::planning::plan_filters::PlanFilters;
use crate::planning::suggestion_row::SuggestionRow;
use crate::problem::Problem;
use crate::room::Room;
use crate::state::AppState;

/// Columns of its own that the list can be sorted by.
const SORTABLE: [&str; 4] = ["item_id", "sku", "product_name", "category"];

/// Which suggestions are listed. All conditions hold together.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SuggestionFilters {
    /// Suggestions for this location, by its plan.
    location_id: Option<String>,
    /// Exactly this category.
    category: Option<String>,
    /// Item id, sku or name contain this text, whatever its case.
    search: Option<String>,
    /// What was suggested at the close of this date, or on the day of this instant.
    as_of: Option<String>,
}

/// Suggest orders.
///
/// Products that may run out and for which more is expected than is there: `suggested_quantity` covers 30 days and the
/// safety stock, is at least the supplier's least quantity and leaves open orders aside (R24); `recommended_quantity` covers
/// 14 days, lead time and safety stock less stock and open orders (R17). The most urgent first unless `sort` says
/// otherwise; with `format` the whole list as a file (not for the role WAREHOUSE).
#[utoipa::path(
    get,
    path = "/order-planning/suggestions",
    operation_id = "list_suggestions",
    tag = "planning",
    params(ListParams, SuggestionFilters, PlanFilters),
    responses((status = 200, description = "A page of suggestions", body = List<SuggestionRow>)),
    extensions(("x-room" = json!("read")))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(filters): Query<SuggestionFilters>,
    Query(by_plan): Query<PlanFilters>,
) -> Result<Response, Problem> {
    let file = listing.format.is_download();
    if file {
        caller.require(Room::Money)?;
    }
    let sort = plan_columns::sort(&listing, &SORTABLE, plan_columns::own_column)?;
    let filter = Filter {
        location_id: filters.location_id.clone(),
        category: filters.category,
        search: filters.search,
        ..Filter::default()
    };
    let mut filter = by_plan.join(&state, &caller, filter).await?;
    filter.plan.is_suggested = true;
    let (offset, limit) = listing.window();
    let ask = Ask { filter, sort: if sort.is_empty() { work_queue() } else { sort }, offset, limit };
    let location = filters.location_id.as_deref();
    let moment = Moment { as_of: filters.as_of.as_deref(), known_at: None, location };
    let (found, _) = find(&state, &caller, moment, &ask).await?;
    let total = i64::try_from(found.total).unwrap_or(i64::MAX);
    let rows = rows(&state, &caller, found.items).await?;
    if file {
        return download(&listing, "suggestions", in_memory(rows.into_iter())).await;
    }
    Ok(List::new(rows, total, &listing).into_response())
}

async fn rows(state: &AppState, caller: &Caller, items: Vec<ItemRow>) -> Result<Vec<SuggestionRow>, Problem> {
    let keys: Vec<String> = items.iter().map(|item| item.item_key.clone()).collect();
    let mut tx = tenant::begin(&state.reads, caller.company_id).await?;
    let mut suppliers = supplier_queries::chosen(&mut tx, caller.company_id, &keys).await?;
    let shown: Option<Currency> =
        if caller.sees_money() { Some(companies::currency(&mut tx, state, caller).await?) } else { None };
    let row = |item: ItemRow| {
        let terms = suppliers.remove(&item.item_key);
        SuggestionRow::new(item, terms, shown)
    };
    Ok(items.into_iter().filter_map(row).collect())
}
