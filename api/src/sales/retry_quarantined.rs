//! POST /quarantine/{id}/retry: a quarantined line is tried again.

use axum::extract::State;
use commands::{Operation, Outcome};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::Written;
use crate::body::Digest;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// A released line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetryAnswer {
    /// The entry.
    quarantine_id: Uuid,
    /// Always true; a line that is still unknown is a problem.
    released: bool,
    /// The line had been recorded on another way meanwhile, so that nothing was added.
    already_recorded: bool,
    /// Position of the last event.
    position: Option<i64>,
}

/// Retry a quarantined line.
///
/// Answers 409 while its item or location is still unknown.
#[utoipa::path(post, path = "/quarantine/{id}/retry", operation_id = "retry_quarantined", tag = "sales",
    params(("id" = Uuid, Path, description = "The entry")),
    responses((status = 200, description = "The line found its place", body = RetryAnswer)),
    extensions(("x-room" = json!("stock"))))]
pub(crate) async fn retry(
    State(state): State<AppState>,
    caller: Caller,
    Path(quarantine_id): Path<Uuid>,
    digest: Digest,
) -> Result<Written<RetryAnswer>, Problem> {
    let operation = Operation::ReleaseQuarantined { quarantine_id };
    match state.submit_one(&caller, digest, operation).await? {
        (Outcome::Released { already_recorded }, done) => {
            let position = done.position;
            Ok(Written::ok(RetryAnswer { quarantine_id, released: true, already_recorded, position }, done))
        }
        _ => Err(Problem::unavailable("the log answered something else", 1)),
    }
}
