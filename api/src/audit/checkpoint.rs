//! `GET /audit/checkpoint`: where the log stands, signed.

use axum::extract::State;
use chrono::{DateTime, Utc};
use event_log::checkpoint::{SignedCheckpoint, tip};
use utoipa::ToSchema;

use super::AsWritten;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// A signed checkpoint, in the order in which it is written.
#[derive(ToSchema)]
#[schema(as = Checkpoint)]
#[expect(dead_code, reason = "it only describes what the log writes")]
pub(super) struct CheckpointBody {
    /// `stocktrail checkpoint 1`.
    format: String,
    /// When it was made.
    taken_at: DateTime<Utc>,
    /// The partition of the company.
    partitions: Vec<TipBody>,
    /// Key that signed it (Ed25519), 64 hexadecimal digits.
    public_key: String,
    /// Signature, 128 hexadecimal digits.
    signature: String,
}

/// Where a partition stood.
#[derive(ToSchema)]
#[schema(as = CheckpointPartition)]
#[expect(dead_code, reason = "it only describes what the log writes")]
pub(super) struct TipBody {
    /// Partition of the log.
    partition: i16,
    /// Number of its last batch.
    batch: i64,
    /// Position of its last event.
    position: i64,
    /// Hash of the last batch, over the hash of the batch before and the batch's events.
    hash: String,
    /// Root of the Merkle tree (RFC 9162) over the hashes of all batches.
    tree: String,
}

/// Take a checkpoint.
///
/// Says where the log stands, signed. Keep it out of reach of those who run the log: `replay verify --checkpoint`
/// proves that a later log extends it. Keep the answer byte for byte.
#[utoipa::path(get, path = "/audit/checkpoint", operation_id = "read_checkpoint", tag = "log",
    responses((status = 200, description = "A signed checkpoint", body = CheckpointBody)),
    extensions(("x-room" = json!("settings"))))]
pub(crate) async fn read_checkpoint(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<AsWritten, Problem> {
    let partition = state.committers.partition_of(caller.company_id);
    let (_turn, mut conn) = state.audit.read().await?;
    let tip = tip(&mut conn, partition).await?;
    AsWritten::new(SignedCheckpoint::sign(&state.audit.key, caller.now, vec![tip]).to_text())
}
