//! GET /ops/projections: where the read models stand.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use projections::status::{self, ProjectionStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// All read models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectionList {
    /// One entry per projection, copy and partition.
    items: Vec<ProjectionRow>,
}

/// One copy of one read model in one partition.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectionRow {
    /// Projection.
    #[schema(example = "inventory")]
    name: String,
    /// Version of its tables.
    version: i32,
    /// `live`, `next` (being built) or `old` (kept for rollback).
    copy: String,
    /// Partition of the log.
    partition: i16,
    /// Folded up to here.
    position: i64,
    /// Length of the partition.
    head: i64,
    /// Events to go.
    lag_events: i64,
    /// When the position moved last.
    moved_at: DateTime<Utc>,
    /// Process that folds it now; none for copies that are not live, and while nobody does.
    #[schema(example = "inventory-7c9f:4711")]
    holder: Option<String>,
    /// How often the work has changed hands; none before somebody has taken it up.
    epoch: Option<i64>,
    /// Streams that are left out because an event of theirs cannot be folded.
    parked: i64,
}

impl From<ProjectionStatus> for ProjectionRow {
    fn from(status: ProjectionStatus) -> Self {
        let ProjectionStatus {
            name,
            version,
            copy,
            partition,
            position,
            head,
            moved_at,
            holder,
            epoch,
            parked,
        } = status;
        Self {
            name,
            version,
            copy,
            partition,
            position,
            head,
            lag_events: (head - position).max(0),
            moved_at,
            holder,
            epoch,
            parked,
        }
    }
}

/// List the read models.
#[utoipa::path(get, path = "/ops/projections", operation_id = "list_projections", tag = "operations",
    responses((status = 200, description = "Where every read model stands", body = ProjectionList)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn list_projections(
    State(state): State<AppState>,
    _caller: Caller,
) -> Result<Json<ProjectionList>, Problem> {
    let rows = status::read(state.database.owner()).await?;
    Ok(Json(ProjectionList { items: rows.into_iter().map(ProjectionRow::from).collect() }))
}
