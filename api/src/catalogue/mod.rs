//! The catalogue at the edge: products, locations, and `/warehouses` as an alias of `/locations`.
//!
//! A product in a path is named by its item id, a former one, its sku, a barcode or the id of a listing, in this
//! order. Writes answer from the command's outcome, reads from the read model.

use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::state::AppState;

mod price;
mod product_body;
mod location_body;
mod view;
mod lookup;
mod if_match;
mod listed_product;
mod product_row;
mod list_products;
mod create_products;
mod read_product;
mod edit_product;
mod deactivate_product;
mod reactivate_product;
mod list_locations;
mod create_location;
mod read_location;
mod edit_location;
mod deactivate_location;
mod reactivate_location;
mod warehouses;

pub(crate) use listed_product::SupplierName;
pub(crate) use lookup::{company_currency, item_named, resolve_item, segment, unknown_location};
pub(crate) use price::{Amount, Price};
pub(crate) use product_body::stated;

/// Operations of this room.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    let products = OpenApiRouter::new()
        .routes(routes!(list_products::list, create_products::create))
        .routes(routes!(list_products::export))
        .routes(routes!(read_product::read, edit_product::edit, deactivate_product::delete))
        .routes(routes!(deactivate_product::deactivate))
        .routes(routes!(reactivate_product::reactivate));
    let warehouses = locations().map(warehouses::alias);
    locations().into_iter().chain(warehouses).fold(products, OpenApiRouter::routes)
}

/// Operations on locations.
fn locations() -> [UtoipaMethodRouter<AppState>; 4] {
    [
        routes!(list_locations::list, create_location::create),
        routes!(read_location::read, edit_location::edit, deactivate_location::delete),
        routes!(deactivate_location::deactivate),
        routes!(reactivate_location::reactivate),
    ]
}
