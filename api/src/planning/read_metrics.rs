//! `GET /products/{item_id}/metrics`: every figure of one product.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use projections::planning::queries::{Question, too_large, view};
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalogue::resolve_item;
use crate::context::Caller;
use crate::extract::{Path, Query};
use crate::planning::as_of::{PlanParams, before_the_first_day, shown};
use crate::planning::figures::Figures;
use crate::problem::Problem;
use crate::state::AppState;

/// A product and the figures of its plan.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Metrics {
    /// Business key.
    #[schema(example = "85123A")]
    item_id: String,
    /// Category.
    category: String,
    /// Whether it is planned.
    is_active: bool,
    /// When the figures were looked up.
    computed_at: DateTime<Utc>,
    /// The figures.
    #[serde(flatten)]
    figures: Figures,
}

/// Read the figures of a product.
///
/// Every value of the planning rules, by name. Demand ends with the last complete day: yesterday for today's plan, the
/// day itself for a past one. What the catalogue, suppliers and settings say is as of now.
#[utoipa::path(
    get,
    path = "/products/{item_id}/metrics",
    operation_id = "read_product_metrics",
    tag = "planning",
    params(PlanParams, ("item_id" = String, Path, description = "Item id, sku, barcode or id of a listing")),
    responses((status = 200, description = "Its figures", body = Metrics)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404, 409, 422])))
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Path(item): Path<String>,
    Query(params): Query<PlanParams>,
) -> Result<Json<Metrics>, Problem> {
    let mut tx = caller.read(&state, &["catalogue", "planning"]).await?;
    let item_key = resolve_item(&mut tx, &caller, &item).await?;
    let day = params.day(&mut tx, &state, &caller).await?;
    let location = params.location(&mut tx, &caller).await?;
    drop(tx);
    let items = [item_key];
    let question = Question { as_of: day, location: location.as_deref(), items: Some(&items) };
    let found = before_the_first_day(view(&state.reads, caller.company_id, &question).await?)?;
    let Some(planned) = found.planned.first() else {
        return Err(unplanned(&state, &caller, &items, &item).await);
    };
    Ok(Json(Metrics {
        item_id: planned.item_id.clone(),
        category: planned.category.clone(),
        is_active: planned.is_active,
        computed_at: caller.now,
        figures: Figures::new(planned, shown(&found.firm, &caller)),
    }))
}

/// 409: no plan can hold a figure of the product. 503: it was created a moment ago.
async fn unplanned(state: &AppState, caller: &Caller, items: &[String; 1], named: &str) -> Problem {
    let [item_key] = items;
    let read = async {
        let mut tx = projections::tenant::begin(&state.reads, caller.company_id).await?;
        too_large(&mut tx, caller.company_id, item_key).await
    };
    match read.await {
        Ok(Some(value)) => Problem::conflict("cannot_be_planned", format!("{value} of {named} is too large"))
            .with("figure", value),
        Ok(None) => Problem::unavailable(format!("{named} is being planned"), 1),
        Err(error) => error.into(),
    }
}
