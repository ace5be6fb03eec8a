//! Stock at the edge: orders of people under `/inventory`, the stock list, and its history.
//!
//! Orders answer from the command's outcome. The list comes from the board in memory, history and the past from the
//! read models. `If-Match` of an order is the on hand that the caller saw, as the `ETag` of the last answer said it.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

mod circumstances;
mod stock_answer;
pub(crate) mod instant;
mod adjust;
mod preview_adjustment;
mod count;
mod receive;
mod take_back;
mod transfer;
mod open;
mod inventory_row;
mod list_inventory;
mod movement_filters;
mod movement_row;
mod list_movements;
mod list_item_movements;
mod list_days;
mod diff_inventory;
mod explain_item;

/// Operations of this room.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(adjust::adjust))
        .routes(routes!(preview_adjustment::preview))
        .routes(routes!(count::count))
        .routes(routes!(receive::receive))
        .routes(routes!(take_back::take_back))
        .routes(routes!(transfer::transfer))
        .routes(routes!(open::open))
        .routes(routes!(list_inventory::list))
        .routes(routes!(list_movements::list))
        .routes(routes!(list_days::list))
        .routes(routes!(list_item_movements::list))
        .routes(routes!(diff_inventory::diff))
        .routes(routes!(explain_item::explain_item))
}
