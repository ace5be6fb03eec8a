//! GET /dashboard/urgent-products: the beginning of the work queue.

use axum::Json;
use axum::extract::State;
use domain::planning::cover::Colour;
use projections::stock::board::{Ask, Filter, PlanFilter, PlanWord, work_queue};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::top_item::TopItem;
use crate::context::Caller;
use crate::extract::Query;
use crate::planning::find::{Moment, find};
use crate::problem::Problem;
use crate::state::AppState;

/// Largest list.
const MOST: u8 = 50;
/// Items of the list unless another number is asked for.
const DEFAULT: u8 = 5;

/// How many, when and where.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UrgentParams {
    /// Products at most.
    #[param(minimum = 1, maximum = 50, default = 5)]
    limit: Option<u8>,
    /// What was urgent at the close of this date, or on the day of this instant.
    as_of: Option<String>,
    /// Products that have been at this location, by its plan.
    location_id: Option<String>,
}

/// The most urgent products.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct UrgentProducts {
    /// The products, the most urgent first (R26).
    items: Vec<TopItem>,
    /// Planned products in all.
    total: usize,
}

/// List the most urgent products.
///
/// The beginning of the work queue: the highest priority first, then what lasts least.
#[utoipa::path(
    get,
    path = "/dashboard/urgent-products",
    operation_id = "list_urgent_products",
    tag = "dashboard",
    params(UrgentParams),
    responses((status = 200, description = "The products", body = UrgentProducts)),
    extensions(("x-room" = json!("read")))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(params): Query<UrgentParams>,
) -> Result<Json<UrgentProducts>, Problem> {
    let limit = params.limit.unwrap_or(DEFAULT);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid(
            "invalid_parameter",
            "?limit",
            format!("must lie between 1 and {MOST}"),
        ));
    }
    // Every planned product has a health.
    let planned = Colour::ALL.iter().map(|colour| PlanWord::Health(*colour)).collect();
    let ask = Ask {
        filter: Filter {
            location_id: params.location_id.clone(),
            plan: PlanFilter { words: vec![planned], ..PlanFilter::default() },
            ..Filter::default()
        },
        sort: work_queue(),
        offset: 0,
        limit: usize::from(limit),
    };
    let moment =
        Moment { as_of: params.as_of.as_deref(), known_at: None, location: params.location_id.as_deref() };
    let (found, _) = find(&state, &caller, moment, &ask).await?;
    Ok(Json(UrgentProducts { items: TopItem::all(&found.items), total: found.total }))
}
