//! GET /ops/projections: where the read models stand.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use projections::status::{self, ProjectionStatus, RebuildStatus};
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
    /// The last rebuild of every version, whichever process runs it.
    rebuilds: Vec<RebuildRow>,
}

/// The last rebuild of one version of a read model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RebuildRow {
    /// Projection.
    #[schema(example = "inventory")]
    name: String,
    /// Version of the tables that are made.
    version: i32,
    /// `loading`, `indexing`, `catching_up`, `comparing`, `switching` or `done`.
    stage: String,
    /// Whether a process works at it now. One that is neither running nor finished was killed; the next goes on with it.
    running: bool,
    /// Events that are folded.
    events_done: i64,
    /// Events to fold.
    events_total: i64,
    /// Events folded a second.
    events_per_second: i64,
    /// Seconds until the events are folded at this rate; only while they are.
    remaining_seconds: Option<i64>,
    /// When it was begun.
    started_at: DateTime<Utc>,
    /// When it said so last.
    updated_at: DateTime<Utc>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
    /// `switched`, `compared`, `discarded` (parked events were decided on while it was half made), or why it failed.
    outcome: Option<String>,
    /// Rows in which the copies differed.
    differences: Option<i64>,
    /// Milliseconds for which folding stood still for the switch.
    pause_ms: Option<i64>,
}

impl From<RebuildStatus> for RebuildRow {
    fn from(status: RebuildStatus) -> Self {
        Self {
            name: status.name,
            version: status.version,
            stage: status.stage,
            running: status.running,
            events_done: status.events_done,
            events_total: status.events_total,
            events_per_second: status.events_per_second,
            remaining_seconds: status.remaining_seconds,
            started_at: status.started_at,
            updated_at: status.updated_at,
            finished_at: status.finished_at,
            outcome: status.outcome,
            differences: status.differences,
            pause_ms: status.pause_ms,
        }
    }
}

/// One copy of one read model in one partition.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectionRow {
    /// Projection.
    #[schema(example = "inventory")]
    name: String,
    /// Version of its tables.
    version: i32,
    /// `live`, `next` (being built), `old` (kept for rollback) or `check` (folded to be compared).
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
///
/// And how far rebuilds have come, with the time that is left.
#[utoipa::path(get, path = "/ops/projections", operation_id = "list_projections", tag = "operations",
    responses((status = 200, description = "Where every read model stands", body = ProjectionList)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn list_projections(
    State(state): State<AppState>,
    _caller: Caller,
) -> Result<Json<ProjectionList>, Problem> {
    let rows = status::read(state.database.owner()).await?;
    let rebuilds = status::rebuilds(state.database.owner()).await?;
    Ok(Json(ProjectionList {
        items: rows.into_iter().map(ProjectionRow::from).collect(),
        rebuilds: rebuilds.into_iter().map(RebuildRow::from).collect(),
    }))
}
