//! GET /dashboard: figures, short lists, widgets and alerts.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::alerts::{Alert, alerts};
use super::figures::DashboardFigures;
use super::glance::Glance;
use super::top_item::TopItem;
use super::widgets::Widgets;
use crate::context::Caller;
use crate::extract::Query;
use crate::planning::as_of::PlanParams;
use crate::problem::Problem;
use crate::state::AppState;

/// A company, or one of its locations, at a glance.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Dashboard {
    /// The day that it is as of.
    as_of: NaiveDate,
    /// When it was looked up.
    computed_at: DateTime<Utc>,
    /// Figures over all planned products.
    metrics: DashboardFigures,
    /// The five most understocked products (R27).
    top_understocked: Vec<TopItem>,
    /// The five most overstocked products (R27).
    top_overstocked: Vec<TopItem>,
    /// The same and more, widget by widget.
    widgets: Widgets,
    /// What somebody should know at once, at most 20 of a kind.
    alerts: Vec<Alert>,
}

/// Read the dashboard.
///
/// Values, days of inventory, turnover, what is most urgent, and alerts: of the company or, with `location_id`, of one
/// location; with `as_of` at the close of a day. Changes are against seven days before.
#[utoipa::path(
    get,
    path = "/dashboard",
    operation_id = "read_dashboard",
    tag = "dashboard",
    params(PlanParams),
    responses((status = 200, description = "The dashboard", body = Dashboard)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404])))
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Query(params): Query<PlanParams>,
) -> Result<Json<Dashboard>, Problem> {
    let glance = Glance::at(&state, &caller, &params).await?;
    Ok(Json(Dashboard {
        as_of: glance.day,
        computed_at: caller.now,
        metrics: DashboardFigures::new(&glance),
        top_understocked: TopItem::all(&glance.overview.understocked),
        top_overstocked: TopItem::all(&glance.overview.overstocked),
        widgets: Widgets::new(&glance)?,
        alerts: alerts(&state, &caller, &glance).await?,
    }))
}
