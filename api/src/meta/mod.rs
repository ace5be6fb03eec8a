//! GET /meta: the words that forms offer.

use axum::Json;
use commands::accounts::Role;
use domain::shared::money::Currency;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::context::Caller;
use crate::state::AppState;

/// Words that requests may use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Meta {
    /// ISO 4217 codes.
    #[schema(value_type = Vec<String>)]
    currencies: Vec<Currency>,
    /// IANA time zones.
    time_zones: Vec<&'static str>,
    /// Roles of members and keys.
    roles: Vec<&'static str>,
    /// Reasons of stock adjustments.
    reasons: &'static [&'static str],
    /// Kinds of stock adjustments.
    adjustment_types: &'static [&'static str],
    /// Kinds of locations.
    location_kinds: &'static [&'static str],
    /// Marketplaces of locations.
    marketplaces: &'static [&'static str],
    /// Display types of movements.
    movement_types: &'static [&'static str],
}

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(read_meta))
}

/// Read the words that forms offer.
#[utoipa::path(get, path = "/meta", operation_id = "read_meta", tag = "settings",
    responses((status = 200, description = "Currencies, time zones, roles, reasons", body = Meta)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn read_meta(_caller: Caller) -> Json<Meta> {
    Json(Meta {
        currencies: Currency::all().collect(),
        time_zones: chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect(),
        roles: Role::ALL.iter().map(|role| role.name()).collect(),
        reasons: &["RECEIVING", "DAMAGE", "LOSS", "INVENTORY_COUNT", "CORRECTION", "OTHER"],
        adjustment_types: &["ADD", "SUBTRACT", "SET_TO"],
        location_kinds: &["OWN", "MARKETPLACE_FF", "STORE", "WEBSITE", "TRANSIT"],
        marketplaces: &["OZON", "WILDBERRIES", "WEBSITE"],
        movement_types: &["INBOUND", "OUTBOUND", "TRANSFER", "ADJUSTMENT", "SYNC_UPDATE", "INITIAL_LOAD"],
    })
}
