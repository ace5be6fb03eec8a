//! `GET /audit/proof/{event_id}`: proof that an event is in the log.

use axum::extract::State;
use chrono::{DateTime, Utc};
use event_log::checkpoint::{SignedCheckpoint, tip};
use event_log::proof::{ProofError, inclusion, prove};
use event_log::read;
use utoipa::ToSchema;
use uuid::Uuid;

use super::AsWritten;
use super::checkpoint::CheckpointBody;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// A proof, in the order in which it is written.
#[derive(ToSchema)]
#[schema(as = Proof)]
#[expect(dead_code, reason = "it only describes what the log writes")]
struct ProofBody {
    /// `stocktrail proof 1`.
    format: String,
    /// The event, every column of the log.
    event: ProvenEventBody,
    /// The batch with which it was recorded.
    batch: ProvenBatchBody,
    /// Hashes beside the way from the batch to the checkpoint's tree, from the batch up.
    path: Vec<String>,
    /// The checkpoint that it leads to.
    checkpoint: CheckpointBody,
}

/// An event as it was hashed.
#[derive(ToSchema)]
#[schema(as = ProvenEvent)]
#[expect(dead_code, reason = "it only describes what the log writes")]
struct ProvenEventBody {
    partition: i16,
    position: i64,
    company_id: Uuid,
    stream_type: String,
    stream_id: String,
    version: i64,
    event_id: Uuid,
    event_type: String,
    schema_version: i16,
    effective_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    /// The exact stored JSON, as a text.
    payload: String,
    /// The exact stored JSON, as a text.
    metadata: String,
}

/// A batch of the log.
#[derive(ToSchema)]
#[schema(as = ProvenBatch)]
#[expect(dead_code, reason = "it only describes what the log writes")]
struct ProvenBatchBody {
    /// Its number.
    batch: i64,
    /// Hash of the batch before.
    previous: String,
    /// Place of the event among the batch's events, from 0.
    place: u64,
    /// Hashes of the batch's events. The other events stay unknown.
    events: Vec<String>,
}

/// Prove an event.
///
/// The proof leads from the event to a signed checkpoint. `replay check-proof` checks it without a database; one
/// changed bit spoils it, so keep the answer byte for byte. The id of a movement stands for its event.
#[utoipa::path(get, path = "/audit/proof/{event_id}", operation_id = "read_proof", tag = "log",
    params(("event_id" = Uuid, Path, description = "The event, or a movement")),
    responses((status = 200, description = "A proof", body = ProofBody)),
    extensions(("x-room" = json!("settings")), ("x-problems" = json!([409]))))]
pub(crate) async fn read_proof(
    State(state): State<AppState>,
    caller: Caller,
    Path(event_id): Path<Uuid>,
) -> Result<AsWritten, Problem> {
    let partition = state.committers.partition_of(caller.company_id);
    let (_turn, mut conn) = state.audit.read().await?;
    let position = read::find(&mut conn, partition, Some(caller.company_id), event_id).await?;
    let position = position.ok_or_else(|| Problem::not_found("event"))?;
    let found = inclusion(&mut conn, partition, position).await?;
    let found = found.ok_or_else(|| Problem::not_found("event"))?;
    let tip = tip(&mut conn, partition).await?;
    let checkpoint = SignedCheckpoint::sign(&state.audit.key, caller.now, vec![tip]);
    AsWritten::new(prove(&mut conn, found, checkpoint).await?.to_text())
}

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Log(error) => Self::from(error),
            ProofError::Altered => Self::conflict("event_altered", error.to_string()),
            ProofError::NotCovered | ProofError::NotExtended => Self::internal(&error),
        }
    }
}
