//! GET /ops/relay: how far other systems have been told what happened.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use projections::outbound::{self, Told};
use serde::Serialize;
use utoipa::ToSchema;

use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// All outlets; none where no other system was ever named.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RelayList {
    /// One entry per outlet and partition.
    items: Vec<RelayRow>,
}

/// One outlet in one partition of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RelayRow {
    /// The other system.
    #[schema(example = "kafka:stocktrail.events")]
    outlet: String,
    /// Partition of the log.
    partition: i16,
    /// `opening`, `relaying`, `waiting` (see `detail`), or `idle` while no process hands events on.
    #[schema(example = "relaying")]
    state: &'static str,
    /// What is waited for.
    detail: Option<String>,
    /// Since when it is so.
    since: DateTime<Utc>,
    /// The process that hands events on.
    process: Option<String>,
    /// Handed on up to here, as of about a second ago; null until that is known.
    position: Option<i64>,
    /// Length of the partition.
    head: i64,
    /// Events to go.
    lag_events: i64,
}

impl From<Told> for RelayRow {
    fn from(told: Told) -> Self {
        let Told { name, partition, position, head, state, detail, since, process } = told;
        let state = match state.as_str() {
            _ if process.is_none() => "idle",
            "opening" => "opening",
            "waiting" => "waiting",
            _ => "relaying",
        };
        let lag_events = (head - position.unwrap_or(0)).max(0);
        Self { outlet: name, partition, state, detail, since, process, position, head, lag_events }
    }
}

/// List the outlets.
///
/// Where the relay to Kafka and the mirror to KurrentDB stand, whichever process has them.
#[utoipa::path(get, path = "/ops/relay", operation_id = "list_relays", tag = "operations",
    responses((status = 200, description = "Where every outlet stands", body = RelayList)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn list_relays(
    State(state): State<AppState>,
    _caller: Caller,
) -> Result<Json<RelayList>, Problem> {
    let rows = outbound::all(state.database.owner()).await?;
    Ok(Json(RelayList { items: rows.into_iter().map(RelayRow::from).collect() }))
}
