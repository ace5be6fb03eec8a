//! GET /dashboard/metrics: the dashboard, widget by widget.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::figures::DashboardFigures;
use super::glance::Glance;
use super::widgets::Widgets;
use crate::context::Caller;
use crate::extract::Query;
use crate::planning::as_of::PlanParams;
use crate::problem::Problem;
use crate::state::AppState;

/// Figures and widgets of a company, or of one of its locations.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DashboardMetrics {
    /// The day that they are as of.
    as_of: NaiveDate,
    /// When they were looked up.
    computed_at: DateTime<Utc>,
    /// Figures over all planned products.
    metrics: DashboardFigures,
    /// Widget by widget.
    #[serde(flatten)]
    widgets: Widgets,
}

/// Read the widgets of the dashboard.
///
/// Value of the stock, turnover, how many products are in which health, what is most urgent, what happened of late.
#[utoipa::path(
    get,
    path = "/dashboard/metrics",
    operation_id = "read_dashboard_metrics",
    tag = "dashboard",
    params(PlanParams),
    responses((status = 200, description = "The widgets", body = DashboardMetrics)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404])))
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Query(params): Query<PlanParams>,
) -> Result<Json<DashboardMetrics>, Problem> {
    let glance = Glance::at(&state, &caller, &params).await?;
    Ok(Json(DashboardMetrics {
        as_of: glance.day,
        computed_at: caller.now,
        metrics: DashboardFigures::new(&glance),
        widgets: Widgets::new(&glance)?,
    }))
}
