//! `POST /jobs/{job_id}/cancel`: not at all.

use axum::extract::State;
use uuid::Uuid;

use super::view::JobView;
use crate::answer::{Done, Written};
use crate::body::Digest;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Cancel a job.
///
/// A waiting job is cancelled at once, a running one is asked to stop within seconds. 409 when it has ended otherwise.
#[utoipa::path(post, path = "/jobs/{job_id}/cancel", operation_id = "cancel_job", tag = "operations",
    params(("job_id" = Uuid, Path, description = "The job")),
    responses((status = 200, description = "The job as it stands now", body = JobView)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn cancel_job(
    State(state): State<AppState>,
    caller: Caller,
    Path(job_id): Path<Uuid>,
    digest: Digest,
) -> Result<Written<JobView>, Problem> {
    let request = caller.accounts_key(digest);
    let answer = state.jobs.cancel(&state.accounts, caller.company_id, job_id, request.as_ref()).await?;
    let done = Done::from(&answer);
    Ok(Written::ok(answer.value.into(), done))
}
